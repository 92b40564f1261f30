"""What a teardown report shows on a console, section by section: the grid first, then why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lkdiag.render.selection import first_of_each_kind, is_failing, told_title
from lkdiag.render.teardown import columns
from lkdiag.render.teardown.grid import cleanup_legend, grid_of, mark_legend, where
from lkdiag.render.teardown.terminal_grid import OUTCOME_STYLE, grid_table
from lkdiag.render.teardown.wording import company, played, survivor
from lkdiag.render.terminal_findings import counted, finding_block, kind_of, others, story, title_line
from lkdiag.render.terminal_leftovers import leftover_rooms
from lkdiag.render.terminal_table import indented, labelled, natural_width, plain, table
from lkdiag.render.wording import NONE, seconds, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lkdiag.render.teardown.columns import Trials
    from lkdiag.render.teardown.grid import Grid
    from lkdiag.render.terminal_findings import Kind
    from lkdiag.report.teardown_value import TeardownReport, TeardownTrial

MOST_ROWS = 2_000
"""Of more trials none is listed, wherever it is shown: the grid stands for them, and JSON has them."""
LISTED_TRIALS = 12
"""So many trials are listed with their ids on a terminal too; of more the grid stands for them."""


def sections(
    report: TeardownReport, width: int, *, verbose: bool, complete: bool
) -> list[tuple[str, list[RenderableType]]]:
    """Title and body of each; one without a body is not shown. `complete` leaves no trial's row out."""
    if not report.trials:
        return [("Calls", [plain("No call was finished.")]), ("Findings", _findings(report, grid_of(report)))]
    grid = grid_of(report)
    many = len(report.trials) > MOST_ROWS
    shown = [trial for trial in report.trials if is_failing(trial) or (verbose and trial.findings)]
    told = shown if verbose and not many else first_of_each_kind(shown)
    return [
        ("Is the room closed?", [*grid_table(grid, width), "", *_legend(report, grid)]),
        (
            "Trials",
            _trials(report.trials, width, complete=complete)
            if (complete and not many) or len(report.trials) <= LISTED_TRIALS
            else [],
        ),
        ("Columns", [indented(labelled(_meanings()))] if verbose else []),
        ("Findings", _findings(report, grid)),
        (told_title(told), _stories(report, shown, told)),
        ("Rooms left behind", leftover_rooms(report.leftover_rooms)),
    ]


def _legend(report: TeardownReport, grid: Grid) -> list[RenderableType]:
    legend: list[tuple[str, str | Text]] = [*cleanup_legend(grid), ("", ""), *mark_legend(report, grid)]
    legend += [("", ""), ("outcomes", tally(report.summary.outcomes))]
    closed = report.summary.closed_ms
    if closed.count and closed.p50 is not None and closed.max is not None:
        legend.append(("closed", f"half within {seconds(closed.p50)}, the last after {seconds(closed.max)}"))
    return [indented(labelled(legend))]


def _meanings() -> list[tuple[str, str]]:
    return [(column.header, column.meaning) for column in (*columns.PLAYED, *columns.JUDGED, *columns.IDS)]


def _trials(trials: Sequence[TeardownTrial], width: int, *, complete: bool) -> list[RenderableType]:
    """One table where it fits, else what became of the calls first, then their ids; all of these where `complete`.

    What was the same in every call stands in the grid already, and gives way first.
    """
    index, *rest = columns.PLAYED
    varied = (index, *(column for column in rest if len({column.cell(trial) for trial in trials}) > 1))
    candidates: list[list[tuple[Trials, ...]]] = [
        [(*columns.PLAYED, *columns.JUDGED, *columns.IDS)],
        [(*columns.PLAYED, *columns.JUDGED, *columns.ROOMS)],
        [(*varied, *columns.JUDGED, columns.ROOM_SID)],
        [(*varied, columns.OUTCOME, columns.CLOSED, columns.SURVIVED, columns.ROOM_SID)],
        [(*varied, columns.OUTCOME, columns.CLOSED), (columns.INDEX, columns.SURVIVOR, columns.ROOM_SID)],
    ]
    chosen = _first_that_fits(candidates, trials, width)
    if complete and chosen != candidates[0]:
        ids = (columns.INDEX, columns.HUMAN_ROOM_SID, columns.DISPATCH, columns.JOB)
        chosen += _first_that_fits(
            [[(*ids, columns.PARTICIPANTS)], [ids, (columns.INDEX, columns.PARTICIPANTS)]], trials, width
        )
    found: list[RenderableType] = []
    for shown in chosen:
        found += [*([""] if found else []), table(_headers(shown), _rows(shown, trials))]
    return found


