"""What a teardown report shows on the page: the grid, the calls, and the stories of the failing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.fitting import Piece
from lkdiag.render.html.markup import around_hole, element, written
from lkdiag.render.html.parts import cards, finding_item, meanings, section, story_piece
from lkdiag.render.html.tables import open_table, pairs, row, scrolled
from lkdiag.render.many import row_pieces, story_pieces
from lkdiag.render.selection import first_of_each_kind, is_failing
from lkdiag.render.teardown import columns
from lkdiag.render.teardown.grid import cell_text, cleanup_legend, grid_of, mark_legend, where, worst
from lkdiag.render.teardown.wording import company, outcome, played, survivor
from lkdiag.render.wording import NONE, moment, seconds, tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from lkdiag.render.html.markup import Child
    from lkdiag.render.html.tables import Header
    from lkdiag.render.teardown.grid import Grid
    from lkdiag.report.teardown_value import TeardownReport, TeardownTrial

OPENED = 3
"""So many stories of different kinds are unfolded from the start."""
SHOWN = (columns.INDEX, *columns.PLAYED[1:], *columns.JUDGED, columns.STARTED, *columns.IDS)


def figures(report: TeardownReport) -> Iterator[Piece]:
    """How many rooms were closed, and the grid."""
    grid = grid_of(report)
    if not grid.cells:
        return
    summary = report.summary
    closed = summary.closed_ms
    some = closed.p50 is not None and closed.max is not None
    top = [("calls", str(summary.trials), tally(summary.outcomes))]
    if some and closed.p50 is not None and closed.max is not None:
        top.append(("room gone, median", seconds(closed.p50), f"of {closed.count} that were closed"))
        top.append(("the last one", seconds(closed.max), "after the hang-up"))
    explained = [(name, meaning) for name, meaning in cleanup_legend(grid) if meaning]
    body = section(
        "grid",
        "Is the room closed?",
        cards(top),
        scrolled(_grid(grid), "Cleanups, exits and sides, table"),
        element("h3", "The marks"),
        pairs(mark_legend(report, grid)),
    )
    if explained:
        body.extend([element("h3", "The cleanups"), pairs(explained)])
    yield Piece((f"{written(body)}\n",))


def _grid(grid: Grid) -> Element:
    """A row for each cleanup, a column for each exit and side."""
    exits = element("tr", element("th", "cleanup", scope="col", rowspan="2"))
    sides = element("tr")
    for agent_exit, named in grid.sides.items():
        exits.append(element("th", f"agent: {agent_exit}", scope="colgroup", colspan=str(len(named)), class_="exit"))
        sides.extend(element("th", f"{side} hangs up", scope="col") for side in named)
    rows = []
    for cleanup in grid.cleanups:
        found = element("tr", element("th", cleanup, scope="row"))
        for column in grid.columns:
            cell = grid.cells.get((cleanup, *column))
            if cell is None:
                found.append(element("td", NONE, class_="none"))
            else:
                found.append(element("td", cell_text(cell), class_=f"cell {worst(cell)}", title=tally(cell.outcomes)))
        rows.append(found)
    groups = [element("colgroup"), *(element("colgroup", span=str(len(named))) for named in grid.sides.values())]
    told = "What became of the room after the hang-up, and how long that took"
    caption = element("caption", element("span", told))
    return element("table", caption, *groups, element("thead", exits, sides), element("tbody", *rows), class_="grid")


def findings(report: TeardownReport) -> Iterator[Element]:
    """Each an item of a list, with the cells in which it was found."""
    grid = grid_of(report)
    for finding in report.findings:
        yield finding_item(finding, where(report, grid, finding.trials) if len(grid.cells) > 1 else [])


def trials(report: TeardownReport) -> Iterator[Piece]:
    """The table with every id, and what its columns mean."""
    headers = [(column.header, column.right) for column in SHOWN]
    legend = meanings((column.header, column.meaning) for column in SHOWN)
    frame = open_table("Every call and its ids; times in UTC", headers, name="Calls, table")
    before, after = around_hole(section("trials", "Calls", frame, legend))
    yield Piece((before,))
    yield from row_pieces(report.trials, lambda trial: written(_row(trial, headers)))
    yield Piece((f"{after}\n",))


def _row(trial: TeardownTrial, headers: list[Header]) -> Element:
    cells: list[Child] = [column.cell(trial) for column in SHOWN]
    cells[SHOWN.index(columns.OUTCOME)] = element("span", outcome(trial), class_=f"outcome {trial.outcome}")
    head = element("a", str(trial.index), href=f"#trial-{trial.index}") if _told(trial) else None
    return row(headers, cells, kind="failing" if is_failing(trial) else None, head=head)


def _told(trial: TeardownTrial) -> bool:
    return is_failing(trial) and bool(trial.findings or trial.timeline)


def stories(report: TeardownReport) -> Iterator[Piece]:
    """The failing calls, each with all that is to be said of it."""
    opened = {trial.index for trial in first_of_each_kind(filter(_told, report.trials))[:OPENED]}

    def made(trial: TeardownTrial, _: int) -> Piece:
        mark = element("span", outcome(trial), class_=f"outcome {trial.outcome}")
        summary = element("span", f"Call {trial.index}: ", mark, f" · {played(trial)}")
        opening = element("span", "Room ", element("code", trial.room), f", began {moment(trial.started_at)} UTC.")
        if trial.survivor is not None:
            opening.append(element("span", f" Survivor {survivor(trial.survivor)}."))
        if company(trial):
            opening.append(element("span", f" Left in the room: {company(trial)}."))
        items = [finding_item(finding) for finding in trial.findings]
        about = [element("ul", *items, class_="findings")] if items else []
        return story_piece(trial.index, summary, opening, about, trial.timeline, opened=trial.index in opened)

    return story_pieces(filter(_told, report.trials), made)
