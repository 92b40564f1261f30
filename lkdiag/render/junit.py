"""The report as JUnit XML for CI: a suite for the run, a test for each trial, finding about the run, and threshold.

The dialect is that of Maven Surefire as the Jenkins xUnit schema (junit-10.xsd) has it; GitLab and the usual actions of
GitHub read the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from lkdiag.contract import Outcome, Severity, TeardownOutcome
from lkdiag.document import dispatch_table, environment, teardown_table
from lkdiag.document.dispatch import diagnosis
from lkdiag.document.selection import trials_of
from lkdiag.document.wording import NONE, more, offset, trial_numbers
from lkdiag.report.teardown_value import TeardownTrial
from lkdiag.report.value import DispatchReport, TrialReport
from lkdiag.report.watch_value import WatchReport
from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lkdiag.document.selection import Trial
    from lkdiag.judge.finding import Finding
    from lkdiag.report.value import Report

    AnyColumn = dispatch_table.Trials | teardown_table.Trials

BAD_OUTCOMES = (Outcome.DELAYED, Outcome.DROPPED, TeardownOutcome.SLOW, TeardownOutcome.LEFTOVER)
NOT_JUDGED = (Outcome.INCONCLUSIVE, TeardownOutcome.INCONCLUSIVE)
NOT_CARRIED_OUT = (Outcome.ERROR, TeardownOutcome.ERROR)


@dataclass(frozen=True)
class Case:
    """One test. `result` is `failure`, `error` or `skipped`; empty for one that passed."""

    group: str
    name: str
    """Without ids, so that CI knows the same test again in the next run."""
    result: str = ""
    type: str = ""
    message: str = ""
    details: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    time_s: float = 0.0


def render(report: Report) -> str:
    """XML 1.0 in UTF-8 that ends with a newline."""
    return "".join(parts(report))


def parts(report: Report) -> Iterator[str]:
    """The same, test by test: there may be very many."""
    results = Counter(case.result for case in _cases(report))
    counts = {
        "tests": str(results.total()),
        **{
            name: str(results[result])
            for name, result in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
        },
        "time": f"{_wall_s(report):.3f}",
    }
    name = f"lkdiag {report.run.scenario}"
    root = ET.Element("testsuites", _attributes(name=name, **counts))
    suite = ET.SubElement(
        root,
        "testsuite",
        # a machine's name is nobody's business: the schema wants one
        _attributes(name=name, timestamp=report.run.started_at[:19], hostname="localhost", **counts),
    )
    properties = ET.SubElement(suite, "properties")
    for label, text in _properties(report):
        ET.SubElement(properties, "property", _attributes(name=label, value=text))
    ET.indent(root)
    before, end, after = ET.tostring(root, encoding="unicode").rpartition("\n  </testsuite>")
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n{before}'
    for case in _cases(report):
        element = _element(case, report.run.scenario)
        ET.indent(element, level=2)
        yield f"\n    {ET.tostring(element, encoding='unicode')}"
    yield f"{end}{after}\n"


def _wall_s(report: Report) -> float:
    if report.run.finished_at is None:
        return 0.0
    began, ended = (datetime.fromisoformat(text) for text in (report.run.started_at, report.run.finished_at))
    return max(0.0, (ended - began).total_seconds())


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    yield "run", report.run.id
    yield "verdict", report.verdict.value
    yield "headline", report.headline
    yield from environment.identity_rows(report)
    yield from environment.client_rows(report)
    for label, text in environment.option_rows(report):
        yield f"option {label}", text
    if report.expectation is not None:
        yield "expectation", report.expectation.told
    yield "command", report.run.command


def _element(case: Case, scenario: str) -> ET.Element:
    element = ET.Element(
        "testcase",
        # up to the last dot it is the package, for those who group by it
        _attributes(
            classname=f"lkdiag.{scenario.replace('.', '-')}.{case.group}", name=case.name, time=f"{case.time_s:.3f}"
        ),
    )
    if case.result:
        attributes = (
            {"message": case.message} if case.result == "skipped" else {"message": case.message, "type": case.type}
        )
        result = ET.SubElement(element, case.result, _attributes(**attributes))
        result.text = _text(case.details)
    if case.output:
        ET.SubElement(element, "system-out").text = _text(case.output)
    return element


# -- what the tests are -------------------------------------------------------------------------------------------


def _cases(report: Report) -> Iterator[Case]:
    """First whether there was a run at all: a suite without tests would pass."""
    yield _run_case(report)
    shown = _shown_ids(report)
    of_trials = set()
    for trial in trials_of(report):
        yield _trial_case(trial, report, shown)
        of_trials |= {(found.check, found.title) for found in trial.findings}
    for trial in report.warmup if isinstance(report, DispatchReport) else ():
        of_trials |= {(found.check, found.title) for found in trial.findings}
    for finding in report.findings:
        if (finding.check, finding.title) not in of_trials:
            yield _finding_case(finding)
    for threshold in report.thresholds:
        name = f"fail-if {threshold.metric} {threshold.operator} {threshold.limit:g}"
        result = {True: "", False: "failure", None: "skipped"}[threshold.ok]
        yield Case("threshold", name, result, "threshold", threshold.told, (threshold.told,), (threshold.told,))


def _shown_ids(report: Report) -> tuple[AnyColumn, ...]:
    """The columns whose cells are shown for each trial."""
    if not isinstance(report, DispatchReport):
        return (*teardown_table.JUDGED, *teardown_table.IDS)
    verdicts = dispatch_table.verdict_columns(report)[1:]
    return (*verdicts, dispatch_table.ROOM, *dispatch_table.id_columns(report))


def _run_case(report: Report) -> Case:
    told = report.headline
    if report.run.aborted is not None:
        return Case("run", "carried out", "error", "aborted", f"lkdiag gave the run up: {report.run.aborted}", (told,))
    if report.run.interrupted:
        return Case("run", "carried out", "error", "interrupted", f"interrupted. {told}", (told,))
    if not trials_of(report) and not (isinstance(report, WatchReport) and report.calls):
        return Case("run", "carried out", "error", "no-trial", told, (told,))
    return Case("run", "carried out", output=(told, *(f"note: {note}" for note in report.notes)))


def _finding_case(finding: Finding) -> Case:
    result = {Severity.FAIL: "failure", Severity.INCONCLUSIVE: "skipped", Severity.NOTE: ""}[finding.severity]
    details = tuple(_finding(finding))
    return Case("finding", finding.check, result, finding.check, f"{finding.title}: {finding.fact}", details, details)


def _trial_case(trial: Trial, report: Report, shown: Sequence[AnyColumn]) -> Case:
    result = _result(trial)
    if isinstance(trial, TeardownTrial):
        group, name = "trial", f"trial {trial.index}: {teardown_table.played(trial)}"
        what = trial.outcome.value
        took_ms = trial.closed_ms
        waited_s = report.run.options.get("window_s") if trial.outcome is TeardownOutcome.LEFTOVER else None
    else:
        group = "trial" if trial.role == "subject" else trial.role
        name = f"trial {trial.index}"
        what = f"{trial.outcome}, state {trial.state}" + (f", {trial.mismatch}" if trial.mismatch else "")
        took_ms = trial.latency_ms
        waited_s = report.run.options.get("timeout_s") if trial.outcome is Outcome.DROPPED else None
    ids = _ids(trial, shown)
    worst = next((found for found in trial.findings if found.severity is not Severity.NOTE), None)
    message = what if worst is None else f"{what}: {worst.title}. {worst.fact}"
    story = [f"{offset(line.offset_ms):>10}  {line.lane}  {line.text}" for line in trial.timeline]
    details = [line for found in trial.findings for line in _finding(found)]
    why = diagnosis(trial) if isinstance(trial, TrialReport) else None
    if why is not None:
        details += [f"{label}: {text}" for label, texts in why.rows for text in texts]
    return Case(
        group,
        name,
        result,
        what.partition(",")[0] if worst is None else worst.check,
        message,
        (*details, *([""] if details else []), *ids),
        (f"began {trial.started_at}", *ids, *([""] if story else []), *story),
        took_ms / 1000 if took_ms is not None else float(waited_s or 0),
    )


def _result(trial: Trial) -> str:
    """What CI is to make of it, by the same rules by which the run is judged."""
    severities = {finding.severity for finding in trial.findings}
    mismatch = isinstance(trial, TrialReport) and trial.mismatch is not None
    if trial.outcome in NOT_CARRIED_OUT:
        return "error"
    if trial.outcome in BAD_OUTCOMES or mismatch or Severity.FAIL in severities:
        return "failure"
    return "skipped" if trial.outcome in NOT_JUDGED or Severity.INCONCLUSIVE in severities else ""


def _finding(finding: Finding) -> Iterator[str]:
    yield f"{finding.title} ({finding.check})"
    about = f"trials {trial_numbers(finding.trials)}" if finding.trials else ""
    for text in (finding.fact, finding.hint, finding.reference, f"more: {more([finding.check])}", about):
        if text:
            yield f"  {text}"


def _ids(trial: Trial, shown: Iterable[AnyColumn]) -> list[str]:
    cells = ((column.header, column.cell(trial)) for column in shown)  # type: ignore[arg-type]  # of its own kind
    return [f"{header}: {text}" for header, text in cells if text != NONE]


# -- how it is written --------------------------------------------------------------------------------------------


def _attributes(**texts: str) -> dict[str, str]:
    """XML 1.0 has no way at all to write most control characters: what does not print is shown escaped."""
    return {name: visible(text) for name, text in texts.items()}


def _text(lines: Iterable[str]) -> str:
    return "\n".join(visible(line) for line in lines)
