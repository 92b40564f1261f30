"""The summary for a console: tallies, the table of measures, a small histogram of latencies."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lkdiag.checks.verdict import Outcome
from lkdiag.render.dispatch.figures import QUANTILES, groups, measures, tallies
from lkdiag.render.terminal_table import labelled, natural_width, plain, table
from lkdiag.render.wording import NONE, duration
from lkdiag.stats import histogram

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lkdiag.report.value import DispatchReport

BAR_CELLS = 40
"""The longest bar."""
HISTOGRAM_FROM = 5
"""With fewer latencies than that, the table of trials says it all."""


def tally_block(report: DispatchReport) -> RenderableType:
    """Outcomes and loss; with a control in two columns."""
    names = tuple(groups(report))
    if len(names) == 1:
        return labelled((row.label, row.texts[0]) for row in tallies(report))
    headers = [("", False), *((name, False) for name in names)]
    return table(headers, ([plain(row.label, "dim"), *(plain(text) for text in row.texts)] for row in tallies(report)))


def measure_table(report: DispatchReport, width: int) -> RenderableType:
    """Quantiles of latency, stages and state lag. The minimum gives way where the terminal is narrow."""
    with_group = len(groups(report)) > 1
    for dropped in ((), ("min",), ("min", "n")):
        kept = [position for position, name in enumerate(QUANTILES) if name not in dropped]
        headers = [("", False), *([("", False)] if with_group else [])]
        headers += [(QUANTILES[position], True) for position in kept]
        rows = [
            [
                plain(row.label),
                *([plain(row.group, "dim")] if with_group else []),
                *(_number(row.texts[position]) for position in kept),
            ]
            for row in measures(report)
        ]
        if natural_width(headers, rows) <= width:
            break
    return table(headers, rows)


def latency_histogram(report: DispatchReport, width: int) -> RenderableType | None:
    """The subject's latencies in bars, with a bar for those that never came; None for too few."""
    subjects = ((trial.latency_ms, trial.outcome) for trial in report.trials if trial.role != "control")
    fates = Counter[Outcome]()
    latencies = []
    for latency_ms, outcome in subjects:
        fates[outcome] += 1
        if latency_ms is not None:
            latencies.append(latency_ms)
    if len(latencies) < HISTOGRAM_FROM:
        return None
    bars = [
        (f"{duration(bar.low)} – {duration(bar.high)}", bar.count, "cyan")
        for bar in histogram(latencies, bins=min(8, 2 + len(latencies) // 4))
    ]
    never = fates[Outcome.DROPPED]
    if never:
        bars.append(("never came", never, "red"))
    most = max(count for _, count, _ in bars)
    longest = max(5, min(BAR_CELLS, width - max(len(label) for label, _, _ in bars) - len(str(most)) - 3))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    for label, count, style in bars:
        grid.add_row(Text(label), Text.assemble((_bar(count / most * longest), style), f" {count}"))
    return grid


def _bar(cells: float) -> str:
    """A bar to the eighth of a cell, and something to see for anything above nothing."""
    eighths = max(round(cells * 8), 1 if cells > 0 else 0)
    whole, part = divmod(eighths, 8)
    return "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[part]


def _number(text: str) -> Text:
    return Text(text, "dim" if text == NONE else "")
