"""The one owner of the columns in a table of calls that were followed. Writers own only syntax."""

from __future__ import annotations

from lkdiag.checks.verdict import Severity
from lkdiag.render.column import Column
from lkdiag.render.wording import NONE, duration, moment, trial_numbers
from lkdiag.report.watch_value import CallEnd, CallReport

Calls = Column[CallReport]

SYMBOL = {CallEnd.CLOSED: "✓", CallEnd.LEFT_OVER: "✗", CallEnd.EMPTY: "·", CallEnd.OPEN: "·"}


def _alone(call: CallReport) -> str:
    if call.alone is None:
        return NONE
    still = ", still" if call.alone.still else ""
    return f"{call.alone.identity} ({call.alone.kind}) for {call.alone.for_s:g} s{still}"


def _people(call: CallReport) -> str:
    return ", ".join(f"{one.identity} ({one.kind})" for one in call.people) or "nobody"


COLUMNS = (
    Calls("call", "the call's number, in the order of their coming", lambda call: str(call.number), right=True),
    Calls(
        "ended",
        "closed: the room is gone; left-over: somebody was alone in it for --alone-for and longer; empty: everybody "
        "had left; open: it was going on when the watch ended",
        lambda call: f"{SYMBOL[call.ended]} {call.ended.value}",
    ),
    Calls(
        "closed after",
        "from the last person's leaving until the room was gone, to within a look",
        lambda call: duration(call.closed_ms),
        right=True,
    ),
    Calls("alone", "who was left alone, and for how long", _alone),
    Calls("trials", "its dispatches, by their number below", lambda call: trial_numbers(call.trials) or NONE),
    Calls("found (UTC)", "when it was first seen", lambda call: moment(call.found_at)),
    Calls(
        "room",
        "the room's name; with *: it was there before the watch began",
        lambda call: call.room + ("*" if call.existed else ""),
    ),
    Calls("room SID", "the server's id of the room", lambda call: call.room_sid or NONE),
    Calls("who was in it", "everybody whom a look showed", _people),
)


def is_worth_telling(call: CallReport) -> bool:
    """Whether it is more than a note."""
    return any(finding.severity is not Severity.NOTE for finding in call.findings)
