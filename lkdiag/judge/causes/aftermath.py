"""What goes wrong besides the dispatch, or after it: a second agent, a blind client, webhooks, an agent that left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.contract import Cause
from lkdiag.facts.worker_log import quoted
from lkdiag.judge.causes.diagnosis import Diagnosis, of_finding
from lkdiag.judge.causes.taken import FAILURES, of_jobs
from lkdiag.judge.checks import (
    client_blind,
    failed_present,
    left_early,
    second_agent,
    unreported,
    webhook_doubled,
    webhook_late,
    webhook_missing,
)

if TYPE_CHECKING:
    from lkdiag.judge.context import TrialInRun

REASONS = {
    "job crashed": "its job failed",
    "room disconnected": "it was disconnected from the room",
    "parent process shutdown": "its worker, or the server, ended the job",
}


def second(trial: TrialInRun) -> Diagnosis | None:
    """F10: it says why one agent more is there; whether the first was late stands in its own finding."""
    tell = ("who else in your code calls createDispatch for this room, and after how long",)
    return of_finding(second_agent.judge(trial), Cause.SECOND_AGENT, would_tell=tell)


def contradiction(trial: TrialInRun) -> Diagnosis | None:
    """The agent is there, and the dispatch list says otherwise: that fits no single cause, so none is named."""
    found = of_finding(unreported.judge(trial), would_tell=("a longer --settle: whether the job is listed at all",))
    return found or of_finding(
        failed_present.judge(trial),
        would_tell=("the worker's log of this job: crashed, reconnected, or still at work",),
    )


def blind(trial: TrialInRun) -> Diagnosis | None:
    """F16."""
    tell = ("whether the agent's token says hidden", "another client, of another SDK, in the same room")
    return of_finding(client_blind.judge(trial), Cause.CLIENT_BLIND, would_tell=tell)


def webhooks(trial: TrialInRun) -> Diagnosis | None:
    """F15: all that happened to them. One that is sent again holds up those that follow: that is told first."""
    kinds = (
        (Cause.WEBHOOK_MISSING, webhook_missing.judge(trial), "the server's log of webhooks"),
        (Cause.WEBHOOK_DOUBLED, webhook_doubled.judge(trial), "what your receiver answered the first time"),
        (Cause.WEBHOOK_LATE, webhook_late.judge(trial), "how long your receiver takes to answer"),
    )
    found = [(cause, finding, tell) for cause, finding, tell in kinds if finding is not None]
    if not found:
        return None
    causes = [cause for cause, _, _ in found]
    if Cause.WEBHOOK_MISSING in causes and Cause.WEBHOOK_LATE not in causes:
        causes.append(Cause.WEBHOOK_LATE)  # the watch is over, and it may be on its way still
    return Diagnosis(
        tuple(causes),
        found[0][1].hint,
        tuple(finding.fact for _, finding, _ in found),
        would_tell=tuple(tell for _, _, tell in found),
        reference=found[0][1].reference,
    )


def left(trial: TrialInRun) -> Diagnosis | None:
    """F12: only a note, as an agent may leave when it likes. Its worker knows whether its job had ended, or died.

    The reasons are livekit-agents' (1.8.9 ipc/job_proc_lazy_main.py, `_ShutdownInfo`); any other is the user's own word
    for `ctx.shutdown`.
    """
    facts = trial.facts
    ends = [line for line in of_jobs(facts) if line.what in ("job-ended", *FAILURES)]
    tell = () if ends else ("the worker's log of this job",)
    found = of_finding(left_early.judge(trial), Cause.LEFT_EARLY, would_tell=tell)
    if found is None or not ends:
        return found
    reason = next((line.message.partition(": ")[2] for line in ends if line.what == "job-ended"), "")
    if any(line.what in FAILURES for line in ends):
        statement = "by its worker's log its job failed."
    elif reason:
        statement = f"by its worker's log {REASONS.get(reason, f'its own code ended it ({reason!r})')}."
    else:
        statement = "by its worker's log its job had ended."
    return replace(found, statement=statement, speaks_for=(*found.speaks_for, *map(quoted, ends)))
