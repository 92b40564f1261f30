"""What a watch shows besides its dispatches: the calls that were followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CallEnd, Severity
from lkdiag.document.blocks import Code, Column, Layout, Part, Section, Span, Stories, Story, Table, TablePart, Tone
from lkdiag.document.wording import NONE, duration, moment, plural, rate, tally, trial_numbers
from lkdiag.report.watch_value import CallReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.document.blocks import Line
    from lkdiag.report.watch_value import WatchReport

Calls = Column[CallReport]

SYMBOL = {CallEnd.CLOSED: "✓", CallEnd.LEFT_OVER: "✗", CallEnd.EMPTY: "·", CallEnd.OPEN: "·"}
TONE = {CallEnd.CLOSED: Tone.GOOD, CallEnd.LEFT_OVER: Tone.LOST}
LISTED_CALLS = 50
"""Above so many a terminal shows only those that were left over."""
SHORT = 5
"""This many columns say how a call ended; the rest identify it."""
ROOM = 6


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
        tone=lambda call: TONE.get(call.ended, Tone.PLAIN),
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


def sections(report: WatchReport) -> Iterator[Section]:
    """The table, and the stories of those that were left over."""
    table = Table(
        "Calls",
        COLUMNS,
        report.calls,
        caption="Every call that was followed; times in UTC",
        empty="No call was seen.",
        fails=is_worth_telling,
        layouts=lambda complete: _layouts(report, complete=complete),
        legend=True,
    )
    yield Section(Part.OVERVIEW, "calls", "Calls", (table,))
    stories = Stories(
        report.calls,
        index=lambda call: call.number,
        findings=lambda call: call.findings,
        fails=is_worth_telling,
        has_story=is_worth_telling,
        kinds=lambda call: frozenset(finding.check for finding in call.findings),
        story=_story,
    )
    yield Section(Part.OVERVIEW_STORIES, "failing-calls", "Failing calls", (stories,))


def _layouts(report: WatchReport, *, complete: bool) -> tuple[Layout[CallReport], ...]:
    """One table where it is wide enough; else what became of them, and the room."""
    few = complete or len(report.calls) <= LISTED_CALLS
    listed = [call for call in report.calls if few or call.ended is CallEnd.LEFT_OVER]
    others = plural(len(report.calls) - len(listed), "other call")
    notes = (f"{others}, none left over: shown with --verbose",) if len(listed) < len(report.calls) else ()
    if not listed:
        return (Layout((TablePart((), (), notes),)),)
    whole = Layout((TablePart(COLUMNS, listed, notes),))
    return (whole,) if complete else (whole, Layout((TablePart((*COLUMNS[:SHORT], COLUMNS[ROOM]), listed, notes),)))


def _story(call: CallReport) -> Story:
    return Story(
        call.number,
        f"Call {call.number}",
        Span(call.ended.value),
        about="",
        brief=(f"room {call.room}",),
        opening=("Room ", Code(call.room), "."),
        timeline=call.timeline,
    )


def sentences(report: WatchReport) -> Iterator[Line]:
    """The first one goes on from a colon."""
    summary = report.summary
    options = report.run.options
    room = options.get("room")
    rooms = ("room ", Code(str(room))) if room else ("rooms ", Code(f"{options.get('prefix')}…"))
    yield "real calls in ", *rooms, " were followed from outside, by the API alone; nobody joined them."
    yield f"{plural(len(report.calls), 'call')}; dispatches in them that were judged: {summary.trials}."
    if summary.trials:
        yield f"Outcomes: {tally(summary.outcomes)}. Lost: {rate(summary.lost_rate)}."
    latency = summary.latency_ms
    if latency.count:
        yield (
            f"Where the agent came, half came within {duration(latency.p50)}, 95 % within {duration(latency.p95)}, "
            f"the last after {duration(latency.max)}."
        )
