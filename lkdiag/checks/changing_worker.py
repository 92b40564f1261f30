"""F11, over a whole run: the jobs of one agent name went to workers of different ids.

Only a note: many workers under one name are the rule in production. Who runs one, and sees two here, has a stale one,
one of another deployment, or one that was restarted (each registration gets an id of its own).
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.checks.judged import JudgedTrial

SLUG = "changing-worker"
REFERENCE = "https://github.com/livekit/agents/issues/670"


def judge(subject: Sequence[JudgedTrial], control: Sequence[JudgedTrial]) -> Finding | None:  # noqa: ARG001
    """A note that names the ids, and how often each took a job."""
    names = {trial.facts.agent_name for trial in subject}
    served = [(trial, worker_id) for trial in subject if (worker_id := worker_of_job(trial)) is not None]
    if len(names) != 1 or len({worker_id for _, worker_id in served}) < 2:
        return None  # a worker for each trial, where lkdiag plays them
    counts = Counter(worker_id for _, worker_id in served)
    ids = ", ".join(f"{worker_id} {count}" for worker_id, count in counts.most_common())
    runs = [worker_id for worker_id, _ in groupby(worker_id for _, worker_id in served)]
    once_each = len(runs) == len(counts)
    log = served[0][0].facts.run.log
    unknown = sorted(set(counts) - log.worker_ids) if log is not None and log.worker_ids else []
    return Finding(
        check=SLUG,
        severity=Severity.NOTE,
        title=f"{len(counts)} workers took the jobs",
        fact=f"jobs by worker: {ids}"
        + ("; one followed the other" if once_each else "; they took turns")
        + (f"; the worker's log knows nothing of {', '.join(unknown)}" if unknown else ""),
        hint=(
            "fine if you run several under this name. If you run one: "
            + (
                "it was restarted in between (each registration has an id of its own), or a deployment replaced it."
                if once_each
                else "another one is registered under the same name, left over or of another deployment."
            )
        ),
        trials=tuple(trial.index for trial, _ in served),
        reference=REFERENCE,
    )


def worker_of_job(trial: JudgedTrial) -> str | None:
    """The id of the worker that took the job, of somebody else's workers."""
    job = trial.facts.job
    return None if job is None or trial.facts.declined or trial.facts.on_probe else job.get("worker_id")


def is_odd_one(trial: JudgedTrial, others: Sequence[JudgedTrial]) -> bool:
    """Whether its job went to a worker that took none of those whose agents came, all of which went to others."""
    mine = worker_of_job(trial)
    same_name = [t for t in others if t.facts.agent_name == trial.facts.agent_name and t.facts.agent is not None]
    theirs = {worker_id for t in same_name if (worker_id := worker_of_job(t)) is not None}
    return mine is not None and bool(theirs) and mine not in theirs
