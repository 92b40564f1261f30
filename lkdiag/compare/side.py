"""One of the two runs, as a comparison shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.compare.value import Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkdiag.report.value import Report
    from lkdiag.stats import Quantiles

UNJUDGED = ("error", "inconclusive")
"""Outcomes of trials of which nothing can be said: they are left out, and counted."""


def side_of(report: Report, outcomes: Mapping[str, int], latency_ms: Quantiles | None) -> Side:
    """The run, with its trials counted by outcome."""
    judged = {name: outcomes[name] for name in sorted(outcomes) if name not in UNJUDGED}
    return Side(
        run=report.run.id,
        command=report.run.command,
        started_at=report.run.started_at,
        finished_at=report.run.finished_at,
        interrupted=report.run.interrupted,
        subject=report.environment.subject,
        trials=sum(outcomes.values()),
        judged=sum(judged.values()),
        left_out={name: outcomes[name] for name in UNJUDGED if outcomes.get(name)},
        outcomes=judged,
        latency_ms=latency_ms,
    )