def _first_that_fits(
    candidates: Sequence[list[tuple[Trials, ...]]], trials: Sequence[TeardownTrial], width: int
) -> list[tuple[Trials, ...]]:
    """The first whose every table does; the last one where none does."""
    fitting = (tables for tables in candidates if max(_width(shown, trials) for shown in tables) <= width)
    return list(next(fitting, candidates[-1]))


def _headers(shown: Sequence[Trials]) -> list[tuple[str, bool]]:
    return [(column.header, column.right) for column in shown]


def _rows(shown: Sequence[Trials], trials: Sequence[TeardownTrial]) -> list[list[Text]]:
    return [[_cell(column, trial) for column in shown] for trial in trials]


def _width(shown: Sequence[Trials], trials: Sequence[TeardownTrial]) -> int:
    return natural_width(_headers(shown), _rows(shown, trials))


def _cell(column: Trials, trial: TeardownTrial) -> Text:
    text = column.cell(trial)
    style = ""
    if text == NONE:
        style = "dim"
    elif column is columns.OUTCOME:
        style = OUTCOME_STYLE[trial.outcome]
    elif column is columns.INDEX and is_failing(trial):
        style = "bold"
    return plain(text, style)


def _findings(report: TeardownReport, grid: Grid) -> list[RenderableType]:
    """Each kind once: what it means, in how many trials, and in which cells."""
    found: list[RenderableType] = []
    explained: set[tuple[str, str]] = set()
    for finding in report.findings:
        found += [indented(part) for part in finding_block(finding, explained)]
        if finding.trials:
            found.append(indented(plain(counted(finding), "dim"), 4))
            cells = where(report, grid, finding.trials)
            if cells and len(grid.cells) > 1:
                found.append(indented(labelled(cells), 6))
    return found


def _stories(
    report: TeardownReport, shown: Sequence[TeardownTrial], told: Sequence[TeardownTrial]
) -> list[RenderableType]:
    """What a finding means is said above, and what was seen in one trial; here stands what was seen in the others."""
    explained: set[Kind] = {kind_of(finding) for finding in report.findings}
    facts = [finding.fact for finding in report.findings]
    found: list[RenderableType] = []
    for trial in told:
        found += [*([""] if found else []), *_trial(trial, explained, facts)]
    chosen = {trial.index for trial in told}
    return [*found, *others([trial.index for trial in shown if trial.index not in chosen])]


def _trial(trial: TeardownTrial, explained: set[Kind], facts: Sequence[str]) -> list[RenderableType]:
    heading = Text()
    heading.append(f"Trial {trial.index}", "bold")
    heading.append("  ")
    heading.append(columns.OUTCOME.cell(trial), OUTCOME_STYLE[trial.outcome])
    heading.append_text(plain(f"  {played(trial)}"))
    merged = f", merged by {trial.merge}" if trial.merge else ""
    where_ = f"room {trial.room}  {trial.room_sid or NONE}{merged}"
    found: list[RenderableType] = [heading, indented(plain(where_, "dim"))]
    if trial.survivor is not None:
        found.append(indented(plain(f"survivor {survivor(trial.survivor)}", "dim")))
    if company(trial):
        found.append(indented(plain(f"left in the room: {company(trial)}", "dim")))
    for finding in trial.findings:
        if kind_of(finding) not in explained:
            found += [indented(part) for part in finding_block(finding)]
            explained.add(kind_of(finding))
            continue
        found.append(indented(title_line(finding)))
        if finding.fact and not any(finding.fact in fact for fact in facts):
            found.append(indented(plain(finding.fact), 4))
    if trial.timeline:
        found.append(indented(story(trial.timeline)))
    return found
