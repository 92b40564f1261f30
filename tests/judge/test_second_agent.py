"""Two agents of one name in one room."""

from __future__ import annotations

from typing import Any

import pytest

from lkdiag.contract import Cause, Outcome

from .story import NAME, WALL_MS, Story, dispatch, job


def retried(*, left: float | None = None, second: dict[str, Any] | None = None, until: float = 6_000) -> Story:
    """The agent is a little late, and createDispatch is called once more."""
    again = dispatch("AD_2", second or job("AJ_2", started=1300), created=1100)
    story = Story(fallback=False).listed(5, dispatch()).looks(6, until)
    story.event(1101, "retry.created", dispatch_id="AD_2", agent_name=NAME, created_at_ns=int((WALL_MS + 1100) * 1e6))
    story.listed(1400, dispatch("AD_1", job(started=200)), again).agent(1500, joined=1490)
    if left is not None:
        story.left(left)
    return story.agent(1600, "agent-AJ_2").closed(until + 50)


def test_both_are_named_with_their_dispatches() -> None:
    story = retried()
    found = story.findings()["second-agent"]
    assert "'agent-AJ_1' (dispatch AD_1) and 'agent-AJ_2' (dispatch AD_2)" in found.fact
    assert "the retry made AD_2" in found.fact
    judged = story.judge()
    assert judged.outcome is Outcome.DELIVERED
    assert judged.diagnosis is not None
    assert judged.diagnosis.causes == (Cause.SECOND_AGENT,)


@pytest.mark.parametrize(
    "story",
    [
        retried(left=1550),  # one followed the other, in one look
        retried(second=job("AJ_2", "JS_FAILED", ended=1700, error="the job's process died")),
        Story()
        .listed(5, dispatch("AD_1", job()))
        .looks(5, 900)
        .agent(240)
        .left(500)
        .agent(501, sid="PA_b")
        .closed(950),
        Story()
        .listed(5, dispatch("AD_1", job()), dispatch("AD_0", job("AJ_0"), agent_name="logger"))
        .looks(5, 900)
        .agent(240)
        .agent(240, "agent-AJ_0", agent_name="logger")
        .closed(950),
        Story()
        .listed(5, dispatch("AD_1", job(type="JT_PUBLISHER"), job("AJ_2", type="JT_PUBLISHER")))
        .looks(5, 900)
        .agent(240)
        .agent(250, "agent-AJ_2")
        .closed(950),
    ],
)
def test_near_misses(story: Story) -> None:
    assert "second-agent" not in story.findings()


def test_one_dispatch_whose_job_was_taken_twice() -> None:
    story = Story().listed(5, dispatch("AD_1", job(), job("AJ_2"))).looks(5, 900).agent(240).agent(250, "agent-AJ_2")
    assert "taken twice" in story.closed(950).findings()["second-agent"].hint


def test_after_a_retry_an_agent_without_a_job_is_anybody_s() -> None:
    story = Story(fallback=False).listed(5, dispatch()).looks(6, 20_100)
    story.event(1101, "retry.created", dispatch_id="AD_2", agent_name=NAME, created_at_ns=int((WALL_MS + 1100) * 1e6))
    judged = story.agent(1500, "x").closed(20_200).judge()
    assert judged.outcome is Outcome.INCONCLUSIVE
    assert "came after the retry" in judged.reason


def test_a_late_first_agent_is_told_by_its_own_finding() -> None:
    story = Story(fallback=False).listed(5, dispatch()).looks(6, 6_000)
    story.event(1101, "retry.created", dispatch_id="AD_2", agent_name=NAME, created_at_ns=int((WALL_MS + 1100) * 1e6))
    story.listed(1400, dispatch("AD_1", job(started=200)), dispatch("AD_2", job("AJ_2", started=1300), created=1100))
    story.agent(1600, "agent-AJ_2").agent(3200).closed(6_050)
    diagnosis = story.judge().diagnosis
    assert diagnosis is not None
    assert diagnosis.causes == (Cause.SECOND_AGENT,)
    assert "createDispatch" not in story.findings()["delayed"].hint
