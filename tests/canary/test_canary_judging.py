"""What the canary says of a trial while its run goes on is what the report says of it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lkdiag.canary.judging import Judge
from lkdiag.journal import read_journal
from lkdiag.report.build import build_report
from lkdiag.report.value import DispatchReport
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.timeline import Event

JOURNALS = Path(__file__).parents[1] / "journals"
FOUND = sorted([*JOURNALS.glob("*.jsonl"), *JOURNALS.glob("scenarios/*.jsonl")])
SETTLED_NS = 3_000_000_000


def judged_as_it_goes(events: tuple[Event, ...]) -> dict[int, str]:
    """By the canary's judge: each trial 3 s after its end, when the next one begins, or at the end of all."""
    judge, said = Judge(DispatchScenario()), dict[int, str]()
    over: list[tuple[int, int]] = []
    for event in events:
        while over and (event.kind == "trial.started" or event.mono_ns > over[0][1] + SETTLED_NS):
            settle(judge, over.pop(0)[0], said)
        if event.kind == "run.started":
            judge = Judge(msgspec.convert(event.data["options"], DispatchScenario))
        judge.note(event)
        if event.kind == "trial.finished" and event.trial is not None:
            over.append((event.trial, event.mono_ns))
    for index, _ in over:
        settle(judge, index, said)
    return said


def settle(judge: Judge, index: int, said: dict[int, str]) -> None:
    judged = judge.judge(index)
    if judged is not None:
        said[index] = f"{judged.outcome} {judged.state} {judged.mismatch} {judged.fallback} {judged.latency_ms}"


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_each_trial_is_judged_as_in_the_report(path: Path) -> None:
    events = tuple(read_journal(path).events)
    report = build_report(events)
    if not isinstance(report, DispatchReport) or report.run.options["concurrency"] > 1:
        pytest.skip("a canary plays dispatch trials, one after another")
    said = judged_as_it_goes(events)
    for trial in report.trials:
        told = f"{trial.outcome} {trial.state} {trial.mismatch} {trial.fallback} {trial.latency_ms}"
        assert said.get(trial.index, told) == told
    finished = [t for t in report.trials if "interrupted" not in str([f.fact for f in t.findings])]
    assert {trial.index for trial in finished} == set(said)


def test_no_more_is_kept_than_a_trial_needs() -> None:
    """Weeks of clock samples, stalls and lost connections."""
    judge, at = Judge(DispatchScenario()), 0
    told: tuple[tuple[str, int | None, dict[str, Any]], ...]
    for index in range(1, 501):
        told = (
            ("worker.disconnected", None, {}),
            ("worker.registered", None, {"worker_id": f"AW_{index}"}),
            *[("clock.sampled", None, {"before_ns": at, "after_ns": at, "server_ms": 0})] * 24,
            ("trial.started", index, {"warmup": True, "role": "subject", "room": "r"}),
            ("trial.finished", index, {}),
        )
        for kind, trial, data in told:
            at += 1
            judge.note(Event(at, kind, at, index * 60_000_000_000 + at, trial, data))
        assert judge.judge(index) is None
    assert judge.size < 200
