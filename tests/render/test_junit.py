"""The report for CI: what a real parser, and the rules of the JUnit schemas, make of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from xml.etree import ElementTree as ET

import pytest

from lkdiag.contract import CheckSlug, Verdict
from lkdiag.render import junit
from lkdiag.report.value import Threshold

from . import sample_reports
from .sample_reports import SAMPLES as DISPATCHES
from .sample_reports import a_report, a_trial
from .teardown_samples import TEARDOWNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.report.value import Report

SAMPLES: dict[str, Callable[[], Report]] = {**DISPATCHES, **TEARDOWNS}
THRESHOLDS = (
    Threshold("lost_rate", ">", 0.01, 0.1, ok=False, told="lost_rate is 0.1; the run fails if it is > 0.01."),
    Threshold("p95_ms", ">", 2000, None, ok=None, told="p95_ms has no value: no agent came."),
    Threshold("trials", "<", 20, 20, ok=True, told="trials is 20; the run fails if it is < 20."),
)


def suite_of(report: Report) -> ET.Element:
    """As a parser that stops at everything that is no XML sees it."""
    root = ET.fromstring(junit.render(report).encode())
    (suite,) = root
    return suite


def cases(report: Report, group: str = "") -> dict[str, ET.Element]:
    found = suite_of(report).findall("testcase")
    return {case.attrib["name"]: case for case in found if case.attrib["classname"].endswith(group)}


def results(report: Report, group: str = "") -> dict[str, str]:
    """What became of each test: `failure`, `error`, `skipped`, or nothing."""
    return {
        name: next((child.tag for child in case if child.tag != "system-out"), "")
        for name, case in cases(report, group).items()
    }


class TestEveryReport:
    """The rules of Maven Surefire's and of the Jenkins xUnit plugin's schema (junit-10.xsd)."""

    @pytest.fixture(params=SAMPLES)
    def root(self, request: pytest.FixtureRequest) -> ET.Element:
        report = replace(SAMPLES[request.param](), thresholds=THRESHOLDS)
        return ET.fromstring(junit.render(report).encode())

    def test_has_the_elements_in_their_order(self, root: ET.Element) -> None:
        assert (root.tag, [child.tag for child in root]) == ("testsuites", ["testsuite"])
        tags = "".join(f"{child.tag} " for child in root[0])
        assert re.fullmatch(r"properties (testcase )+", tags)
        for case in root.iter("testcase"):
            inside = "".join(f"{child.tag} " for child in case)
            assert re.fullmatch(r"((failure|error|skipped) )?(system-out )?", inside)

    def test_has_the_attributes_that_there_must_be_and_no_others(self, root: ET.Element) -> None:
        counts = {"name", "tests", "failures", "errors", "skipped", "time"}
        allowed = {
            "testsuites": counts,
            "testsuite": counts | {"timestamp", "hostname"},
            "property": {"name", "value"},
            "testcase": {"classname", "name", "time"},
            "failure": {"message", "type"},
            "error": {"message", "type"},
            "skipped": {"message"},
        }
        for element in root.iter():
            assert set(element.attrib) == allowed.get(element.tag, set()), element.tag
        for element in root.iter():
            if "time" in element.attrib:
                assert re.fullmatch(r"\d+\.\d{3}", element.attrib["time"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", root[0].attrib["timestamp"])

    def test_counts_what_is_there(self, root: ET.Element) -> None:
        for element in (root, root[0]):
            assert int(element.attrib["tests"]) == len(list(root.iter("testcase")))
            for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                assert int(element.attrib[name]) == len(list(root.iter(tag)))

    def test_names_every_test_once(self, root: ET.Element) -> None:
        names = [(case.attrib["classname"], case.attrib["name"]) for case in root.iter("testcase")]
        assert len(set(names)) == len(names)

    def test_is_never_without_a_test(self, root: ET.Element) -> None:
        assert len(list(root.iter("testcase"))) >= 1


@pytest.mark.parametrize("sample", SAMPLES)
def test_something_is_wrong_in_it_just_where_the_verdict_says_so(sample: str) -> None:
    report = SAMPLES[sample]()
    found = set(results(report).values())
    if report.verdict is Verdict.PASS:
        assert found == {""}
    elif report.verdict is Verdict.FAIL:
        assert found & {"failure", "error"}
    else:
        assert found & {"skipped", "error"}


def test_a_trial_is_judged_as_the_run_is() -> None:
    found = results(sample_reports.failing(), ".trial")
    assert {number: found[f"trial {number}"] for number in (1, 3, 7, 9, 21, 38)} == {
        1: "",
        3: "failure",
        7: "failure",
        9: "failure",
        21: "error",
        38: "failure",
    }
    assert results(sample_reports.failing(), ".control")["trial 30"] == "failure"
    assert results(sample_reports.inconclusive(), ".trial")["trial 2"] == "skipped"


def test_a_failure_says_what_was_found_what_it_means_and_which_ids() -> None:
    failure = cases(sample_reports.failing(), ".trial")["trial 3"].find("failure")
    assert failure is not None
    assert failure.attrib["type"] == "dropped"
    assert failure.attrib["message"].startswith("dropped, state no-job: no agent came in time. AD_0003")
    text = failure.text or ""
    for part in (
        "Ask for the server's log of this room",
        "lost-before-worker",
        "would tell: --control",
        "RM_0003aBcDeFgH",
    ):
        assert part in text


def test_the_story_stands_in_the_output() -> None:
    output = cases(sample_reports.failing(), ".trial")["trial 3"].findtext("system-out") or ""
    assert "began 2026-08-21T10:14:06.125Z" in output
    assert "+0.213 s  dispatch" in output


def test_time_is_the_latency_in_seconds_and_of_a_lost_one_how_long_was_waited() -> None:
    found = cases(sample_reports.failing(), ".trial")
    assert found["trial 7"].attrib["time"] == "6.240"
    assert found["trial 3"].attrib["time"] == "20.000"
    assert found["trial 21"].attrib["time"] == "0.000"
    assert suite_of(sample_reports.failing()).attrib["time"] == "98.249"


def test_findings_about_the_run_are_tests_and_those_of_trials_are_not_told_twice() -> None:
    report = sample_reports.failing()
    own = replace(report.findings[0], check=CheckSlug.NOBODY_ANSWERS, title="nobody answers at all")
    found = results(replace(report, findings=(*report.findings, own)), ".finding")
    assert found == {"nobody-answers": "failure", "cold-start": ""}


def test_thresholds_are_tests() -> None:
    found = results(replace(sample_reports.delivered(), thresholds=THRESHOLDS), ".threshold")
    assert found == {
        "fail-if lost_rate > 0.01": "failure",
        "fail-if p95_ms > 2000": "skipped",
        "fail-if trials < 20": "",
    }


def test_a_run_that_was_cut_short_is_an_error_though_every_trial_was_fine() -> None:
    report = a_report((a_trial(1),))
    assert results(report, ".run") == {"carried out": ""}
    for run in (replace(report.run, interrupted=True), replace(report.run, aborted="the server went away")):
        assert results(replace(report, run=run), ".run") == {"carried out": "error"}
    assert results(a_report(()), ".run") == {"carried out": "error"}


def test_the_environment_stands_in_the_properties() -> None:
    found = {item.attrib["name"]: item.attrib["value"] for item in suite_of(sample_reports.failing()).iter("property")}
    assert found["server"] == "LiveKit 1.10.1 · Cloud · region Germany 2 · node NC_OFRANKFURT1B_x7"
    assert found["option timeout"] == "20 s"
    assert found["verdict"] == "fail"
    assert found["command"].startswith("lkdiag dispatch-trial")


def test_a_test_has_the_same_name_in_the_next_run() -> None:
    report = a_report((a_trial(1),))
    other = replace(report, run=replace(report.run, id="other"), trials=(a_trial(1, room="lkdiag-other-001"),))
    assert list(results(report)) == list(results(other))


def test_what_xml_can_not_hold_is_shown_escaped() -> None:
    nasty = "".join(map(chr, range(0x20))) + "\x7f\x85\ud800\ufffe\uffff\u2028 ]]> <![CDATA[ &amp; </failure> é 🙂"
    trial = sample_reports.a_dropped(1)
    finding = replace(trial.findings[0], title=nasty, fact=nasty, hint=nasty, check=cast("CheckSlug", nasty))
    report = a_report((replace(trial, findings=(finding,), room=nasty),), headline=nasty, findings=(finding,))
    report = replace(report, run=replace(report.run, scenario=nasty, command=nasty))
    (case,) = cases(report, ".trial").values()
    failure = case.find("failure")
    assert failure is not None
    for text in (failure.attrib["message"], failure.text or "", case.findtext("system-out") or ""):
        assert "\\x00" in text
        assert "\\ud800" in text
        assert "]]> <![CDATA[ &amp; </failure> é 🙂" in text
