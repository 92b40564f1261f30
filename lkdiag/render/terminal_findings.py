"""Findings and the lines of a story, for a console. The same for every kind of run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lkdiag.checks.verdict import Severity
from lkdiag.render.terminal_table import indented, plain
from lkdiag.render.wording import SEVERITY_SYMBOL, more, offset, plural, trial_numbers

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import RenderableType

    from lkdiag.checks.verdict import Finding
    from lkdiag.report.value import TimelineLine

SEVERITY_STYLE = {Severity.FAIL: "bold red", Severity.INCONCLUSIVE: "bold cyan", Severity.NOTE: "dim"}

Kind = tuple[str, str]
"""A finding's slug and title: findings that share both are of one kind."""


def kind_of(finding: Finding) -> Kind:
    """What makes it the same finding in another trial."""
    return finding.check, finding.title


def run_findings(findings: Sequence[Finding], told: Collection[Kind]) -> list[RenderableType]:
    """The findings about the run and its trials. Of those in `told`, which stand above in full, only the count."""
    found: list[RenderableType] = []
    for finding in findings:
        if kind_of(finding) in told:
            found.append(indented(title_line(finding, counted(finding))))
        else:
            found += [indented(part) for part in finding_block(finding)]
            if finding.trials:
                found.append(indented(plain(counted(finding), "dim"), 4))
    return found


def finding_block(finding: Finding, explained: set[tuple[str, str]] | None = None) -> list[RenderableType]:
    """Title, fact, hint, reference and page; the last three once only, where `explained` keeps count of them."""
    found = [title_line(finding)]
    if finding.fact:
        found.append(indented(plain(finding.fact)))
    explanation, page = (finding.hint, finding.reference), ("more", finding.check)
    if explained is None or explanation not in explained:
        if finding.hint:
            found.append(indented(_marked("→", plain(finding.hint))))
        if finding.reference:
            found.append(indented(_marked("see", plain(finding.reference))))
    if explained is None or page not in explained:
        found.append(indented(_marked("more:", plain(more([finding.check])))))
    if explained is not None:
        explained |= {explanation, page}
    return found


def title_line(finding: Finding, about: str = "") -> RenderableType:
    """Symbol, title, slug and weight, and what `about` adds to them."""
    title = plain(finding.title, "bold")
    title.append_text(plain(f"  [{finding.check}, {_weight(finding.severity)}]", "not bold dim"))
    if about:
        title.append_text(plain(f"  {about}", "not bold"))
    return _marked(SEVERITY_SYMBOL[finding.severity], title, SEVERITY_STYLE[finding.severity])


def counted(finding: Finding) -> str:
    """`4 trials: 3, 4, 15, 30`, or `trial 3`."""
    numbers = trial_numbers(finding.trials)
    count = len(set(finding.trials))
    return f"{plural(count, 'trial')}: {numbers}" if count > 1 else f"trial {numbers}" if count else ""


def story(lines: Sequence[TimelineLine]) -> Table:
    """A trial's timeline."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row(Text(offset(line.offset_ms)), plain(line.lane), plain(line.text))
    return grid


def others(indices: Sequence[int]) -> list[RenderableType]:
    """What stands for failing trials that are not told."""
    if not indices:
        return []
    more = f"{plural(len(indices), 'more failing trial')} of the kinds above: {trial_numbers(indices)}"
    return ["", plain(more, "bold"), plain("Their stories: --verbose, --format markdown or --format json", "dim")]


def _weight(severity: Severity) -> str:
    return "failure" if severity is Severity.FAIL else severity.value


def _marked(mark: str, text: Text, style: str = "cyan") -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style=style, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark), text)
    return grid
