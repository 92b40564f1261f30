"""What a watch shows as Markdown besides its dispatches: its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.fitting import Piece
from lkdiag.render.markdown_parts import story_piece
from lkdiag.render.markdown_text import code, prose, table_head, table_row
from lkdiag.render.watch.columns import COLUMNS, is_worth_telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.report.watch_value import WatchReport


def calls(report: WatchReport) -> Iterator[Piece]:
    """The table, and the stories of those that were left over."""
    if not report.calls:
        return
    yield Piece((f"\n### Calls\n\n{table_head([(column.header, column.right) for column in COLUMNS])}",))
    for call in report.calls:
        row = table_row([prose(column.cell(call)) for column in COLUMNS])
        yield Piece((row, ""), "failing" if is_worth_telling(call) else "passing")
    for number, call in enumerate(call for call in report.calls if is_worth_telling(call)):
        opening = f"Room {code(call.room)}."
        yield story_piece(f"Call {call.number}: {call.ended.value}", opening, "", call.timeline, first=number == 0)
    yield Piece(("\n",))
