"""A run of transfer teardowns as a document: the grid of what became of the rooms, the calls, and their stories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.contract import TeardownOutcome
from lkdiag.document import environment
from lkdiag.document.blocks import (
    Cards,
    Code,
    Findings,
    Found,
    Grid,
    GridCell,
    Leftovers,
    Legend,
    Part,
    Section,
    Span,
    Stories,
    Story,
)
from lkdiag.document.selection import has_story, is_failing, kinds_of
from lkdiag.document.teardown_table import SYMBOL, TONE, call_table, company, outcome, played, survivor
from lkdiag.document.wording import NONE, moment, plural, seconds, tally
from lkdiag.scenario.call import Cleanup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkdiag.document.blocks import Line
    from lkdiag.report.teardown_value import TeardownCell, TeardownReport, TeardownTrial

WORST_FIRST = (
    TeardownOutcome.LEFTOVER,
    TeardownOutcome.SLOW,
    TeardownOutcome.ERROR,
    TeardownOutcome.INCONCLUSIVE,
    TeardownOutcome.CLOSED,
)

CLEANUP_MEANING = {
    "late-context": "looks the job context up when it is gone: the reported bug",
    "captured-context": "fix 1: the context is captured while it exists",
    "optional-context": "fix 2: a no-op when the context is gone",
    "off": "fix 3: nobody, the application owns teardown",
    "webhook-reaper": "on a participant_left webhook, deletes a lone side's room",
    "poll-reaper": "polls listParticipants, deletes a lone side's room",
    "subject": "your agent",
}

ALL_IN_A_CELL = "n/m"
"""Stands for counts in the legend."""


def sections(report: TeardownReport) -> Iterator[Section]:
    """In the order of a terminal: the grid first, then why."""
    grid = grid_of(report)
    if grid.cells:
        legend = Legend(
            cleanup_legend(grid),
            mark_legend(report),
            tuple(_figures(report)),
            rows_title="The cleanups",
            marks_title="The marks",
        )
        yield Section(Part.FIGURES, "grid", "Is the room closed?", (Cards(tuple(_cards(report))), grid, legend))
    yield Section(Part.TABLE, "trials", "Trials", (call_table(report),))
    found = tuple(
        Found(finding, where(report, grid, finding.trials) if len(grid.cells) > 1 else ())
        for finding in report.findings
    )
    yield Section(Part.FINDINGS, "findings", "Findings", (Findings(found, explained_once=True),))
    stories = Stories(
        report.trials,
        index=lambda trial: trial.index,
        findings=lambda trial: trial.findings,
        fails=is_failing,
        has_story=has_story,
        kinds=kinds_of,
        story=_story,
    )
    yield Section(Part.STORIES, "failing", "Failing trials", (stories,))
    yield Section(Part.LEFTOVERS, "leftovers", "Rooms left behind", (Leftovers(report.leftover_rooms),))


def sentences(report: TeardownReport) -> Iterator[Line]:
    """The first one goes on from a colon."""
    summary = report.summary
    grid = grid_of(report)
    merged = environment.merges(report)
    own = report.run.options.get("cleanups") == [Cleanup.SUBJECT]
    leaves = "your agent leaves or stays" if own else "the agent leaves"
    yield (
        f"{plural(summary.trials, 'call')}, each in rooms of its own: a caller and an agent, a human transferred to "
        f"them, {leaves}, one side hangs up. Is the room closed then, or is the other side left in it alone?"
    )
    if not summary.trials:
        return
    ways = () if own else (plural(len(grid.groups), "way") + " for the agent to leave",)
    sizes = (
        plural(len(grid.rows), "cleanup"),
        *ways,
        plural(len({side for _, side in grid.columns}), "side") + " to hang up",
    )
    yield f"Played: {' × '.join(sizes)}{f', merged by {merged}' if merged else ''}."
    yield f"Outcomes: {tally(summary.outcomes)}."
    closed = summary.closed_ms
    if closed.p50 is not None and closed.max is not None:
        yield (
            f"Where the room was closed, half were gone within {seconds(closed.p50)} of the hang-up, "
            f"the last after {seconds(closed.max)}."
        )


# -- the grid -----------------------------------------------------------------------------------------------------


def grid_of(report: TeardownReport) -> Grid:
    """The grid of the summary's cells, in the order of the summary; cells without a call are left out."""
    played_cells = [cell for cell in report.summary.grid if cell.trials]
    sides: dict[str, dict[str, None]] = {}
    for cell in played_cells:
        sides.setdefault(cell.agent_exit, {})[cell.hangup] = None
    return Grid(
        title="Cleanups, exits and sides",
        row_label="cleanup",
        group_label="agent exit",
        group_prefix="agent: ",
        column_label="hangs up",
        cell_label="room",
        caption="What became of the room after the hang-up, and how long that took",
        rows=tuple(dict.fromkeys(cell.cleanup for cell in played_cells)),
        groups={agent_exit: tuple(found) for agent_exit, found in sides.items()},
        cells={
            (cell.cleanup, cell.agent_exit, cell.hangup): GridCell(
                cell_text(cell), cell_text(cell, short=True), TONE[worst(cell)], tally(cell.outcomes)
            )
            for cell in played_cells
        },
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
    return [(cleanup, CLEANUP_MEANING.get(cleanup, "")) for cleanup in grid.rows]


def mark_legend(report: TeardownReport) -> list[tuple[str, str]]:
    """What the marks say that stand in the grid."""
    cells = [cell for cell in report.summary.grid if cell.trials]
    shown = {worst(cell) for cell in cells}
    found = [(SYMBOL[kind], mark_meaning(kind, report.run.options)) for kind in reversed(WORST_FIRST) if kind in shown]
    if any(cell.trials > 1 for cell in cells):
        found.append((ALL_IN_A_CELL, "so many of the cell's trials; the worst outcome is shown"))
    return found


def mark_meaning(kind: TeardownOutcome, options: dict[str, Any]) -> str:
    """What a mark in the grid says, with the run's own limit in it."""
    within = options.get("closed_within_s")
    limit = f" after more than {within:g} s" if isinstance(within, int | float) else " late"
    return {
        TeardownOutcome.CLOSED: "the room was closed, so long after the hang-up (median)",
        TeardownOutcome.SLOW: f"slow: closed{limit}",
        TeardownOutcome.LEFTOVER: "left over: the survivor was alone in the room for so long",
        TeardownOutcome.ERROR: "the call could not be played",
        TeardownOutcome.INCONCLUSIVE: "inconclusive: lkdiag was not fit to judge",
    }[kind]


def where(report: TeardownReport, grid: Grid, indices: Iterable[int]) -> list[tuple[str, str]]:
    """The cells in which these trials stand: by cleanup, `all 6 cells` or `left-room, crashed (human)`."""
    wanted = set(indices)
    hit = {(trial.cleanup, trial.agent_exit, trial.hangup) for trial in report.trials if trial.index in wanted}
    found = []
    for cleanup in grid.rows:
        mine = {(agent_exit, side) for one, agent_exit, side in hit if one == cleanup}
        played = {(agent_exit, side) for one, agent_exit, side in grid.cells if one == cleanup}
        if not mine:
            continue
        if mine == played and len(played) > 1 and len(grid.groups) > 1:
            found.append((cleanup, f"all {len(played)} cells"))
            continue
        exits = []
        for agent_exit in grid.groups:
            sides = [side for side in grid.groups[agent_exit] if (agent_exit, side) in mine]
            if sides:
                every = len(sides) == len(grid.groups[agent_exit])
                exits.append(agent_exit if every else f"{agent_exit} ({', '.join(sides)})")
        found.append((cleanup, ", ".join(exits)))
    return found


def _cards(report: TeardownReport) -> Iterator[tuple[str, str, str]]:
    summary = report.summary
    closed = summary.closed_ms
    yield "calls", str(summary.trials), tally(summary.outcomes)
    if closed.p50 is not None and closed.max is not None:
        yield "room gone, median", seconds(closed.p50), f"of {closed.count} that were closed"
        yield "the last one", seconds(closed.max), "after the hang-up"


def _figures(report: TeardownReport) -> Iterator[tuple[str, str]]:
    closed = report.summary.closed_ms
    yield "outcomes", tally(report.summary.outcomes)
    if closed.count and closed.p50 is not None and closed.max is not None:
        yield "closed", f"half within {seconds(closed.p50)}, the last after {seconds(closed.max)}"


def _story(trial: TeardownTrial) -> Story:
    merged = f", merged by {trial.merge}" if trial.merge else ""
    brief = [f"room {trial.room}  {trial.room_sid or NONE}{merged}"]
    opening: list[str | Code] = ["Room ", Code(trial.room), f", began {moment(trial.started_at)} UTC."]
    if trial.survivor is not None:
        brief.append(f"survivor {survivor(trial.survivor)}")
        opening.append(f" Survivor {survivor(trial.survivor)}.")
    if company(trial):
        brief.append(f"left in the room: {company(trial)}")
        opening.append(f" Left in the room: {company(trial)}.")
    return Story(
        trial.index,
        f"Trial {trial.index}",
        Span(outcome(trial), TONE[trial.outcome]),
        about=f", {played(trial)}",
        brief=tuple(brief),
        opening=tuple(opening),
        findings=trial.findings,
        timeline=trial.timeline,
    )
