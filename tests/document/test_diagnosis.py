"""The diagnosis of a failing trial: causes, evidence, what would tell; said once, and whole."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lkdiag.contract import Cause, CheckSlug, Severity
from lkdiag.document.build import document_of
from lkdiag.document.dispatch import diagnosis
from lkdiag.judge.causes.diagnosis import Diagnosis
from lkdiag.judge.finding import Finding
from lkdiag.render import markdown, terminal
from tests.render.sample_reports import LOST, a_dropped, a_report, an_id

if TYPE_CHECKING:
    from lkdiag.report.value import TrialReport

HINT = "the server waits 2.8 s for an answer"
FACT = "no agent joined; the worker was offered job AJ_1 and had not answered"
FOUND = Diagnosis((Cause.WORKER_SILENT,), HINT, ("the worker was offered job AJ_1 and had not answered",), (), (), "u")


def rows(trial: TrialReport, told: set[tuple[str, ...]]) -> list[tuple[str, tuple[str, ...]]]:
    found = diagnosis(trial)
    return [] if found is None else found.told(told)


def test_what_the_finding_has_said_is_not_said_again() -> None:
    finding = Finding(CheckSlug.DROPPED, Severity.FAIL, "title", FACT, HINT, trial=1, reference="u")
    trial = a_dropped(1, findings=(finding,), diagnosis=FOUND)
    assert rows(trial, set()) == [("cause", ("worker-silent",)), ("more", ("lkdiag explain worker-silent",))]
    assert [label for label, _ in rows(a_dropped(1, findings=(), diagnosis=FOUND), set())] == [
        "cause",
        "that is",
        "for",
        "see",
        "more",
    ]


def test_what_is_the_same_in_every_trial_stands_once() -> None:
    told: set[tuple[str, ...]] = set()
    first, second = (dict(rows(a_dropped(index), told)) for index in (1, 2))
    assert set(first) - set(second) == {"that is", "would tell", "more"}
    assert first["causes"] == second["causes"] == ("lost-before-worker, or worker-full",)
    assert second["for"] == LOST.speaks_for


def test_a_diagnosis_without_a_cause_says_so() -> None:
    trial = a_dropped(1, diagnosis=Diagnosis((), "nothing fits"))
    assert rows(trial, set()) == [("cause", ("none can be named",)), ("that is", ("nothing fits",))]
    assert rows(a_dropped(1, diagnosis=None), set()) == []


@pytest.mark.parametrize("width", [80, 200])
def test_no_id_is_cut(width: int) -> None:
    seen = (f"worker {an_id('AW', 1)} took job {an_id('AJ', 1)} of dispatch {an_id('AD', 1)} in {an_id('RM', 1)}",)
    report = a_report((a_dropped(1, diagnosis=Diagnosis((Cause.FOREIGN_WORKER,), "s", seen)),))
    file = io.StringIO()
    terminal.render(document_of(report), Console(file=file, width=width, force_terminal=True, color_system=None))
    for text in (file.getvalue(), markdown.render(document_of(report))):
        for prefix in ("AW", "AJ", "AD", "RM"):
            assert an_id(prefix, 1) in text
        assert "foreign-worker" in text
    assert max(len(line) for line in file.getvalue().splitlines()) <= width
