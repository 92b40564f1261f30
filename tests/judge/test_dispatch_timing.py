"""Where what is judged begins: after a prelude, and in a room that was there before."""

from __future__ import annotations

from typing import Any

import pytest

from lkdiag.contract import Cause, Fallback, Outcome, State

from .story import MONO_MS, NAME, WALL_MS, Story, dispatch, job

BEFORE = -5_000
"""When the room of the prelude was made."""


def prelude(*, existed: bool = True, until: float = -1, **options: Any) -> Story:
    """A room is made five seconds before; then the dispatch under test goes to it at 0."""
    story = Story(room=False, **{"fallback": False, **options}).call(BEFORE, "CreateRoom", ms=3)
    about = {"room": "r", "sid": "RM_old", "creation_time_ms": WALL_MS + BEFORE}
    story.event(BEFORE + 4, "room.created", before_ns=int((WALL_MS + BEFORE) * 1e6), **about)
    story.events[0] = (BEFORE - 10, 0, story.events[0][2])
    story.listed(BEFORE + 6, dispatch("AD_old", agent_name="nobody", created=BEFORE)).prepared(until)
    if existed:
        story.event(3, "room.existed", **about)
    return story


def dispatched(story: Story, at: float = 0) -> Story:
    """By createDispatch."""
    story.call(at, "CreateDispatch", ms=2)
    return story.event(at + 2, "dispatch.created", dispatch_id="AD_1", agent_name=NAME, created_at_ns=_ns(at + 1))


def _ns(at: float) -> int:
    return int((WALL_MS + at) * 1e6)


class TestRoomThatWasThere:
    """The agent's delay counts from the dispatch."""

    def test_createDispatch_in_it_is_delivered_in_time(self) -> None:  # noqa: N802
        story = dispatched(prelude(existed=False, method="create-dispatch"))
        story.listed(5, dispatch("AD_old", agent_name="nobody", created=BEFORE), dispatch("AD_1", job(), created=1))
        story.looks(6, 300).agent(241).closed(350)
        judged = story.judge()
        assert (judged.outcome, judged.state) == (Outcome.DELIVERED, State.RUNNING)
        assert judged.facts.latency_ms == 240
        assert judged.facts.room_existed
        assert "created" not in judged.facts.stages_ms
        assert judged.facts.stages_ms["joined"] == 240
        assert judged.diagnosis is None

    def test_it_is_late_by_the_dispatch_s_time(self) -> None:
        story = dispatched(prelude(existed=False, method="create-dispatch"))
        story.listed(5, dispatch("AD_1", job(started=201), created=1)).looks(6, 3300).agent(3241).closed(3350)
        judged = story.judge()
        assert (judged.outcome, judged.facts.latency_ms) == (Outcome.DELAYED, 3240)
        assert "after the dispatch, in a room that was there" in story.findings()["delayed"].fact

    @pytest.mark.parametrize("method", ["token", "create-room"])
    def test_a_dispatch_that_comes_with_the_room_counts_for_nothing(self, method: str) -> None:
        story = prelude(method=method)
        if method == "token":
            story.event(0, "caller.joining")
        else:
            story.call(0, "CreateRoom", ms=2)
        story.listed(5, dispatch("AD_old", agent_name="nobody", created=BEFORE)).looks(6, 20_100).closed(20_200)
        judged = story.judge()
        assert (judged.outcome, judged.state, judged.fallback) == (Outcome.DROPPED, State.NO_DISPATCH, Fallback.OFF)
        assert judged.diagnosis is not None
        assert judged.diagnosis.causes == (Cause.ROOM_EXISTED,)
        assert "5.0 s old" in " ".join(judged.diagnosis.speaks_for)

    def test_a_new_room_is_not_blamed(self) -> None:
        judged = Story(fallback=False).looks(5, 20_100).closed(20_200).judge()
        assert judged.state is State.NO_DISPATCH
        assert judged.diagnosis is not None
        assert Cause.ROOM_EXISTED not in judged.diagnosis.causes

    def test_the_prelude_s_dispatch_of_the_same_name_is_not_the_one_under_test(self) -> None:
        old = dispatch("AD_old", job("AJ_old"), created=BEFORE)
        story = prelude(method="token").listed(BEFORE + 300, old).agent(BEFORE + 300, "agent-AJ_old")
        story.event(0, "caller.joining").listed(5, old).looks(6, 20_100).closed(20_200)
        judged = story.judge()
        assert (judged.outcome, judged.state) == (Outcome.DROPPED, State.NO_DISPATCH)
        assert judged.facts.agent is None

    def test_the_step_s_own_method_is_the_trial_s(self) -> None:
        story = prelude(method="create-room").event(-0.5, "step.began", do="dispatch", by="token")
        story.event(0, "caller.joining").looks(6, 20_100).closed(20_200)
        assert story.facts().method == "token"


class TestPrelude:
    """It is told, and not judged."""

    def test_what_happened_in_it_is_not_what_is_judged(self) -> None:
        story = prelude(existed=False).run_event(BEFORE + 100, "worker.disconnected").call(-100, "DeleteRoom")
        story.call(0, "CreateRoom").event(2, "room.created", room="r", sid="RM_new", creation_time_ms=WALL_MS)
        story.listed(5, dispatch("AD_1", job())).looks(6, 300).agent(240).closed(350)
        judged = story.judge()
        assert (judged.outcome, judged.facts.latency_ms) == (Outcome.DELIVERED, 240)
        assert not judged.facts.room_existed
        assert judged.facts.closing_began_ns == int((MONO_MS + 350) * 1e6)

    def test_ground_truth_is_in_no_timeline(self) -> None:
        story = Story().event(1, "staged.job.offered", job_id="AJ_1").event(2, "fault.drawn", behaviour="ghost")
        assert not [e for e in story.timeline() if e.kind.startswith(("staged.", "fault."))]

    def test_a_caller_that_a_step_lets_join_is_late_on_purpose(self) -> None:
        late = Story(caller="later", fallback=False).listed(5, dispatch()).looks(5, 20_100)
        late.event(15_000, "caller.joined", identity="c", sid="PA_c")
        assert late.closed(20_200).judge().outcome is Outcome.DROPPED


def test_a_room_that_is_not_newer_tells_no_clock() -> None:
    from lkdiag.journal.clock import Clocks

    def made(at: float, sid: str, created: float) -> Story:
        about = {"room": "r", "sid": sid, "creation_time_ms": int(WALL_MS + created), "before_ns": _ns(at - 1)}
        return Story(room=False).event(at, "room.created", **about)

    old, new = made(10, "RM_1", 9).events[-1], made(5000, "RM_2", 9).events[-1]
    clocks = Clocks()
    for _, _, event in (old, new):
        clocks.note(event)
    assert len(clocks.samples()) == 1
