"""The trial could not be carried out: there was no dispatch to judge, or the old room came back (F9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Outcome, Severity, TeardownOutcome
from lkdiag.journal.trial_kinds import RoomReused, TrialCrashed, TrialFailed, TrialInterrupted
from lkdiag.judge.checks import not_fit
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import seqs

if TYPE_CHECKING:
    from lkdiag.judge.call import JudgedCall
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.NOT_CARRIED_OUT
ROOM_REUSED = "https://github.com/livekit/livekit/issues/4558"


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding for an outcome `error`."""
    if trial.outcome is not Outcome.ERROR:
        return None
    reused = trial.facts.timeline.first(RoomReused) is not None
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
        evidence=seqs(trial.facts, TrialFailed, RoomReused),
        reference=ROOM_REUSED if reused else "",
    )


def judge_call(call: JudgedCall) -> Finding | None:
    """A finding for an outcome `error` of a call."""
    if call.outcome is not TeardownOutcome.ERROR:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="the call could not be played",
        fact=call.reason,
        hint=not_fit.OF_A_CALL,
        trial=call.index,
        evidence=call.seqs(TrialFailed, TrialCrashed, TrialInterrupted),
    )
