"""No verdict rests on what lkdiag broke on purpose: without it the report is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lkdiag.journal.event import Event, is_ground_truth
from lkdiag.journal.file import read_journal
from lkdiag.report.build import build_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.report.value import Report

JOURNALS = Path(__file__).parents[1] / "journals"
PATHS = sorted(JOURNALS.rglob("*.jsonl"))
CAST = ("faults", "fault_fallback", "workers", "webhooks")
"""Options that say what is broken, and who plays. Of `webhooks` a judge may know that there is a receiver."""


def stripped(events: Sequence[Event]) -> list[Event]:
    """Without the draws, what staged workers did, and how the scenario was cast."""
    honest = [event for event in events if not is_ground_truth(event.kind)]
    return [replace(event, data=_uncast(event.data)) if event.kind == "run.started" else event for event in honest]


def _uncast(data: dict[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in data["options"].items() if name not in CAST}
    if data["options"].get("webhooks") is not None:
        options["webhooks"] = "ok"
    return {**data, "options": options}


def judged(report: Report) -> dict[str, Any]:
    """The report but for the options, which repeat what was asked for."""
    fields: dict[str, Any] = msgspec.to_builtins(report)
    return {**fields, "run": {**fields["run"], "options": None}}


def with_staged(events: Sequence[Event]) -> list[Event]:
    """As if workers had been played in every trial, and had told all of it."""
    lies = (("staged.worker.registered", {"behaviour": "ghost", "worker_id": "AW_staged"}),
            ("staged.job.offered", {"job_id": "AJ_staged", "dispatch_id": "AD_staged"}),
            ("staged.job.rejected", {"job_id": "AJ_staged"}),
            ("fault.drawn", {"behaviour": "overloaded"}))  # fmt: skip
    told: list[Event] = []
    for event in events:
        told.append(event)
        if event.kind in ("trial.started", "room.created", "observation.ended", "worker.registered"):
            told += [replace(event, kind=kind, data=data) for kind, data in lies]
    return told


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_report_without_the_ground_truth_is_the_same(path: Path) -> None:
    events = tuple(read_journal(path).events)
    assert judged(build_report(stripped(events))) == judged(build_report(events))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_staged_workers_do_changes_nothing(path: Path) -> None:
    events = tuple(read_journal(path).events)
    assert build_report(with_staged(events)) == build_report(events)


def test_there_are_journals() -> None:
    assert len(PATHS) > 10
