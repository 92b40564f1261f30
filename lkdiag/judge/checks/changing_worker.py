"""F11, over a whole run: the jobs of one agent name went to workers of different ids.

Only a note: many workers under one name are the rule in production. Who runs one, and sees two here, has a stale one,
one of another deployment, or one that was restarted (each registration gets an id of its own).
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.judge.context import TrialSummary

SLUG = CheckSlug.CHANGING_WORKER
REFERENCE = "https://github.com/livekit/agents/issues/670"


def judge(subject: Sequence[TrialSummary], control: Sequence[TrialSummary]) -> Finding | None:  # noqa: ARG001
    """A note that names the ids, and how often each took a job."""
    names = {trial.agent_name for trial in subject}
    served = [(trial, trial.worker_id) for trial in subject if trial.worker_id is not None]
    if len(names) != 1 or len({worker_id for _, worker_id in served}) < 2:
        return None  # a worker for each trial, where lkdiag plays them
    counts = Counter(worker_id for _, worker_id in served)
    ids = ", ".join(f"{worker_id} {count}" for worker_id, count in counts.most_common())
    runs = [worker_id for worker_id, _ in groupby(worker_id for _, worker_id in served)]
    order_known = all(one.run.shard is None for one in subject)
    once_each = order_known and len(runs) == len(counts)
    turns = "; one followed the other" if once_each else "; they took turns"
    log = served[0][0].run.log
    unknown = sorted(set(counts) - log.worker_ids) if log is not None and log.worker_ids else []
    return Finding(
        check=SLUG,
        severity=Severity.NOTE,
        title=f"{len(counts)} workers took the jobs",
        fact=f"jobs by worker: {ids}"
        + (turns if order_known else "")
        + (f"; the worker's log knows nothing of {', '.join(unknown)}" if unknown else ""),
        hint=(
            "fine if you run several under this name. If you run one: "
            + (
                "it was restarted in between (each registration has an id of its own), or a deployment replaced it."
                if once_each
                else "either it was restarted in between, or another one is registered under the same name."
                if not order_known
                else "another one is registered under the same name, left over or of another deployment."
            )
        ),
        trials=tuple(trial.index for trial, _ in served),
        reference=REFERENCE,
    )
