"""The failing trials of a dispatch report, each with its findings and its story, for a console."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rich.text import Text

from lkdiag.render.dispatch import columns
from lkdiag.render.dispatch.diagnosis import rows
from lkdiag.render.dispatch.terminal_trials import OUTCOME_STYLE
from lkdiag.render.selection import first_of_each_kind, is_failing
from lkdiag.render.terminal_findings import finding_block, others, story
from lkdiag.render.terminal_table import indented, labelled, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from lkdiag.render.dispatch.diagnosis import Told
    from lkdiag.report.value import DispatchReport, TrialReport

TOLD_TRIALS = 10
"""Above so many failing trials only the first of each kind of finding is told in full."""
MOST_TOLD = 500
"""The same with `verbose`."""


def told_trials(report: DispatchReport, *, verbose: bool) -> tuple[TrialReport, ...]:
    """Every failing trial; of many, the first of each kind. With `verbose` those with mere notes too, and of more."""
    most = MOST_TOLD if verbose else TOLD_TRIALS
    shown = tuple(islice(_worth_telling(report, verbose=verbose), most + 1))
    return shown if len(shown) <= most else first_of_each_kind(_worth_telling(report, verbose=verbose))


def stories(report: DispatchReport, told: Sequence[TrialReport], *, verbose: bool) -> list[RenderableType]:
    """The trials that are told, and a line for the others. A hint is given once."""
    found: list[RenderableType] = []
    explained: set[tuple[str, str]] = set()
    diagnosed: Told = set()
    for trial in told:
        found += [*([""] if found else []), *_trial(trial, explained, diagnosed)]
    chosen = {trial.index for trial in told}
    rest = [trial.index for trial in _worth_telling(report, verbose=verbose) if trial.index not in chosen]
    return [*found, *others(rest)]


def _worth_telling(report: DispatchReport, *, verbose: bool) -> Iterator[TrialReport]:
    return (trial for trial in report.trials if is_failing(trial) or (verbose and trial.findings))


def _trial(trial: TrialReport, explained: set[tuple[str, str]], diagnosed: Told) -> list[RenderableType]:
    heading = Text()
    heading.append(f"Trial {trial.index}", "bold")
    if trial.role == "control":
        heading.append(" (control)", "bold")
    heading.append("  ")
    heading.append(columns.OUTCOME.cell(trial), OUTCOME_STYLE[trial.outcome])
    heading.append(f", state {trial.state}")
    if trial.mismatch is not None:
        heading.append(f", {trial.mismatch}", "red")
    who = f"room {trial.room}" + (f", agent {trial.agent_identity}" if trial.agent_identity else "")
    found: list[RenderableType] = [heading, indented(plain(who, "dim"))]
    for finding in trial.findings:
        found += [indented(part) for part in finding_block(finding, explained)]
    diagnosis = rows(trial, diagnosed)
    if diagnosis:
        found.append(indented(labelled((label, text) for label, texts in diagnosis for text in texts), 4))
    if trial.timeline:
        found.append(indented(story(trial.timeline)))
    return found
