"""What is said of a run as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.contract import CheckSlug, Severity
from lkdiag.judge.causes.log import by_the_log
from lkdiag.judge.checks import (
    changing_worker,
    cold_start,
    control_comparison,
    nobody_answers,
)
from lkdiag.judge.finding import Finding
from lkdiag.report.summary import FindingsSoFar

from .story import NAME, Story, dispatch, job, summary_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.judge.context import TrialSummary


def delivered(index: int, *, on_probe: bool = True) -> TrialSummary:
    story = Story(index=index, on_probe=on_probe).listed(5, dispatch()).listed(210, dispatch("AD_1", job()))
    if on_probe:
        story.probe(200, "offered").probe(201, "accepted").probe(202, "assigned")
    return summary_of(story.looks(5, 300).agent(240).closed(350).judge())


def dropped(index: int, *, on_probe: bool = False, until: float = 20_100, **options: Any) -> TrialSummary:
    story = Story(index=index, on_probe=on_probe, **{"fallback": False, **options}).listed(5, dispatch())
    return summary_of(story.looks(5, until).heard(until).closed(until + 100).judge())


def unknown(index: int) -> TrialSummary:
    return summary_of(Story(index=index).looks(5, 300).judge())


class TestControlComparison:
    """Is it the platform, or the worker?"""

    @pytest.mark.parametrize(
        ("subject", "control", "title"),
        [
            ((0, 10), (0, 3), None),
            ((10, 10), (0, 0), None),  # no control
            ((10, 10), (0, 3), "only the subject is affected: the worker"),
            ((1, 2), (0, 2), "the control is fine, but it is too small to tell"),
            ((0, 10), (1, 3), "only the control is affected"),
            ((5, 10), (2, 4), "both are affected: the platform"),
            ((20, 20), (1, 20), "both are affected, the subject far more often"),
            ((1, 20), (5, 5), "both are affected: the platform"),
        ],
    )
    def test_what_it_says(self, subject: tuple[int, int], control: tuple[int, int], title: str | None) -> None:
        groups = [
            [dropped(i, on_probe=p) if i < bad else delivered(i, on_probe=p) for i in range(every)]
            for p, (bad, every) in ((False, subject), (True, control))
        ]
        found = control_comparison.judge(*groups)
        assert (None if found is None else found.title) == title

    def test_what_could_not_be_judged_does_not_count(self) -> None:
        found = control_comparison.judge([dropped(1)], [unknown(2)])
        assert found is not None
        assert (found.title, found.severity) == ("the control can't tell", Severity.INCONCLUSIVE)

    def test_it_counts_what_it_says(self) -> None:
        found = control_comparison.judge([dropped(1), unknown(2)], [delivered(3)])
        assert found is not None
        assert found.fact == "the subject failed in 1 of 1 trials, the control in 0 of 1"


class TestNobodyAnswers:
    """In the whole run, no sign of life."""

    def test_every_trial_silent(self) -> None:
        found = nobody_answers.judge([dropped(1), dropped(2)], [delivered(3)])
        assert found is not None
        assert found.trials == (1, 2)
        assert "lkdiag's own worker took every one of its dispatches (1) beside it" in found.fact

    def test_the_control_s_praise_needs_every_one(self) -> None:
        found = nobody_answers.judge([dropped(1)], [delivered(3), unknown(4)])
        assert found is not None
        assert "beside" not in found.fact

    @pytest.mark.parametrize(
        "other",
        [
            delivered(2, on_probe=False),
            dropped(2, until=3100, timeout_s=3, settle_s=0),  # a job may have been listed later
        ],
    )
    def test_any_sign_of_life(self, other: TrialSummary) -> None:
        assert nobody_answers.judge([dropped(1), other], []) is None

    def test_an_agent_that_came_late_or_by_the_fallback_is_a_sign(self) -> None:
        late = Story().listed(5, dispatch()).looks(5, 30_300).fallback(20_200).agent(21_000, "x").closed(30_400)
        assert nobody_answers.judge([summary_of(late.judge())], []) is None

    def test_the_probe_is_known_to_be_there(self) -> None:
        assert nobody_answers.judge([dropped(1, on_probe=True)], []) is None

    def test_nothing_judged_is_nothing_said(self) -> None:
        assert nobody_answers.judge([unknown(1)], []) is None
        assert nobody_answers.judge([], []) is None


def served(index: int, *, by: str = "AW_1", at: float = 240, paused: bool = False, **options: Any) -> TrialSummary:
    """A trial of the user's worker, after an idle gap or not."""
    story = Story(index=index, **options)
    if paused:
        story.event(-9, "trial.paused", for_s=60).event(-3, "trial.prepared")
    taken = dispatch("AD_1", job(worker_id=by, started=at - 40))
    return summary_of(
        story.listed(5, dispatch()).listed(at, taken).looks(5, at + 20).agent(at).closed(at + 100).judge()
    )


