"""What a sweep found, as blocks: every room, then how many there are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.document.blocks import BLANK, Column, Narrow, Paragraph, Table, Tone
from lkdiag.report.sweep import Action, SweptRoom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.document.blocks import Block
    from lkdiag.report.sweep import SweepReport

TONE = {Action.DELETED: Tone.GOOD, Action.GONE: Tone.GOOD, Action.SKIPPED: Tone.CAUTION, Action.FAILED: Tone.LOST}
WORDS = {Action.GONE: "closed by itself", Action.FAILED: "not deleted"}
NOBODY = "nobody"
OWN = "lkdiag's"


def blocks(report: SweepReport) -> Iterator[Block]:
    """A table where it fits, else a block a room."""
    if report.rooms:
        acted = any(room.action is not Action.LISTED for room in report.rooms)
        columns = (*COLUMNS, DONE) if acted else COLUMNS
        yield Table("Rooms", columns, report.rooms, narrow=Narrow.SPACED_BLOCKS)
        yield BLANK
    yield Paragraph(summary(report))


def summary(report: SweepReport) -> str:
    """`3 rooms on HOST: 1 of lkdiag's deleted, 2 of others listed`."""
    if not report.rooms:
        return f"No such room on {report.project_host}."
    counts = Counter((room.run is None, WORDS.get(room.action, str(room.action))) for room in report.rooms)
    told = ", ".join(
        f"{count} of {'others' if of_others else OWN} {what}" for (of_others, what), count in counts.items()
    )
    return f"{len(report.rooms)} room{'s' if len(report.rooms) > 1 else ''} on {report.project_host}: {told}"


def age(seconds: int) -> str:
    """`45 s`, `3 min`, `2 h 5 min`, `3 days`: rounded down."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _participants(room: SweptRoom) -> str:
    if room.participants is None:
        return "?"
    told = (f"{one.identity} ({one.kind}{', hidden' if one.hidden else ''})" for one in room.participants)
    return ", ".join(told) or NOBODY


def _done(room: SweptRoom) -> str:
    return WORDS.get(room.action, str(room.action)) + (f": {room.reason}" if room.reason else "")


COLUMNS = (
    Column[SweptRoom]("room", "its name", lambda room: room.room),
    Column[SweptRoom]("SID", "the server's id of the room", lambda room: room.room_sid, is_id=True),
    Column[SweptRoom](
        "run",
        "the run of lkdiag's that made it",
        lambda room: room.run or "not lkdiag's",
        tone=lambda room: Tone.PLAIN if room.run else Tone.CAUTION,
    ),
    Column[SweptRoom]("age", "by the server's creation time", lambda room: age(room.age_s), right=True),
    Column[SweptRoom]("participants", "who is in it", _participants),
    Column[SweptRoom]("what would close it", "without the sweep", lambda room: room.closes),
)
DONE = Column[SweptRoom](
    "sweep", "what the sweep did about it", _done, tone=lambda room: TONE.get(room.action, Tone.PLAIN)
)
