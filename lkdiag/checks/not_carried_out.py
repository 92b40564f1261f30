"""The trial could not be carried out: there was no dispatch to judge, or the old room came back (F9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Outcome, Severity
from lkdiag.checks.wording import seqs

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

SLUG = "not-carried-out"
ROOM_REUSED = "https://github.com/livekit/livekit/issues/4558"


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding for an outcome `error`."""
    if trial.outcome is not Outcome.ERROR:
        return None
    reused = trial.facts.timeline.first("room.reused") is not None
    if reused:
        hint = (
            "a room of that name was deleted and listRooms knew it no longer, yet createRoom gave the old one back: "
            "with it no agent is dispatched (dispatches of a createRoom count only for a new room). Use a new name for "
            "every room."
        )
    else:
        hint = "there was no dispatch to judge; the API call that failed stands in the timeline, with its answer"
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="the old room came back" if reused else "the trial could not be carried out",
        fact=trial.reason,
        hint=hint,
        trial=trial.index,
        evidence=seqs(trial.facts, "trial.failed", "room.reused"),
        reference=ROOM_REUSED if reused else "",
    )
