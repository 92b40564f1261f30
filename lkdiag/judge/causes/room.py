"""The room is the reason: it was there before, so that the dispatch counts for nothing, or the old one came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Cause, Outcome, State
from lkdiag.facts.validity import SERVER_CLOCKS_MAX_MS
from lkdiag.journal.trial_kinds import RoomReused
from lkdiag.journal.worker_kinds import JobOffered
from lkdiag.judge.causes.diagnosis import Diagnosis, of_finding
from lkdiag.judge.checks import name_reuse, not_carried_out
from lkdiag.judge.wording import watched_s

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.judge.context import TrialInRun

ROOM_EXISTED = "https://github.com/livekit/livekit/issues/4390"
SILENT_DROP = "https://github.com/livekit/agents-js/issues/1211"
ONLY_NEW = (
    "the dispatches of a createRoom or of a token count only for a room that they make: in one that is there already "
    "they start nothing, without an error."
)
WITH_THE_ROOM = ("create-room", "token", "automatic")
TELL_METHOD = "createDispatch in the same room: it works in rooms that are there"


def came_back(trial: TrialInRun) -> Diagnosis | None:
    """F9: the same room (its SID), or one that is not newer than the one that was deleted."""
    if trial.facts.timeline.of(RoomReused):
        finding = not_carried_out.judge(trial) if trial.outcome is Outcome.ERROR else None
    else:
        finding = name_reuse.judge(trial)
    return of_finding(finding, Cause.ROOM_CAME_BACK, would_tell=("a new name for every room", "a longer pause"))


def no_dispatch(trial: TrialInRun) -> Diagnosis | None:
    """F8, or F1 without a trace: the server lists no such dispatch at all."""
    facts = trial.facts
    offered = facts.probe_event(JobOffered) is not None
    if trial.outcome is not Outcome.DROPPED or trial.state is not State.NO_DISPATCH or offered:
        return None
    seen = f"the server has no such dispatch, in {watched_s(facts):.1f} s"
    if facts.room_existed and facts.room is not None and facts.method in WITH_THE_ROOM:
        age_s = ((facts.opened_ns or 0) - facts.prelude_room_ns) / 1e9
        how = "a token" if facts.method == "token" else "createRoom"
        return Diagnosis(
            (Cause.ROOM_EXISTED,),
            ONLY_NEW,
            (seen, f"room {facts.room.row.sid} was {age_s:.1f} s old when it was dispatched to, by {how}"),
            would_tell=(TELL_METHOD,),
            reference=ROOM_EXISTED,
        )
    unnamed = facts.agent_name and any(
        item["agent_name"] == "" for listing in facts.listings for item in listing.row.dispatches
    )
    older = _is_older_than_asked(facts)
    if facts.method in WITH_THE_ROOM and (older or unnamed):
        signs = ["the room is older than the question for it"] if older else []
        signs += ["an unnamed dispatch is listed, as in a room that was made without one"] if unnamed else []
        return Diagnosis(
            (Cause.ROOM_EXISTED,) if older and unnamed else (Cause.ROOM_EXISTED, Cause.LOST_BEFORE_WORKER),
            f"somebody else may have made the room: {ONLY_NEW}",
            (seen, *signs),
            would_tell=(TELL_METHOD, "who else makes rooms of that name"),
            reference=ROOM_EXISTED,
        )
    automatic = facts.method == "automatic"
    return Diagnosis(
        (Cause.NO_WORKER, Cause.WRONG_NAME, Cause.LOST_BEFORE_WORKER) if automatic else (Cause.LOST_BEFORE_WORKER,),
        "it was asked for and is not there, so that no worker can have been called: it was lost within the server."
        if not automatic
        else "no automatic dispatch was made: no worker without a name is connected (one with a name is never "
        "dispatched automatically), or it was lost within the server.",
        (seen,),
        speaks_against=() if older is None else ("the room was made by this trial: its creation fits the question",),
        would_tell=("the server's log of this room", TELL_METHOD),
        reference=SILENT_DROP,
    )


def _is_older_than_asked(facts: DispatchFacts) -> bool | None:
    """By the server's clock; None where that is not known well enough."""
    if facts.clock is None or facts.creation_ms is None or facts.opened_ns is None:
        return None
    asked_ms = facts.clock.server_ms(facts.opened_ns) - facts.clock.error_ms
    return facts.creation_ms < asked_ms - SERVER_CLOCKS_MAX_MS
