"""The grid for a console: exits over sides over cells, as wide as the terminal lets it be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.render.teardown.grid import cell_text, worst
from lkdiag.render.terminal_table import plain, table
from lkdiag.render.wording import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lkdiag.render.teardown.grid import Grid
    from lkdiag.report.teardown_value import TeardownCell

OUTCOME_STYLE = {
    TeardownOutcome.CLOSED: "green",
    TeardownOutcome.SLOW: "red",
    TeardownOutcome.LEFTOVER: "bold red",
    TeardownOutcome.ERROR: "bold red",
    TeardownOutcome.INCONCLUSIVE: "cyan",
}
LABEL = "cleanup"
LABEL_GAP = 2
LAYOUTS = ((False, 3, 5), (False, 2, 4), (True, 2, 3), (True, 1, 2))
"""Tried in turn: whether cells are short, blanks between two sides, blanks between two exits."""


def grid_table(grid: Grid, width: int) -> list[RenderableType]:
    """Lines of at most `width` cells. A list with a line for each cell where no layout fits."""
    for short, side_gap, exit_gap in LAYOUTS:
        lines = _lines(grid, short=short, side_gap=side_gap, exit_gap=exit_gap)
        if max(line.cell_len for line in lines) <= width:
            return [*lines]
    headers = [(LABEL, False), ("agent exit", False), ("hangs up", False), ("room", False)]
    rows = [
        [plain(cell.cleanup), plain(cell.agent_exit), plain(cell.hangup), _cell(cell)] for cell in grid.cells.values()
    ]
    return [table(headers, rows)]


def _lines(grid: Grid, *, short: bool, side_gap: int, exit_gap: int) -> list[Text]:
    label_width = max(cell_len(plain(name).plain) for name in (LABEL, *grid.cleanups)) + LABEL_GAP
    cells = {key: _cell(cell, short=short) for key, cell in grid.cells.items()}
    widths: list[int] = []
    exits = _padded(Text(""), label_width)
    sides = _padded(plain(LABEL, "bold"), label_width)
    for agent_exit, played in grid.sides.items():
        if widths:
            exits.append(" " * exit_gap)
            sides.append(" " * exit_gap)
        named = [plain(f"{side} hangs up" if len(grid.columns) == 1 else side, "bold") for side in played]
        wanted = [
            max(name.cell_len, *(cells[key].cell_len for key in cells if key[1:] == (agent_exit, side)))
            for side, name in zip(played, named, strict=True)
        ]
        over = plain(agent_exit, "bold")
        wanted[-1] += max(0, over.cell_len - sum(wanted) - side_gap * (len(wanted) - 1))
        for at, (name, cells_wide) in enumerate(zip(named, wanted, strict=True)):
            sides.append(" " * side_gap if at else "").append_text(_padded(name, cells_wide))
            widths.append(cells_wide)
        exits.append_text(_padded(over, sum(wanted) + side_gap * (len(wanted) - 1)))
    rows = [_row(grid, cleanup, cells, label_width, widths, (side_gap, exit_gap)) for cleanup in grid.cleanups]
    rule = Text("─" * max(line.cell_len for line in (exits, sides, *rows)))
    return [exits, sides, rule, *rows]


def _row(
    grid: Grid,
    cleanup: str,
    cells: dict[tuple[str, str, str], Text],
    label_width: int,
    widths: Sequence[int],
    gaps: tuple[int, int],
) -> Text:
    row = _padded(plain(cleanup), label_width)
    before = None
    for (agent_exit, side), cells_wide in zip(grid.columns, widths, strict=True):
        if before is not None:
            row.append(" " * (gaps[0] if agent_exit == before else gaps[1]))
        row.append_text(_padded(cells.get((cleanup, agent_exit, side), Text(NONE, "dim")), cells_wide))
        before = agent_exit
    return row


def _cell(cell: TeardownCell, *, short: bool = False) -> Text:
    return Text(cell_text(cell, short=short), OUTCOME_STYLE[worst(cell)])


def _padded(text: Text, width: int) -> Text:
    """A line of its own in which the text's style ends with the text."""
    return Text.assemble(text, " " * max(0, width - text.cell_len))
