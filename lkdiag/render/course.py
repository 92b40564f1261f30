"""How a run ended when it did not by itself, what held it up, and whether it went as its scenario expects, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.health import advice
from lkdiag.render.selection import finished_trials, planned_trials
from lkdiag.render.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.report.value import Report


def ended(report: Report) -> Iterator[str]:
    """Nothing where it played all that was planned, and nothing held it up."""
    if report.run.interrupted:
        planned = planned_trials(report)
        of = "" if planned is None else f" of {planned} planned"
        yield f"The run was interrupted after {plural(finished_trials(report), 'trial')}{of}."
    if report.run.aborted:
        yield f"lkdiag gave the run up: {report.run.aborted}"
    if advice(report):
        yield advice(report)


def expected(report: Report) -> Iterator[str]:
    """Whether the scenario's expectation was met."""
    if report.expectation is not None:
        yield f"{'✓' if report.expectation.met else '✗'} {report.expectation.told}"
