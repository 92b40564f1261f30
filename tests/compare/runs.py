"""Runs with the outcomes that a test wants, made from a recorded one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lkdiag.contract import Mismatch, Outcome, TeardownOutcome
from lkdiag.journal.file import read_journal
from lkdiag.report.build import build_report
from lkdiag.report.teardown_value import TeardownCell, TeardownReport, TeardownSummary, TeardownTrial
from lkdiag.report.value import DispatchReport
from lkdiag.stats import Quantiles

if TYPE_CHECKING:
    from collections.abc import Sequence

JOURNALS = Path(__file__).parents[1] / "journals"


@cache
def recorded() -> DispatchReport:
    report = build_report(read_journal(JOURNALS / "honest.jsonl").events)
    assert isinstance(report, DispatchReport)
    return report


def a_run(
    name: str,
    *,
    delays: tuple[float, ...] = (),
    lost: int = 0,
    unjudged: int = 0,
    contradicting: int = 0,
    options: dict[str, Any] | None = None,
    **run: Any,
) -> DispatchReport:
    """Delays in milliseconds; of those that came, the first ones contradict their state."""
    report = recorded()
    came = [
        replace(
            report.trials[0],
            latency_ms=delay,
            outcome=Outcome.DELIVERED if delay <= 2000 else Outcome.DELAYED,
            mismatch=Mismatch.UNREPORTED if number < contradicting else None,
        )
        for number, delay in enumerate(delays)
    ]
    gone = [replace(report.trials[0], latency_ms=None, outcome=Outcome.DROPPED)] * lost
    unknown = [replace(report.trials[0], latency_ms=None, outcome=Outcome.INCONCLUSIVE)] * unjudged
    return replace(
        report,
        run=replace(
            report.run,
            id=name,
            command="lkdiag dispatch-trial --local",
            started_at="2026-11-21T04:18:54.000Z",
            finished_at="2026-11-21T04:20:54.000Z",
            options={**report.run.options, "timeout_s": 20.0, "faults": [], **(options or {})},
            **run,
        ),
        summary=replace(report.summary, latency_ms=Quantiles.of(delays)),
        trials=(*came, *gone, *unknown),
    )


def a_call(cleanup: str, agent_exit: str, hangup: str, *, closed_ms: float | None) -> TeardownTrial:
    """A call whose room was closed after so long; slow from 5 s on, and None: never."""
    outcome = TeardownOutcome.LEFTOVER if closed_ms is None else TeardownOutcome.CLOSED
    return TeardownTrial(
        index=1,
        started_at="2026-11-21T04:18:54.000Z",
        room="lkdiag-x-001",
        room_sid="RM_x",
        human_room_sid=None,
        dispatch_id=None,
        job_id=None,
        participant_ids={},
        cleanup=cleanup,
        agent_exit=agent_exit,
        subject=None,
        hangup=hangup,
        merge="rejoin",
        outcome=TeardownOutcome.SLOW if closed_ms is not None and closed_ms > 5000 else outcome,
        closed_ms=closed_ms,
        survivor=None,
        left_in_room=(),
        api_calls=1,
        findings=(),
        timeline=(),
    )


def a_teardown(trials: Sequence[TeardownTrial]) -> TeardownReport:
    """A run of these calls."""
    report = recorded()
    cells: dict[tuple[str, str, str], list[TeardownTrial]] = {}
    for trial in trials:
        cells.setdefault((trial.cleanup, trial.agent_exit, trial.hangup), []).append(trial)
    grid = tuple(
        TeardownCell(
            *cell, len(alike), {}, Quantiles.of([t.closed_ms for t in alike if t.closed_ms is not None]).p50, None
        )
        for cell, alike in cells.items()
    )
    return TeardownReport(
        run=replace(report.run, kind="teardown", scenario="transfer-teardown", options={"window_s": 8.0}),
        environment=report.environment,
        verdict=report.verdict,
        headline="",
        leftover_rooms=(),
        findings=(),
        summary=TeardownSummary(len(trials), {}, Quantiles.of([]), grid),
        trials=tuple(trials),
    )
