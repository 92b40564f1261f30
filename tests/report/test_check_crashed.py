"""A part of the judging that crashes loses its own word, says so, and leaves the rest of the report as it is."""

from __future__ import annotations

import inspect
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
import pytest

from lkdiag.contract import Outcome, Severity, Verdict
from lkdiag.errors import JournalError
from lkdiag.facts.dispatch import DispatchFacts
from lkdiag.facts.teardown import TeardownFacts
from lkdiag.facts.watched_call import WatchedDispatchFacts
from lkdiag.journal.file import SCHEMA, read_journal
from lkdiag.judge import diagnosed
from lkdiag.judge.checks import left_alone, out_of_sight
from lkdiag.judge.finding import SLUG, name_of
from lkdiag.judge.tables import CALL_CHECKS, NAME_CHECKS, RUN_CHECKS, TRIAL_CHECKS
from lkdiag.judge.tables import WATCH_CHECKS as WATCH_CHECKS
from lkdiag.judge.trial import JudgedTrial
from lkdiag.render import FORMATS
from lkdiag.report import dispatch as dispatch_report
from lkdiag.report import teardown as teardown_report
from lkdiag.report import watch as watch_report
from lkdiag.report.build import build_report
from lkdiag.report.summary import ApiCallsSoFar
from lkdiag.report.value import DispatchReport
from lkdiag.report.watch_value import WatchReport
from lkdiag.scenario.watch import WatchScenario
from tests.judge.followed import Followed
from tests.judge.story import dispatch, job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkdiag.journal.event import Event
    from lkdiag.report.teardown_value import TeardownReport
    from lkdiag.report.value import Report

JOURNALS = Path(__file__).parents[1] / "journals"
DISPATCHES = [JOURNALS / f"{name}.jsonl" for name in ("ghost", "nobody-control", "honest", "scenarios/webhooks-late")]
CALLS = [JOURNALS / "scenarios" / f"{name}.jsonl" for name in ("transfer-teardown", "survivor-alone")]
PRIVATE = "+15550100 and HUSHHUSH"
"""An exception's text may hold anything."""


def crash(*_: object, **__: object) -> NoReturn:
    raise KeyError(PRIVATE)


def crashing(check: Callable[..., Any]) -> Callable[..., NoReturn]:
    """In place of that check, under its name."""

    def judge(*_: object) -> NoReturn:
        crash()

    judge.__module__, judge.__name__ = check.__module__, check.__name__
    return judge


def with_crash(table: Sequence[Callable[..., Any]], at: int) -> tuple[Callable[..., Any], ...]:
    return tuple(crashing(check) if place == at else check for place, check in enumerate(table))


def report_of(path: Path) -> Any:
    return build_report(read_journal(path).events)


def fields(value: object) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(value)
    return made


def stripped(report: Report, *slugs: str) -> dict[str, Any]:
    """Without the findings of these checks, and without what follows from them: the verdict, and stories."""
    whole = fields(report)
    for trial in (*whole["trials"], *whole.get("warmup", ())):
        trial["findings"] = [found for found in trial["findings"] if found["check"] not in slugs]
        trial["timeline"] = None
    found = [one for one in whole["findings"] if one["check"] not in slugs]
    return {**whole, "findings": found, "verdict": None, "headline": None, "expectation": None}


def assert_says_so(report: Report, name: str) -> None:
    """A finding of lkdiag's own, with name, kind and place, and without the exception's text."""
    found = [finding for finding in report.findings if finding.check == SLUG]
    assert found
    for finding in found:
        assert name in finding.title
        assert finding.severity is Severity.INCONCLUSIVE
        assert "KeyError in lkdiag/" in finding.fact
        assert "bug report at lkdiag's own tracker" in finding.hint
        assert "journal" in finding.hint
    assert report.verdict is not Verdict.PASS
    assert PRIVATE not in str(fields(report))
    for write in FORMATS.values():
        assert_written(write, report, SLUG)


