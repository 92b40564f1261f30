"""What is said of a run as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.checks import control_comparison, nobody_answers
from lkdiag.checks.verdict import Severity

from .story import Story, dispatch, job

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial


def delivered(index: int, *, on_probe: bool = True) -> JudgedTrial:
    story = Story(index=index, on_probe=on_probe).listed(5, dispatch()).listed(210, dispatch("AD_1", job()))
    if on_probe:
        story.probe(200, "offered").probe(201, "accepted").probe(202, "assigned")
    return story.looks(5, 300).agent(240).closed(350).judge()


def dropped(index: int, *, on_probe: bool = False, until: float = 20_100, **options: Any) -> JudgedTrial:
    story = Story(index=index, on_probe=on_probe, **{"fallback": False, **options}).listed(5, dispatch())
    return story.looks(5, until).heard(15_000).closed(until + 100).judge()


def unknown(index: int) -> JudgedTrial:
    return Story(index=index).looks(5, 300).judge()


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
    def test_any_sign_of_life(self, other: JudgedTrial) -> None:
        assert nobody_answers.judge([dropped(1), other], []) is None

    def test_an_agent_that_came_late_or_by_the_fallback_is_a_sign(self) -> None:
        late = Story().listed(5, dispatch()).looks(5, 30_300).fallback(20_200).agent(21_000, "x").closed(30_400)
        assert nobody_answers.judge([late.judge()], []) is None

    def test_the_probe_is_known_to_be_there(self) -> None:
        assert nobody_answers.judge([dropped(1, on_probe=True)], []) is None

    def test_nothing_judged_is_nothing_said(self) -> None:
        assert nobody_answers.judge([unknown(1)], []) is None
        assert nobody_answers.judge([], []) is None
