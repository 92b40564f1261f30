"""What goes wrong beside the dispatch, or after it: a second agent, a blind client, webhooks, an agent that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks import (
    client_blind,
    left_early,
    second_agent,
    webhook_doubled,
    webhook_late,
    webhook_missing,
)
from lkdiag.checks.diagnosis.value import Cause, Diagnosis, of_finding

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial


def second(trial: JudgedTrial) -> Diagnosis | None:
    """F10: it says why one agent more is there; whether the first was late stands in its own finding."""
    tell = ("who else in your code calls createDispatch for this room, and after how long",)
    return of_finding(second_agent.judge(trial), Cause.SECOND_AGENT, would_tell=tell)


def blind(trial: JudgedTrial) -> Diagnosis | None:
    """F16."""
    tell = ("whether the agent's token says hidden", "another client, of another SDK, in the same room")
    return of_finding(client_blind.judge(trial), Cause.CLIENT_BLIND, would_tell=tell)


def webhooks(trial: JudgedTrial) -> Diagnosis | None:
    """F15: all that happened to them. One that is sent again holds up those that follow: that is told first."""
    kinds = (
        (Cause.WEBHOOK_MISSING, webhook_missing.judge(trial), "the server's log of webhooks"),
        (Cause.WEBHOOK_DOUBLED, webhook_doubled.judge(trial), "what your receiver answered the first time"),
        (Cause.WEBHOOK_LATE, webhook_late.judge(trial), "how long your receiver takes to answer"),
    )
    found = [(cause, finding, tell) for cause, finding, tell in kinds if finding is not None]
    if not found:
        return None
    return Diagnosis(
        tuple(cause for cause, _, _ in found),
        found[0][1].hint,
        tuple(finding.fact for _, finding, _ in found),
        would_tell=tuple(tell for _, _, tell in found),
        reference=found[0][1].reference,
    )


def left(trial: JudgedTrial) -> Diagnosis | None:
    """F12: only a note, as an agent may leave when it likes."""
    return of_finding(left_early.judge(trial), Cause.LEFT_EARLY, would_tell=("the worker's log of this job",))
