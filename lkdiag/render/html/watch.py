"""What a watch shows on the page besides its dispatches: the calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.fitting import Piece
from lkdiag.render.html.markup import around_hole, written
from lkdiag.render.html.parts import meanings, section
from lkdiag.render.html.tables import open_table, row
from lkdiag.render.watch.columns import COLUMNS, is_worth_telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.report.watch_value import WatchReport


def calls(report: WatchReport) -> Iterator[Piece]:
    """Every call that was followed, and what its columns mean."""
    if not report.calls:
        return
    headers = [(column.header, column.right) for column in COLUMNS]
    frame = open_table("Every call that was followed; times in UTC", headers, name="Calls, table")
    legend = meanings((column.header, column.meaning) for column in COLUMNS)
    before, after = around_hole(section("calls", "Calls", frame, legend))
    yield Piece((before,))
    for call in report.calls:
        cells = [column.cell(call) for column in COLUMNS]
        yield Piece((written(row(headers, cells)), ""), "failing" if is_worth_telling(call) else "passing")
    yield Piece((f"{after}\n",))
