"""What a sweep found: a table where it fits, else a block a room, or JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Group
from rich.text import Text

from lkdiag.render.terminal_table import Trimmed, indented, labelled, natural_width, plain, table
from lkdiag.report.sweep_value import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from lkdiag.report.sweep_value import SweepReport, SweptRoom

HEADERS = (
    ("room", False),
    ("SID", False),
    ("run", False),
    ("age", True),
    ("participants", False),
    ("what would close it", False),
)
STYLES = {Action.DELETED: "green", Action.GONE: "green", Action.SKIPPED: "yellow", Action.FAILED: "bold red"}
WORDS = {Action.GONE: "closed by itself", Action.FAILED: "not deleted"}
NOBODY = "nobody"
OWN = "lkdiag's"


def render_sweep(report: SweepReport, console: Console) -> None:
    """Every room, then how many there are."""
    parts: list[RenderableType] = []
    if report.rooms:
        acted = any(room.action is not Action.LISTED for room in report.rooms)
        headers = (*HEADERS, ("sweep", False)) if acted else HEADERS
        rows = [_row(room)[: len(headers)] for room in report.rooms]
        if natural_width(headers, rows) <= console.width:
            parts += [table(headers, rows), ""]
        else:
            parts += _blocks(headers, rows)
    parts.append(plain(summary(report)))
    console.print(Trimmed(Group(*parts)))


def summary(report: SweepReport) -> str:
    """`3 rooms on HOST: 1 of lkdiag's deleted, 2 of others listed`."""
    if not report.rooms:
        return f"No such room on {report.project_host}."
    counts = Counter((room.run is None, WORDS.get(room.action, str(room.action))) for room in report.rooms)
    told = ", ".join(
        f"{count} of {'others' if of_others else OWN} {what}" for (of_others, what), count in counts.items()
    )
    return f"{len(report.rooms)} room{'s' if len(report.rooms) > 1 else ''} on {report.project_host}: {told}"


def render_sweep_json(report: SweepReport) -> str:
    """Indented JSON in ASCII that ends with a newline, so that it is safe to `cat`."""
    fields: dict[str, Any] = msgspec.to_builtins(report)
    text = json.dumps({"schema": fields.pop("schema"), **fields}, indent=2, ensure_ascii=True)
    return text.replace("\x7f", "\\u007f") + "\n"


def age(seconds: int) -> str:
    """`45 s`, `3 min`, `2 h 5 min`, `3 days`: rounded down."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _row(room: SweptRoom) -> list[Text]:
    return [
        plain(room.room),
        plain(room.room_sid),
        plain(room.run or "not lkdiag's", "" if room.run else "yellow"),
        plain(age(room.age_s)),
        _participants(room),
        plain(room.closes),
        _done(room),
    ]


def _participants(room: SweptRoom) -> Text:
    if room.participants is None:
        return plain("?")
    told = (f"{one.identity} ({one.kind}{', hidden' if one.hidden else ''})" for one in room.participants)
    return plain(", ".join(told) or NOBODY)


def _done(room: SweptRoom) -> Text:
    found = plain(WORDS.get(room.action, str(room.action)), STYLES.get(room.action, ""))
    if room.reason:
        found.append_text(plain(f": {room.reason}"))
    return found


def _blocks(headers: Sequence[tuple[str, bool]], rows: Sequence[Sequence[Text]]) -> list[RenderableType]:
    """A table would have to break the ids."""
    found: list[RenderableType] = []
    for row in rows:
        about = [(header, cell) for (header, _), cell in zip(headers[1:], row[1:], strict=True)]
        found += [Text.assemble((row[0].plain, "bold")), indented(labelled(about)), ""]
    return found