def assert_written(write: Callable[..., object], report: Report, word: str) -> None:
    text = io.StringIO()
    write(report, text, verbose=True)
    assert word in text.getvalue()


def assert_rest_stands(crashed: Report, whole: Report, slug: str) -> None:
    assert stripped(crashed, SLUG, slug) == stripped(whole, SLUG, slug)
    others = {found.severity for found in crashed.findings if found.check != SLUG}
    assert crashed.verdict is (Verdict.FAIL if Severity.FAIL in others else Verdict.INCONCLUSIVE)


def slug_of(check: Callable[..., Any]) -> str:
    return check.__module__.rpartition(".")[2].replace("_", "-")


@pytest.mark.parametrize("at", range(len(TRIAL_CHECKS)), ids=[name_of(check) for check in TRIAL_CHECKS])
def test_a_check_of_a_trial(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [report_of(path) for path in DISPATCHES]
    monkeypatch.setattr(dispatch_report, "TRIAL_CHECKS", with_crash(TRIAL_CHECKS, at))
    for path, before in zip(DISPATCHES, whole, strict=True):
        after = report_of(path)
        assert_says_so(after, f"the check {name_of(TRIAL_CHECKS[at])} crashed")
        assert_rest_stands(after, before, slug_of(TRIAL_CHECKS[at]))


@pytest.mark.parametrize("at", range(len(RUN_CHECKS)), ids=[name_of(check) for check in RUN_CHECKS])
def test_a_check_of_the_run(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [report_of(path) for path in DISPATCHES]
    monkeypatch.setattr(dispatch_report, "RUN_CHECKS", with_crash(RUN_CHECKS, at))
    for path, before in zip(DISPATCHES, whole, strict=True):
        after = report_of(path)
        assert_says_so(after, f"the check {name_of(RUN_CHECKS[at])} crashed")
        assert_rest_stands(after, before, slug_of(RUN_CHECKS[at]))


@pytest.mark.parametrize("at", range(len(CALL_CHECKS)), ids=[name_of(check) for check in CALL_CHECKS])
def test_a_check_of_a_call(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [report_of(path) for path in CALLS]
    monkeypatch.setattr(teardown_report, "CALL_CHECKS", with_crash(CALL_CHECKS, at))
    for path, before in zip(CALLS, whole, strict=True):
        after = report_of(path)
        assert_says_so(after, f"the check {name_of(CALL_CHECKS[at])} crashed")
        assert_rest_stands(after, before, slug_of(CALL_CHECKS[at]))


# -- causes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(len(diagnosed.DIAGNOSES)), ids=[name_of(one) for one in diagnosed.DIAGNOSES])
def test_a_cause(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cause is named then: what comes after it in the list might be wrong."""
    whole = report_of(DISPATCHES[0])
    monkeypatch.setattr(diagnosed, "DIAGNOSES", with_crash(diagnosed.DIAGNOSES, at))
    crashed = report_of(DISPATCHES[0])
    for before, after in zip(whole.trials, crashed.trials, strict=True):
        told = [finding for finding in after.findings if finding.check == SLUG]
        assert after.diagnosis == (None if told else before.diagnosis)
        assert [finding for finding in after.findings if finding not in told] == list(before.findings)
        assert (after.outcome, after.mismatch, after.latency_ms) == (before.outcome, before.mismatch, before.latency_ms)
    if at == 0:
        assert_says_so(crashed, "the cause room.came-back crashed")
    assert crashed.summary == whole.summary


def test_a_cause_that_a_check_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check says what it knows without it."""
    causes = diagnosed.OF_THE_DISPATCH
    monkeypatch.setattr(diagnosed, "OF_THE_DISPATCH", with_crash(causes, 0))
    crashed, whole = report_of(DISPATCHES[0]), None
    monkeypatch.undo()
    whole = report_of(DISPATCHES[0])
    assert_says_so(crashed, "the cause people.waited crashed")
    assert [trial.outcome for trial in crashed.trials] == [trial.outcome for trial in whole.trials]
    assert {found.check for found in whole.findings} <= {found.check for found in crashed.findings}


# -- a trial as a whole ------------------------------------------------------------------------------------------------

BROKEN = {
    "its latency": (DispatchFacts, "latency_ms"),
    "its agent": (DispatchFacts, "agent"),
    "its dispatch": (DispatchFacts, "dispatch_id"),
    "its stages": (DispatchFacts, "stages_ms"),
}


def broken_for(index: int, whole: Any) -> property:
    """A fact that can't be had of one trial."""

    def get(facts: Any) -> Any:
        if facts.index == index:
            crash()
        return whole.__get__(facts)

    return property(get)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("path", DISPATCHES, ids=lambda path: path.stem)
def test_a_trial_as_a_whole(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, fact = BROKEN[name]
    whole = report_of(path)
    index = whole.trials[0].index
    monkeypatch.setattr(owner, fact, broken_for(index, getattr_static(owner, fact)))
    crashed = report_of(path)
    first, *others = crashed.trials
    assert (first.outcome, first.mismatch, first.latency_ms) == (Outcome.INCONCLUSIVE, None, None)
    assert (first.room, first.role, first.method) == (
        whole.trials[0].room,
        whole.trials[0].role,
        whole.trials[0].method,
    )
    assert [finding.check for finding in first.findings] == [SLUG]
    assert "the judging of the trial crashed" in first.findings[0].title
    for before, after in zip(whole.trials[1:], others, strict=True):
        # what is evidence for another trial may have been in this one
        assert replace(after, diagnosis=None, findings=()) == replace(before, diagnosis=None, findings=())
    outcomes = crashed.summary.outcomes
    assert sum(outcomes.values()) == crashed.summary.trials == whole.summary.trials
    assert outcomes["inconclusive"] == whole.summary.outcomes["inconclusive"] + 1
    assert crashed.summary.missing == 0
    assert crashed.verdict is not Verdict.PASS


def getattr_static(owner: type, name: str) -> Any:
    found = inspect.getattr_static(owner, name)
    if hasattr(found, "func"):  # a cached property keeps nothing here
        return property(found.func)
    return found


def test_every_trial_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JudgedTrial, "of", classmethod(crash))
    crashed = report_of(DISPATCHES[1])
    assert {trial.outcome for trial in crashed.trials} == {Outcome.INCONCLUSIVE}
    assert crashed.verdict is Verdict.INCONCLUSIVE
    assert crashed.summary.lost_rate.of == 0
    assert len(crashed.trials) == len(report_of_undone(monkeypatch, DISPATCHES[1]).trials)


def report_of_undone(monkeypatch: pytest.MonkeyPatch, path: Path) -> Any:
    monkeypatch.undo()
    return report_of(path)


def test_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in no figure, but lkdiag's own fault counts."""
    path = JOURNALS / "large" / "twenty.jsonl"
    whole = report_of(path)
    index = whole.warmup[0].index
    monkeypatch.setattr(DispatchFacts, "latency_ms", broken_for(index, getattr_static(DispatchFacts, "latency_ms")))
    crashed = report_of(path)
    assert crashed.summary == whole.summary
    assert [finding.trial for finding in crashed.findings if finding.check == SLUG] == [index]


def test_a_check_that_crashes_in_a_warm_up_too_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_report, "TRIAL_CHECKS", with_crash(TRIAL_CHECKS, 0))
    crashed = report_of(JOURNALS / "large" / "twenty.jsonl")
    assert crashed.warmup[0].findings
    assert [finding.check for finding in crashed.findings].count(SLUG) == 1


def test_a_call_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: TeardownReport = report_of(CALLS[0])
    index = whole.trials[0].index
    monkeypatch.setattr(TeardownFacts, "closed_ms", broken_for(index, getattr_static(TeardownFacts, "closed_ms")))
    crashed: TeardownReport = report_of(CALLS[0])
    assert crashed.trials[0].outcome == "inconclusive"
    assert crashed.trials[1:] == whole.trials[1:]
    assert crashed.summary.outcomes["inconclusive"] == whole.summary.outcomes["inconclusive"] + 1
    assert [finding.check for finding in crashed.trials[0].findings] == [SLUG]
    assert len(crashed.summary.grid) == len(whole.summary.grid)


# -- parts of the run's own --------------------------------------------------------------------------------------------

PARTS = {
    "health": (dispatch_report, "health_by_shard", "health"),
    "expectation": (dispatch_report, "judge_expectation", "expects"),
    "leftovers": (dispatch_report, "leftovers_of", "leftover rooms"),
    "shards": (dispatch_report, "shards_of", "shards"),
    "API calls": (ApiCallsSoFar, "note", "API calls"),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_the_report(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = report_of(DISPATCHES[2])
    where, what, word = PARTS[name]
    monkeypatch.setattr(where, what, crash)
    crashed = report_of(DISPATCHES[2])
    assert_says_so(crashed, word)
    assert whole.verdict is Verdict.PASS
    assert crashed.verdict is Verdict.INCONCLUSIVE
    assert (crashed.trials, crashed.warmup) == (whole.trials, whole.warmup)


@pytest.mark.parametrize("part", ["story", "dispatch_participants"])
def test_a_part_of_a_trial(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its verdict stands."""
    whole = report_of(DISPATCHES[0])
    monkeypatch.setattr(dispatch_report, part, crash)
    crashed = report_of(DISPATCHES[0])
    assert_says_so(crashed, "of the trial" if part == "story" else "participant ids")
    assert crashed.verdict is whole.verdict is Verdict.FAIL
    assert crashed.summary == whole.summary
    assert [trial.diagnosis for trial in crashed.trials] == [trial.diagnosis for trial in whole.trials]


def test_a_broken_line_is_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = DISPATCHES[0].read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-3], b"{\n", *lines[-3:]]))
    with pytest.raises(JournalError, match="is not an event"):
        report_of(path)


# -- a watch -----------------------------------------------------------------------------------------------------------


def watched() -> list[Event]:
    """Two calls: to one nobody came and somebody was left alone in it, in the other all went well."""
    lost = Followed(agent_name="my-agent").person(400, "sip_1").person(500, "sip_2")
    lost.listed(600, dispatch("AD_1")).looks(700, 30_000).gone(31_000, "sip_2").looks(31_100, 130_000)
    lost.done(25_000, came=False).over(131_000)
    well = Followed(agent_name="my-agent").person(400, "sip_1")
    well.listed(600, dispatch("AD_1", job("AJ_1", worker_id="AW_theirs"))).agent(700).looks(800, 5_000)
    well.done(6_000, came=True).gone(9_000, "sip_1").shut(10_000)
    kinds = [(at, event, number) for number, call in ((1, lost), (2, well)) for at, _, event in call.events]
    made = [
        replace(event, trial=number, data=renamed(event.data, number))
        for _, event, number in sorted(kinds, key=lambda item: item[0])
    ]
    first, last = made[0], made[-1]
    head = {
        "schema": SCHEMA, "run_id": "20260101-000000-abcd", "lkdiag_version": "0.1.0", "scenario": "watch",
        "kind": "watch", "title": "Calls as they are", "command": "lkdiag watch --prefix ''", "project_host": "h",
        "options": msgspec.to_builtins(WatchScenario(prefix="", alone_for_s=60)), "sdk": {}, "python": "3.11",
        "os": "Linux",
    }  # fmt: skip
    own = [
        replace(first, kind="run.started", trial=None, data=head),
        replace(first, kind="watch.began", trial=None, data={}),
    ]
    ended = [replace(last, kind=kind, trial=None, data={}) for kind in ("watch.stopped", "run.finished")]
    return [replace(event, seq=seq) for seq, event in enumerate([*own, *made, *ended])]


def renamed(data: Any, number: int) -> Any:
    """The same of another call."""
    if isinstance(data, dict):
        return {key: renamed(value, number) for key, value in data.items()}
    if isinstance(data, list):
        return [renamed(value, number) for value in data]
    return f"{data}_{number}" if isinstance(data, str) and data.startswith(("AD_", "AJ_", "RM_", "agent-")) else data


def watch_of(events: list[Event]) -> WatchReport:
    report = build_report(events)
    assert isinstance(report, WatchReport)
    return report


def test_the_watch_itself() -> None:
    report = watch_of(watched())
    assert [trial.outcome for trial in report.trials] == ["dropped", "delivered"]
    assert {"dropped", "left-alone"} <= {finding.check for finding in report.findings}


@pytest.mark.parametrize("at", range(len(WATCH_CHECKS)), ids=[name_of(check) for check in WATCH_CHECKS])
def test_a_check_of_a_dispatch_that_was_watched(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = watch_of(watched())
    monkeypatch.setattr(watch_report, "WATCH_CHECKS", with_crash(WATCH_CHECKS, at))
    crashed = watch_of(watched())
    assert_says_so(crashed, f"the check {name_of(WATCH_CHECKS[at])} crashed")
    assert_rest_stands(crashed, whole, slug_of(WATCH_CHECKS[at]))


@pytest.mark.parametrize("at", range(len(NAME_CHECKS)), ids=[name_of(check) for check in NAME_CHECKS])
def test_a_check_of_all_dispatches_of_a_name(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = watch_of(watched())
    monkeypatch.setattr(watch_report, "NAME_CHECKS", with_crash(NAME_CHECKS, at))
    crashed = watch_of(watched())
    assert_says_so(crashed, f"the check {name_of(NAME_CHECKS[at])} crashed")
    assert_rest_stands(crashed, whole, slug_of(NAME_CHECKS[at]))


@pytest.mark.parametrize("check", ["judge", "judge_calls"])
def test_a_check_of_the_watch(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = watch_of(watched())
    monkeypatch.setattr(out_of_sight, check, crashing(getattr(out_of_sight, check)))
    crashed = watch_of(watched())
    assert_says_so(crashed, "the check out-of-sight crashed")
    assert_rest_stands(crashed, whole, "out-of-sight")


def test_a_check_of_a_watched_call(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = watch_of(watched())
    monkeypatch.setattr(left_alone, "judge", crashing(left_alone.judge))
    crashed = watch_of(watched())
    assert_says_so(crashed, "the check left-alone crashed")
    assert crashed.trials == whole.trials
    assert crashed.leftover_rooms == whole.leftover_rooms


def test_a_watched_dispatch_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = watch_of(watched())
    monkeypatch.setattr(
        WatchedDispatchFacts, "latency_ms", broken_for(1, getattr_static(WatchedDispatchFacts, "latency_ms"))
    )
    crashed = watch_of(watched())
    assert crashed.trials[0].outcome is Outcome.INCONCLUSIVE
    assert (crashed.trials[0].call, crashed.trials[0].agent_name) == (whole.trials[0].call, whole.trials[0].agent_name)
    assert crashed.trials[1:] == whole.trials[1:]
    assert [call.people for call in crashed.calls] == [call.people for call in whole.calls]
    assert crashed.leftover_rooms == whole.leftover_rooms


def test_a_watched_call_as_a_whole() -> None:
    """It is left out, and the finding names it."""
    whole = watch_of(watched())
    events = [
        replace(event, data={}) if event.kind == "participant.joined" and event.trial == 1 else event
        for event in watched()
    ]
    crashed = watch_of(events)
    assert [call.number for call in crashed.calls] == [2]
    assert [trial.outcome for trial in crashed.trials] == ["delivered"]
    assert replace(crashed.calls[0], trials=()) == replace(whole.calls[1], trials=())
    (found,) = [finding for finding in crashed.findings if finding.check == SLUG]
    assert "the judging of call 1 (room r) crashed" in found.title
    assert crashed.verdict is Verdict.INCONCLUSIVE


def test_the_report_is_one_of_dispatches() -> None:
    assert isinstance(report_of(DISPATCHES[0]), DispatchReport)
