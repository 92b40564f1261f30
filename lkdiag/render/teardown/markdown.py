"""What a teardown report shows as Markdown: its paragraph, the grid, trials and stories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.fitting import Piece
from lkdiag.render.many import row_pieces, story_pieces
from lkdiag.render.markdown_parts import finding_item, story_piece
from lkdiag.render.markdown_text import code, html, prose, table_head, table_row
from lkdiag.render.selection import is_failing
from lkdiag.render.teardown import columns
from lkdiag.render.teardown.grid import cell_text, cleanup_legend, grid_of, mark_legend, where
from lkdiag.render.teardown.wording import company, outcome, played, survivor
from lkdiag.render.wording import NONE, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.report.teardown_value import TeardownReport, TeardownTrial


def figures(report: TeardownReport) -> Iterator[Piece]:
    """The grid, and what its rows and marks mean."""
    grid = grid_of(report)
    if not grid.cells:
        return
    headers = [("cleanup", False), *((prose(f"{left}, {side} hangs up"), False) for left, side in grid.columns)]
    text = f"\n### Is the room closed?\n\n{table_head(headers)}"
    for cleanup in grid.cleanups:
        cells = (grid.cells.get((cleanup, *column)) for column in grid.columns)
        text += table_row([prose(cleanup), *(NONE if cell is None else cell_text(cell) for cell in cells)])
    text += "\n"
    for name, meaning in cleanup_legend(grid):
        text += f"- {code(name)}: {meaning}\n" if meaning else ""
    text += "\n" + " · ".join(f"{mark} {meaning}" for mark, meaning in mark_legend(report, grid)) + "\n"
    yield Piece((text,))


def findings(report: TeardownReport) -> Iterator[str]:
    """Each an item of a list, with the cells in which it was found."""
    grid = grid_of(report)
    explained: set[tuple[str, str]] = set()
    for finding in report.findings:
        cells = where(report, grid, finding.trials) if len(grid.cells) > 1 else []
        yield finding_item(finding, explained, [f"{code(cleanup)}: {prose(text)}" for cleanup, text in cells])


def trials(report: TeardownReport) -> Iterator[Piece]:
    """The table with every id, and what its columns mean."""
    index, *rest = columns.PLAYED
    shown = (index, columns.STARTED, *rest, *columns.JUDGED, *columns.IDS)
    yield Piece((table_head([(column.header, column.right) for column in shown]),))
    yield from row_pieces(report.trials, lambda trial: table_row([prose(column.cell(trial)) for column in shown]))
    meanings = "".join(f"- {column.header}: {column.meaning}\n" for column in shown[1:])
    yield Piece((f"\n<details><summary>What the columns mean</summary>\n\n{meanings}\n</details>\n",))


def stories(report: TeardownReport) -> Iterator[Piece]:
    """The failing trials. What a kind of finding means stands with the findings; a hint of its own is given once."""
    told = (trial for trial in report.trials if is_failing(trial) and (trial.findings or trial.timeline))
    explained: set[tuple[str, str]] = set()

    def made(trial: TeardownTrial, number: int) -> Piece:
        items = "".join(finding_item(finding, explained) for finding in trial.findings)
        summary = f"Trial {trial.index}: {outcome(trial)}, {html(played(trial))}"
        return story_piece(summary, _opening(trial), items, trial.timeline, first=number == 0)

    return story_pieces(told, made)


def _opening(trial: TeardownTrial) -> str:
    text = f"Room {code(trial.room)}, began {moment(trial.started_at)} UTC."
    if trial.survivor is not None:
        text += f" Survivor {prose(survivor(trial.survivor))}."
    if company(trial):
        text += f" Left in the room: {prose(company(trial))}."
    return text
