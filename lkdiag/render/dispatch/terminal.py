"""What a dispatch report shows on a console, section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.dispatch.figures import measured_from
from lkdiag.render.dispatch.terminal_figures import latency_histogram, measure_table, tally_block
from lkdiag.render.dispatch.terminal_stories import stories, told_trials
from lkdiag.render.dispatch.terminal_trials import legend, trial_tables
from lkdiag.render.selection import told_title
from lkdiag.render.terminal_findings import kind_of, run_findings
from lkdiag.render.terminal_leftovers import leftover_rooms
from lkdiag.render.terminal_table import indented, labelled

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lkdiag.report.value import DispatchReport


def sections(
    report: DispatchReport, width: int, *, verbose: bool, complete: bool
) -> list[tuple[str, list[RenderableType]]]:
    """Title and body of each; one without a body is not shown. `complete` leaves no trial's row out."""
    told = told_trials(report, verbose=verbose)
    histogram = latency_histogram(report, width - 2)
    counted = measured_from(report)
    return [
        ("Trials", trial_tables(report, width, complete=complete)),
        ("Columns", [indented(labelled(legend(report)))] if verbose and report.trials else []),
        ("Summary", [indented(tally_block(report))] if report.trials else []),
        (
            f"Delays  {counted[0].lower()}{counted[1:]}",
            [indented(measure_table(report, width - 2))] if report.trials else [],
        ),
        ("Latency of the subject's trials", [indented(histogram)] if histogram else []),
        ("Rooms left behind", leftover_rooms(report.leftover_rooms)),
        (told_title(told), stories(report, told, verbose=verbose)),
        ("Findings", run_findings(report.findings, {kind_of(finding) for trial in told for finding in trial.findings})),
    ]
