"""What a report says of one call that was followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.watch import left_alone
from lkdiag.report.narrative import utc
from lkdiag.report.sweep_rules import what_closes
from lkdiag.report.sweep_value import Occupant
from lkdiag.report.watch_value import AloneSeen, CallEnd, CallReport, PersonSeen, WatchedRoomLeft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.checks.verdict import Finding
    from lkdiag.checks.watch.call import CallFacts
    from lkdiag.report.value import TimelineLine
    from lkdiag.timeline.presence import Stay


def call_report(
    call: CallFacts,
    alone_for_s: float,
    trials: tuple[int, ...],
    findings: tuple[Finding, ...],
    timeline: tuple[TimelineLine, ...],
) -> CallReport:
    """Everything that is said of it."""
    room, alone = call.room, call.alone
    return CallReport(
        number=call.number,
        room=call.started.data["room"],
        room_sid=None if room is None else room.data["sid"],
        found_at=utc(call.started.at_ns),
        created_at=_created_at(call),
        existed=call.existed,
        trials=trials,
        people=tuple(_person(stay) for stay in call.stays),
        ended=call_end(call, alone_for_s),
        closed_ms=_closed_ms(call),
        alone=None
        if alone is None
        else AloneSeen(
            identity=alone.identity,
            kind=alone.kind,
            since=_utc_of(call, alone.since_ns),
            for_s=round(call.alone_s(alone), 1),
            still=call.is_alone_still(alone),
            left_by=alone.left_by,
        ),
        findings=findings,
        timeline=timeline,
    )


def call_end(call: CallFacts, alone_for_s: float) -> CallEnd:
    """How it was found at last."""
    if left_alone.is_left_over(call, alone_for_s):
        return CallEnd.LEFT_OVER
    if call.closed_ns is not None:
        return CallEnd.CLOSED
    return CallEnd.EMPTY if call.emptied_ns is not None else CallEnd.OPEN


def left_room(call: CallFacts) -> WatchedRoomLeft:
    """Of a call that was left over: its room, and what would close it."""
    room, alone = call.room, call.alone
    assert room is not None, "who was left alone was in a room"
    assert alone is not None, "somebody was left alone in it"
    still = call.is_alone_still(alone)
    there = [stay for stay in call.stays if stay.left_ns is None] if still else []
    return WatchedRoomLeft(
        name=room.data["room"],
        sid=room.data["sid"],
        created_at=_created_at(call),
        participants=tuple(stay.identity for stay in there) or (alone.identity,),
        still_there=still,
        closes=_closes(call, there) if still else _what_became(call),
    )


def _closes(call: CallFacts, there: Sequence[Stay]) -> str:
    room = call.room
    assert room is not None, "it is about its room"
    occupants = tuple(
        Occupant(stay.identity, stay.sid, stay.kind, hidden=False, present_s=_seconds(call.last_ns - stay.seen_ns))
        for stay in there
    )
    return what_closes(
        occupants,
        num_participants=len(there),
        age_s=_seconds(call.last_ns - call.started.mono_ns),
        empty_timeout_s=room.data.get("empty_timeout_s", 0),
        departure_timeout_s=room.data.get("departure_timeout_s", 0),
    )


def _what_became(call: CallFacts) -> str:
    alone = call.alone
    assert alone is not None, "somebody was left alone in it"
    for_s = f"after {call.alone_s(alone):.0f} s"
    if call.closed_ns is not None and (alone.until_ns is None or call.closed_ns <= alone.until_ns):
        return f"it was closed {for_s}"
    return f"{alone.identity} left, or got company, {for_s}"


def _closed_ms(call: CallFacts) -> float | None:
    if call.closed_ns is None or call.emptied_ns is None or call.closed_ns < call.emptied_ns:
        return None
    return round((call.closed_ns - call.emptied_ns) / 1e6, 1)


def _created_at(call: CallFacts) -> str | None:
    created_ms = 0 if call.room is None else call.room.data["creation_time_ms"]
    return utc(created_ms * 1_000_000) if created_ms else None


def _person(stay: Stay) -> PersonSeen:
    stayed_s = None if stay.left_ns is None else round((stay.left_ns - stay.seen_ns) / 1e9, 1)
    return PersonSeen(stay.identity, stay.sid, stay.kind, stayed_s)


def _utc_of(call: CallFacts, mono_ns: int) -> str:
    return utc(call.started.at_ns + mono_ns - call.started.mono_ns)


def _seconds(span_ns: int) -> int:
    return max(0, int(span_ns / 1e9))
