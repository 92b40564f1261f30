"""The trials as tables that fit the terminal: one where it is wide enough, else verdicts first, then ids."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rich.text import Text

from lkdiag.checks.verdict import Fallback, Outcome
from lkdiag.render.dispatch import columns
from lkdiag.render.selection import failing, is_failing
from lkdiag.render.terminal_table import natural_width, plain, table
from lkdiag.render.wording import NONE, duration, plural, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lkdiag.render.dispatch.columns import Trials
    from lkdiag.report.value import DispatchReport, TrialReport

LISTED_TRIALS = 100
"""Above so many trials a terminal shows the failing ones only."""
MOST_ROWS = 2_000
"""Above so many trials the first LISTED_TRIALS of the failing ones are all that is shown, wherever it is shown."""

OUTCOME_STYLE = {
    Outcome.DELIVERED: "green",
    Outcome.DELAYED: "red",
    Outcome.DROPPED: "bold red",
    Outcome.ERROR: "bold red",
    Outcome.INCONCLUSIVE: "cyan",
}


def trial_tables(report: DispatchReport, width: int, *, complete: bool) -> list[RenderableType]:
    """Every trial, or with `complete` off what a terminal has room for, and a line that says what is not shown."""
    found: list[RenderableType] = []
    if report.trials:
        found += _tables(report, width, complete=complete)
    else:
        found.append(plain("No trial was finished."))
    if report.warmup:
        found.append(plain(_warmup(report.warmup), "dim"))
    return found


def _tables(report: DispatchReport, width: int, *, complete: bool) -> list[RenderableType]:
    if len(report.trials) > MOST_ROWS:
        return _the_worst(report, width)
    failed = failing(report.trials)
    listed = report.trials if complete or len(report.trials) <= LISTED_TRIALS else failed
    verdicts, ids = columns.verdict_columns(report), columns.id_columns(report)
    room = columns.short_room_column(report)
    with_room = (room, *ids) if room else ids
    notes: list[RenderableType] = []
    if len(listed) < len(report.trials):
        passed = plural(len(report.trials) - len(listed), "trial")
        notes.append(plain(f"{passed} delivered without a finding: shown with --verbose", "dim"))
    if not listed:
        return notes
    everything = (*verdicts, *with_room, columns.PARTICIPANTS)
    if _width(everything, listed) <= width:
        return [_table(everything, listed), *notes]
    people = ["", _table((columns.INDEX, columns.PARTICIPANTS), listed)] if complete else []
    for candidate in ((*verdicts, *with_room), (*verdicts, *ids)):
        if _width(candidate, listed) <= width:
            return [_table(candidate, listed), *people, *notes]
    found = [_table(verdicts, listed), *notes]
    identified = report.trials if complete else failed
    if identified:
        found += ["", _id_table(report, identified, width), *people]
    if len(identified) < len(report.trials):
        passed = plural(len(report.trials) - len(identified), "trial")
        found.append(plain(f"Ids of {passed} without a finding: --verbose, or a wider terminal", "dim"))
    return found


def _the_worst(report: DispatchReport, width: int) -> list[RenderableType]:
    """Of very many trials the first that failed."""
    shown = tuple(islice((trial for trial in report.trials if is_failing(trial)), LISTED_TRIALS))
    note = f"{plural(len(report.trials) - len(shown), 'more trial')}, delivered or not: --format json has all of them"
    columns_ = (*columns.verdict_columns(report), *columns.id_columns(report))
    if shown and _width(columns_, shown) > width:
        return [_table(columns_[: -len(columns.id_columns(report))], shown), "", _id_table(report, shown, width), note]
    return [*([_table(columns_, shown)] if shown else []), plain(note, "dim")]


def legend(report: DispatchReport) -> list[tuple[str, str]]:
    """Header and meaning of the columns."""
    shown = (*columns.verdict_columns(report), *columns.id_columns(report), columns.PARTICIPANTS)
    return [(column.header, column.meaning) for column in shown]


def _id_table(report: DispatchReport, trials: Sequence[TrialReport], width: int) -> RenderableType:
    """Index, room and ids. A fallback dispatch's id stands below the first one's where it has no column."""
    ids = columns.id_columns(report)
    room = columns.short_room_column(report)
    fallback = columns.fallback_columns(report)
    base = (columns.INDEX, *ids[: len(ids) - len(fallback)])
    head, *rest = base
    candidates = [(columns.INDEX, *ids), base]
    if room is not None:
        candidates = [(head, room, *ids[:]), (columns.INDEX, *ids), (head, room, *rest), base]
    chosen = next((candidate for candidate in candidates if _width(candidate, trials) <= width), base)
    rows = []
    for trial in trials:
        rows.append([_cell(column, trial) for column in chosen])
        if trial.fallback_dispatch_id and columns.FALLBACK_DISPATCH not in chosen:
            second = {columns.ROOM_SID: Text("fallback", "dim", justify="right")}
            second[columns.DISPATCH] = plain(trial.fallback_dispatch_id)
            rows.append([second.get(column, Text()) for column in chosen])
    return table(_headers(chosen), rows)


def _table(shown: Sequence[Trials], trials: Sequence[TrialReport]) -> RenderableType:
    return table(_headers(shown), ([_cell(column, trial) for column in shown] for trial in trials))


def _width(shown: Sequence[Trials], trials: Sequence[TrialReport]) -> int:
    return natural_width(_headers(shown), ([_cell(column, trial) for column in shown] for trial in trials))


def _headers(shown: Sequence[Trials]) -> list[tuple[str, bool]]:
    return [(column.header, column.right) for column in shown]


def _cell(column: Trials, trial: TrialReport) -> Text:
    text = column.cell(trial)
    style = ""
    if text == NONE:
        style = "dim"
    elif column is columns.OUTCOME:
        style = OUTCOME_STYLE[trial.outcome]
    elif column is columns.MISMATCH or (column is columns.FALLBACK and trial.fallback is Fallback.LOST):
        style = "red"
    elif column is columns.INDEX and is_failing(trial):
        style = "bold"
    return plain(text, style)


def _warmup(trials: Sequence[TrialReport]) -> str:
    if len(trials) == 1:
        latency = "" if trials[0].latency_ms is None else f" in {duration(trials[0].latency_ms)}"
        return f"1 warm-up trial, not counted: {trials[0].outcome}{latency}"
    counts = {outcome.value: sum(trial.outcome is outcome for trial in trials) for outcome in Outcome}
    return f"{len(trials)} warm-up trials, not counted: {tally(counts)}"