class TestChangingWorker:
    """F11: a note that names the ids."""

    @pytest.mark.parametrize(
        ("workers", "words"),
        [
            (["AW_1"] * 4, None),
            (["AW_1", "AW_1", "AW_2", "AW_2"], "one followed the other"),
            (["AW_1", "AW_2", "AW_1", "AW_2"], "they took turns"),
        ],
    )
    def test_what_it_says(self, workers: list[str], words: str | None) -> None:
        found = changing_worker.judge([served(index, by=by) for index, by in enumerate(workers, 1)], [])
        assert (found is None) is (words is None)
        if found is not None and words is not None:
            assert found.severity is Severity.NOTE
            assert "AW_1 2, AW_2 2" in found.fact
            assert words in found.fact

    def test_workers_that_lkdiag_plays_are_one_a_trial(self) -> None:
        trials = [served(index, by=f"AW_{index}", agent_name=f"played-{index}") for index in (1, 2, 3)]
        assert changing_worker.judge(trials, []) is None


class TestColdStart:
    """F5: not without enough trials."""

    @pytest.mark.parametrize(
        ("cold", "warm", "late", "found"),
        [
            (3, 17, 6_000, True),
            (1, 19, 6_000, True),
            (1, 18, 6_000, False),  # once in 19 it is so by chance
            (3, 17, 600, False),  # no matter
            (3, 17, 1_500, True),  # slower, though not late
            (0, 20, 6_000, False),
        ],
    )
    def test_after_a_gap(self, cold: int, warm: int, late: float, found: bool) -> None:
        trials = [served(i, at=late, paused=True) for i in range(1, 1 + cold)]
        trials += [served(i, at=240 + i) for i in range(1 + cold, 1 + cold + warm)]
        noted = cold_start.judge(trials, [])
        assert (noted is not None) is found
        assert noted is None or (noted.severity, noted.trials) == (Severity.NOTE, tuple(range(1, 1 + cold)))

    def test_the_very_first(self) -> None:
        trials = [served(1, at=9_000), *(served(i) for i in range(2, 21))]
        found = cold_start.judge(trials, [])
        assert found is not None
        assert found.trials == (1,)
        assert cold_start.judge(trials[:10], []) is None


def full(index: int) -> TrialSummary:
    """Lost, and the worker's log says why."""
    story = Story(index=index, fallback=False).listed(5, dispatch()).looks(5, 20_100).closed(20_200).log(sdks=["node"])
    story.logged(-50_000, "registered", worker_id="AW_1", agent_name=NAME)
    return summary_of(story.logged(-5_000, "full", worker_id="AW_1").judge())


class TestWhatTheLogHasTold:
    """The findings about a run don't ask for what the diagnoses of its trials have ruled out."""

    def test_they_say_it(self) -> None:
        trials = [full(index) for index in range(4)]
        nobody = nobody_answers.judge(trials, [])
        compared = control_comparison.judge(trials, [delivered(index) for index in range(4)])
        for found in (nobody, compared):
            assert found is not None
            assert "By the worker's log: the worker was over its load limit." in found.hint
            assert "to the letter" not in found.hint
            assert "under that name" not in found.hint

    def test_without_one_everything_is_asked(self) -> None:
        found = nobody_answers.judge([dropped(1)], [])
        assert found is not None
        assert "to the letter" in found.hint
        assert by_the_log([dropped(1)]) == ""

    def test_one_that_tells_little_asks_on(self) -> None:
        story = Story(fallback=False).listed(5, dispatch()).looks(5, 20_100).closed(20_200).log()
        assert by_the_log([summary_of(story.judge())]) == ""
        story.logged(-50_000, "registered", worker_id="AW_1", agent_name=NAME)
        assert by_the_log([summary_of(story.judge())]).startswith("By the worker's log, most likely")


def grouped(findings: Sequence[Sequence[Finding]], roles: Sequence[str] = ()) -> list[Finding]:
    so_far = FindingsSoFar()
    for trial, of_trial in enumerate(findings):
        so_far.add(trial, of_trial, roles[trial] if roles else "")
    return so_far.grouped()


def test_what_befell_one_side_is_counted_among_its_trials() -> None:
    lost = Finding(CheckSlug.DROPPED, Severity.FAIL, "no agent came", "gone", "", trial=1)
    late = Finding(CheckSlug.DELAYED, Severity.FAIL, "late", "late", "", trial=2)
    findings, roles = [(lost,), (late,), (lost, late), ()], ["subject", "control", "subject", "control"]
    assert [found.fact.partition(";")[0] for found in grouped(findings, roles)] == [
        "2 of the subject's 2 trials",
        "2 of 4 trials",
    ]
    assert [found.fact.partition(";")[0] for found in grouped(findings)] == ["2 of 4 trials"] * 2
    assert grouped([(late,)], ["control"])[0].fact.startswith("1 of 1 trials")
