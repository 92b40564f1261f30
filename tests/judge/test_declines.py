"""A job that is listed and was declined for good: no agent was ever sent, and no log is needed to know it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lkdiag.contract import Cause, Mismatch, Outcome, State
from lkdiag.journal.attribution import was_declined
from lkdiag.judge.checks import changing_worker, nobody_answers
from lkdiag.judge.context import RunContext

from .lost import causes, diagnosis, lost
from .story import Story, declined, dispatch, job, summary_of


def rejected(index: int = 1, **options: Any) -> Story:
    """As livekit-server 1.13.5 lists a `req.reject()` of Python."""
    return lost(index=index, **options).listed(5_300, dispatch("AD_1", declined())).closed(20_200)


def test_it_is_judged_and_has_one_cause() -> None:
    judged = rejected().judge()
    assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DROPPED, State.SUCCESS, None)
    assert causes(rejected()) == {Cause.WORKER_DECLINED}
    assert "declined job AJ_1" in diagnosis(rejected()).speaks_for[0]
    assert "a job that was declined" in rejected().findings()["dropped"].fact
    assert set(rejected().findings()) == {"dropped"}


@pytest.mark.parametrize(
    "other",
    [
        {"ended": 201},
        {"updated": None},
        {"participant_identity": "agent-AJ_1"},
        {"worker_id": None},
        {"error": "x"},
    ],
)
def test_anything_else_is_a_job_that_may_have_had_its_agent(other: dict[str, Any]) -> None:
    assert was_declined(declined())
    assert not was_declined(declined(**other))
    story = lost().listed(5_300, dispatch("AD_1", declined(**other))).closed(20_200)
    assert story.judge().outcome is Outcome.INCONCLUSIVE


def test_a_failed_job_of_one_moment_is_none() -> None:
    assert not was_declined({**declined(), "status": "JS_FAILED"})
    assert not was_declined(None)


def test_another_job_of_the_dispatch_that_was_taken_counts_more() -> None:
    """A worker for participants has a job for each of them."""
    story = lost(until=26_200).listed(210, dispatch("AD_1", job("AJ_0", started=100), declined())).closed(26_300)
    assert story.judge().mismatch is Mismatch.FALSE_RUNNING


def test_who_declined_took_nothing_and_is_there_by_that_name() -> None:
    first, second = rejected().judge(), lost(index=2).closed(20_200).judge()
    together = [replace(trial, context=RunContext(map(summary_of, (first, second)))) for trial in (first, second)]
    known = [summary_of(trial) for trial in together]
    assert changing_worker.judge(known, []) is None
    assert nobody_answers.judge(known, []) is None
    assert together[1].diagnosis is not None
    assert Cause.WRONG_NAME not in together[1].diagnosis.causes


def test_a_stranger_that_declines_the_probe_s_job_is_told() -> None:
    story = lost(on_probe=True).listed(210, dispatch("AD_1", declined())).heard(20_100).closed(20_200)
    assert story.judge().mismatch is Mismatch.WRONG_WORKER
    assert causes(story) == {Cause.FOREIGN_WORKER}
    assert "worker AW_theirs declined job AJ_1" in story.findings()["wrong-worker"].fact
