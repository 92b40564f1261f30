"""Thresholds on real runs and on what may come: met, not met, not to be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkdiag.contract import Verdict
from lkdiag.journal.file import read_journal
from lkdiag.report.build import build_report
from lkdiag.report.metric import METRICS
from lkdiag.report.threshold import judged_by, parse_conditions
from lkdiag.report.value import DispatchReport
from lkdiag.stats import Quantiles, Rate

if TYPE_CHECKING:
    from lkdiag.report.value import Report, Threshold

JOURNALS = Path(__file__).parents[1] / "journals"


def run_of(name: str) -> Report:
    return build_report(read_journal(JOURNALS / f"{name}.jsonl").events)


def judged(name: str, *texts: str) -> Report:
    report = run_of(name)
    return judged_by(report, parse_conditions(texts, report.run.kind))


def threshold(name: str, text: str) -> Threshold:
    (found,) = judged(name, text).thresholds
    return found


def test_without_thresholds_nothing_changes() -> None:
    report = run_of("honest")
    assert judged_by(report, ()) is report
    assert report.thresholds == ()


def test_one_that_is_met_leaves_a_pass_a_pass() -> None:
    report = judged("honest", "lost_rate>0.01", "p95_ms>60000")
    assert report.verdict is Verdict.PASS
    assert [one.ok for one in report.thresholds] == [True, True]
    assert report.headline.endswith("All thresholds are met.")


def test_one_that_is_not_met_fails_a_run_without_a_finding() -> None:
    report = judged("honest", "p95_ms>1")
    assert run_of("honest").verdict is Verdict.PASS
    assert report.verdict is Verdict.FAIL
    assert "Threshold not met: p95_ms > 1." in report.headline
    (one,) = report.thresholds
    assert one.value is not None
    assert one.value > 1
    assert "agents that came: 2" in one.told


def test_a_finding_fails_the_run_whatever_the_thresholds_say() -> None:
    report = judged("ghost", "lost_rate>1", "trials<1")
    assert report.verdict is Verdict.FAIL
    assert all(one.ok for one in report.thresholds)


def test_one_that_has_no_value_can_not_be_told() -> None:
    one = threshold("ghost", "p95_ms>2000")
    assert (one.value, one.ok) == (None, None)
    assert "no agent came" in one.told
    assert "can't be told" in one.told


def test_what_can_not_be_told_makes_a_pass_inconclusive_and_no_more() -> None:
    report = run_of("honest")
    assert isinstance(report, DispatchReport)
    report = replace(report, summary=replace(report.summary, latency_ms=Quantiles.of([])))
    conditions = parse_conditions(["p95_ms>2000"], "dispatch")
    found = judged_by(report, conditions)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "Threshold can't be told: p95_ms > 2000." in found.headline
    assert judged_by(replace(report, verdict=Verdict.FAIL), conditions).verdict is Verdict.FAIL


def test_one_not_met_counts_more_than_one_that_can_not_be_told() -> None:
    report = judged("interrupted", "p95_ms>2000", "inconclusive>0")
    assert report.verdict is Verdict.FAIL
    assert [one.ok for one in report.thresholds] == [None, False]


@pytest.mark.parametrize(
    ("kind", "journal"), [("dispatch", "interrupted"), ("teardown", "scenarios/transfer-teardown")]
)
def test_a_run_that_judged_nothing_meets_no_threshold_on_what_it_would_have_judged(kind: str, journal: str) -> None:
    report = run_of(journal)
    if kind == "teardown":
        events = [event for event in read_journal(JOURNALS / f"{journal}.jsonl").events if event.trial is None]
        report = build_report(events)
    always = {"trials", "leftover_rooms"} | ({"error", "inconclusive"} if kind == "dispatch" else set())
    for name in METRICS[kind]:
        (one,) = judged_by(report, parse_conditions([f"{name}>=0"], kind)).thresholds
        assert (one.ok is None) == (name not in always), name


@pytest.mark.parametrize(
    ("journal", "text", "value"),
    [
        ("ghost", "dropped>0", 1),
        ("ghost", "lost_rate>0", 1),
        ("ghost", "false_running>0", 1),
        ("ghost", "mismatches>0", 1),
        ("ghost", "rescued<1", 1),
        ("fallback-lost", "fallback_lost>0", 1),
        ("slow", "delayed>0", 1),
        ("interrupted", "inconclusive>0", 1),
        ("honest", "delivered!=2", 2),
        ("honest", "trials<3", 2),
        ("honest", "leftover_rooms>0", 0),
        ("scenarios/transfer-teardown", "trials<36", 8),
    ],
)
def test_values_are_those_of_the_report(journal: str, text: str, value: float) -> None:
    assert threshold(journal, text).value == value


def test_a_teardown_has_metrics_of_its_own() -> None:
    report = run_of("scenarios/transfer-teardown")
    outcomes = report.summary.outcomes  # type: ignore[attr-defined]  # a teardown's
    assert threshold("scenarios/transfer-teardown", "closed<1").value == outcomes["closed"]
    assert threshold("scenarios/transfer-teardown", "leftover>0").value == outcomes["leftover"]
    # every room that nobody had closed, though lkdiag has deleted it since
    assert threshold("scenarios/transfer-teardown", "leftover_rooms>0").value == outcomes["leftover"] > 0
    assert threshold("scenarios/transfer-teardown", "closed_p95_ms>5000").ok is True
    assert threshold("scenarios/transfer-teardown", "stranded_max_ms>5000").ok is False


def test_a_rate_is_not_rounded_before_it_is_compared() -> None:
    report = run_of("honest")
    assert isinstance(report, DispatchReport)
    report = replace(report, summary=replace(report.summary, lost_rate=Rate.wilson(100, 9999)))
    (one,) = judged_by(report, parse_conditions(["lost_rate>0.01"], "dispatch")).thresholds
    assert one.ok is False


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("trials>2", True),
        ("trials>=2", False),
        ("trials<2", True),
        ("trials<=2", False),
        ("trials==2", False),
        ("trials!=2", True),
    ],
)
def test_the_condition_says_when_it_fails(text: str, ok: bool) -> None:
    assert threshold("honest", text).ok is ok
