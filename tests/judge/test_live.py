"""What is said of a trial while its run goes on is what the report says of it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lkdiag.journal.event import Event
from lkdiag.journal.file import read_journal
from lkdiag.judge.live import CallJudge, DispatchJudge, WatchJudge
from lkdiag.report.build import build_report
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.scenario.call import TeardownScenario
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.watch import WatchScenario

JOURNALS = Path(__file__).parents[1] / "journals"
FOUND = sorted([*JOURNALS.glob("*.jsonl"), *JOURNALS.glob("scenarios/*.jsonl")])
SETTLED_NS = 3_000_000_000


def judged_as_it_goes(events: tuple[Event, ...]) -> dict[int, str]:
    """As the canary does: each trial 3 s after its end, when the next one begins, or at the end of all."""
    judge, said = DispatchJudge(DispatchScenario()), dict[int, str]()
    over: list[tuple[int, int]] = []
    for event in events:
        while over and (event.kind == "trial.started" or event.mono_ns > over[0][1] + SETTLED_NS):
            settle(judge, over.pop(0)[0], said)
        if event.kind == "run.started":
            judge = DispatchJudge(msgspec.convert(event.data["options"], DispatchScenario))
        judge.note(event)
        if event.kind == "trial.finished" and event.trial is not None:
            over.append((event.trial, event.mono_ns))
    for index, _ in over:
        settle(judge, index, said)
    return said


def settle(judge: DispatchJudge, index: int, said: dict[int, str]) -> None:
    judged = judge.judge_or_crash(index)
    if judged is not None and not judged.warmup and not judged.interrupted:
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


CALLS = [path for path in FOUND if '"kind":"teardown"' in path.read_text().partition("\n")[0]]


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_each_call_is_judged_as_in_the_report(path: Path) -> None:
    events = tuple(read_journal(path).events)
    report = build_report(events)
    assert isinstance(report, TeardownReport)
    judge = CallJudge(msgspec.convert(report.run.options, TeardownScenario))
    ended = [index for event in events if (index := judge.note(event)) is not None]
    calls = {index: call for index in ended if (call := judge.judge(index)) is not None}
    said = {index: (call.outcome, call.facts.closed_ms) for index, call in calls.items()}
    assert said == {call.index: (call.outcome, call.closed_ms) for call in report.trials}
    assert judge.size < 200


def test_what_comes_after_a_trial_was_judged_is_not_kept() -> None:
    judge = DispatchJudge(DispatchScenario())
    about = {"warmup": False, "role": "subject", "room": "r"}
    assert judge.note(Event(1, "trial.started", 1, 1, 1, about)) is None
    assert judge.note(Event(2, "trial.finished", 2, 2, 1, {})) == 1
    assert judge.judge_or_crash(1) is not None
    assert judge.note(Event(3, "webhook.received", 3, 3, 1, {})) is None
    assert (judge.size, judge.judge_or_crash(1)) == (0, None)


def test_no_more_is_kept_than_a_trial_needs() -> None:
    """Weeks of clock samples, stalls and lost connections."""
    judge, at = DispatchJudge(DispatchScenario()), 0
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
        judged = judge.judge_or_crash(index)
        assert judged is not None
        assert judged.warmup
    assert judge.size < 200


def test_a_call_of_days_does_not_keep_all_that_was_measured_meanwhile() -> None:
    judge, at = WatchJudge(WatchScenario(prefix="call-"), None), 0
    judge.note(Event(1, "trial.started", 1, 1, 1, {"room": "call-1", "warmup": False}))
    for at in range(2, 20_000):
        judge.note(Event(at, "lkdiag.sampled", at, at * 1_000_000_000, None, {"lags_ms": []}))
    assert judge.size < 200
    call = judge.call(1)
    assert call is not None
    assert call.started.mono_ns == 1


def test_a_registration_is_known_for_as_long_as_a_trial_of_its_time_goes_on() -> None:
    judge = DispatchJudge(DispatchScenario())
    judge.note(Event(1, "trial.started", 1, 1, 1, {"warmup": False, "role": "subject", "room": "r"}))
    for at in range(2, 202):
        judge.note(Event(at, "worker.registered", at, at * 1_000_000_000, None, {"worker_id": f"AW_{at}"}))
    assert judge.size == 201
