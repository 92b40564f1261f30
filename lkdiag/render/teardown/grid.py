"""The grid of a teardown report: which cleanup met which exit and which side, and how its cells read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.render.teardown.wording import CLEANUP_MEANING, SYMBOL, WORST_FIRST, mark_meaning
from lkdiag.render.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lkdiag.report.teardown_value import TeardownCell, TeardownReport

ALL_IN_A_CELL = "n/m"
"""Stands for counts in the legend."""


@dataclass(frozen=True)
class Grid:
    """Only what was played, in the order of the summary."""

    cleanups: tuple[str, ...]
    sides: Mapping[str, tuple[str, ...]]
    """By agent exit, the sides that hung up after it: the grid's columns."""
    cells: Mapping[tuple[str, str, str], TeardownCell]
    """By cleanup, exit and side; a combination that was not played is missing."""

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Exit and side of each column, from left to right."""
        return tuple((agent_exit, side) for agent_exit, sides in self.sides.items() for side in sides)


def grid_of(report: TeardownReport) -> Grid:
    """The summary's cells, laid out."""
    played = [cell for cell in report.summary.grid if cell.trials]
    sides: dict[str, dict[str, None]] = {}
    for cell in played:
        sides.setdefault(cell.agent_exit, {})[cell.hangup] = None
    return Grid(
        cleanups=tuple(dict.fromkeys(cell.cleanup for cell in played)),
        sides={agent_exit: tuple(found) for agent_exit, found in sides.items()},
        cells={(cell.cleanup, cell.agent_exit, cell.hangup): cell for cell in played},
    )


def worst(cell: TeardownCell) -> TeardownOutcome:
    """The outcome that a cell shows."""
    return next((kind for kind in WORST_FIRST if cell.outcomes.get(kind)), TeardownOutcome.INCONCLUSIVE)


def cell_text(cell: TeardownCell, *, short: bool = False) -> str:
    """`✓ 0.02 s`, `✗ left 8.0 s`, `2/3 ✗ left 8.0 s`; short, for narrow terminals, `✗ 8.0 s` and `2/3 ✗`."""
    kind = worst(cell)
    parts = [SYMBOL[kind]]
    if cell.trials > 1:
        parts.insert(0, f"{cell.outcomes.get(kind, 0)}/{cell.trials}")
    pure = cell.outcomes.get(kind) == cell.trials
    if cell.trials == 1 or not short:
        if kind is TeardownOutcome.LEFTOVER:
            if not short or cell.stranded_ms is None:
                parts.append("left")
            if cell.stranded_ms is not None:
                parts.append(seconds(cell.stranded_ms))
        elif kind in (TeardownOutcome.CLOSED, TeardownOutcome.SLOW) and pure and cell.closed_ms is not None:
            parts.append(seconds(cell.closed_ms))
    return " ".join(parts)


def cleanup_legend(grid: Grid) -> list[tuple[str, str]]:
    """What each row's cleanup is, in a few words."""
    return [(cleanup, CLEANUP_MEANING.get(cleanup, "")) for cleanup in grid.cleanups]


def mark_legend(report: TeardownReport, grid: Grid) -> list[tuple[str, str]]:
    """What the marks say that stand in the grid."""
    shown = {worst(cell) for cell in grid.cells.values()}
    found = [(SYMBOL[kind], mark_meaning(kind, report.run.options)) for kind in reversed(WORST_FIRST) if kind in shown]
    if any(cell.trials > 1 for cell in grid.cells.values()):
        found.append((ALL_IN_A_CELL, "so many of the cell's trials; the worst outcome is shown"))
    return found


def where(report: TeardownReport, grid: Grid, indices: Iterable[int]) -> list[tuple[str, str]]:
    """The cells in which these trials stand: by cleanup, `all 6 cells` or `left-room, crashed (human)`."""
    wanted = set(indices)
    hit = {(trial.cleanup, trial.agent_exit, trial.hangup) for trial in report.trials if trial.index in wanted}
    found = []
    for cleanup in grid.cleanups:
        mine = {(agent_exit, side) for one, agent_exit, side in hit if one == cleanup}
        played = {(agent_exit, side) for one, agent_exit, side in grid.cells if one == cleanup}
        if not mine:
            continue
        if mine == played and len(played) > 1 and len(grid.sides) > 1:
            found.append((cleanup, f"all {len(played)} cells"))
            continue
        exits = []
        for agent_exit in grid.sides:
            sides = [side for side in grid.sides[agent_exit] if (agent_exit, side) in mine]
            if sides:
                every = len(sides) == len(grid.sides[agent_exit])
                exits.append(agent_exit if every else f"{agent_exit} ({', '.join(sides)})")
        found.append((cleanup, ", ".join(exits)))
    return found
