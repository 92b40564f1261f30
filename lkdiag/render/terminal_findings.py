"""Failing trials with their findings and their stories, and the findings about the run, for a console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lkdiag.checks.verdict import Severity
from lkdiag.render import columns
from lkdiag.render.selection import first_of_each_kind, is_failing
from lkdiag.render.terminal_table import indented, plain
from lkdiag.render.terminal_trials import OUTCOME_STYLE
from lkdiag.render.wording import SEVERITY_SYMBOL, offset, plural, trial_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lkdiag.checks.verdict import Finding
    from lkdiag.report.value import Report, TimelineLine, TrialReport

TOLD_TRIALS = 10
"""Above so many failing trials only the first of each kind of finding is told in full."""

SEVERITY_STYLE = {Severity.FAIL: "bold red", Severity.INCONCLUSIVE: "bold cyan", Severity.NOTE: "dim"}


def failing_trials(report: Report, *, verbose: bool) -> list[RenderableType]:
    """Every failing trial; of many, the first of each kind. With `verbose` also those with mere notes."""
    shown = [trial for trial in report.trials if is_failing(trial) or (verbose and trial.findings)]
    told = shown if verbose or len(shown) <= TOLD_TRIALS else list(first_of_each_kind(shown))
    found: list[RenderableType] = []
    explained: set[tuple[str, str]] = set()
    for trial in told:
        found += [*([""] if found else []), *_trial(trial, explained)]
    rest = [trial.index for trial in shown if trial not in told]
    if rest:
        found.append("")
        found.append(
            plain(f"{plural(len(rest), 'more failing trial')} of the kinds above: {trial_numbers(rest)}", "bold")
        )
        found += [plain("Their stories: --verbose, --format markdown or --format json", "dim")]
    return found


def run_findings(findings: Sequence[Finding]) -> list[RenderableType]:
    """The findings about the run, each with the trials that it rests on."""
    found: list[RenderableType] = []
    for finding in findings:
        found += [indented(part) for part in _finding(finding, explained=None)]
    return found


def _trial(trial: TrialReport, explained: set[tuple[str, str]]) -> list[RenderableType]:
    heading = Text()
    heading.append(f"Trial {trial.index}", "bold")
    if trial.role == "control":
        heading.append(" (control)", "bold")
    heading.append("  ")
    heading.append(columns.OUTCOME.cell(trial), OUTCOME_STYLE[trial.outcome])
    heading.append(f", state {trial.state}")
    if trial.mismatch is not None:
        heading.append(f", {trial.mismatch}", "red")
    found: list[RenderableType] = [heading]
    who = f"room {trial.room}" + (f", agent {trial.agent_identity}" if trial.agent_identity else "")
    found.append(indented(plain(who, "dim")))
    for finding in trial.findings:
        found += [indented(part) for part in _finding(finding, explained)]
    if trial.timeline:
        found.append(indented(_timeline(trial.timeline)))
    return found


def _finding(finding: Finding, explained: set[tuple[str, str]] | None) -> list[RenderableType]:
    """Title, fact, hint and reference; the last two once only, where `explained` keeps count of them."""
    title = plain(finding.title, "bold")
    title.append_text(plain(f"  [{finding.check}, {_weight(finding.severity)}]", "not bold dim"))
    mark = SEVERITY_SYMBOL[finding.severity]
    found: list[RenderableType] = [_marked(mark, title, SEVERITY_STYLE[finding.severity])]
    if finding.fact:
        found.append(indented(plain(finding.fact)))
    explanation = (finding.hint, finding.reference)
    if explained is None or explanation not in explained:
        if finding.hint:
            found.append(indented(_marked("→", plain(finding.hint))))
        if finding.reference:
            found.append(indented(_marked("see", plain(finding.reference))))
    if explained is not None:
        explained.add(explanation)
    if finding.trials:
        noun = "trials" if len(finding.trials) > 1 else "trial"
        found.append(indented(plain(f"{noun} {trial_numbers(finding.trials)}", "dim")))
    return found


def _weight(severity: Severity) -> str:
    return "failure" if severity is Severity.FAIL else severity.value


def _marked(mark: str, text: Text, style: str = "cyan") -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style=style, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark), text)
    return grid


def _timeline(lines: Sequence[TimelineLine]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row(Text(offset(line.offset_ms)), plain(line.lane), plain(line.text))
    return grid
