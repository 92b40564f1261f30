"""Agents that stay for a moment, and rooms that somebody else deletes: what was not seen is not called absent."""

from __future__ import annotations

from typing import Any, Self

import pytest

from lkdiag.contract import Fallback, Mismatch, Outcome, State

from .story import WALL_MS, Story, dispatch, job

HERE = {"project_host": "127.0.0.1:7880"}


class Close(Story):
    """A trial of somebody else's worker, watched closely; its job is listed from 300 ms on."""

    def __init__(self, *, here: bool = False, version: str = "1.13.5", **options: Any) -> None:
        super().__init__(**{"timeout_s": 4.0, "settle_s": 0.0, "fallback": False, **options})
        if here:
            self.run_event(-1000, "run.started", **HERE)
        self.run_event(-900, "server.described", server={"version": version})
        self.event(-2, "room.watched_closely", first_after_s=0.15)
        self.listed(300, dispatch("AD_1", job()))

    def closely(self, every: float, *, gap: tuple[float, float] = (0, 0)) -> Self:
        """Looks at the participants from 140 ms on, none of which begins within `gap`; then the seldom ones."""
        at = 140.0
        while at < 3200:
            if not gap[0] <= at < gap[1]:
                self.call(at, "ListParticipants")
            at += every
        return self.looks(590, 4400, every=450).event(4410, "observation.ended", agent_came=False)

    def verdict(self) -> tuple[Outcome, State, Mismatch | None]:
        """Of the trial, whose room is closed now."""
        judged = self.closed(4500).judge()
        return judged.outcome, judged.state, judged.mismatch


ABSENT = (Outcome.DROPPED, State.RUNNING, Mismatch.FALSE_RUNNING)
UNKNOWN = (Outcome.INCONCLUSIVE, State.RUNNING, None)


@pytest.mark.parametrize(
    ("here", "every", "gap", "verdict"),
    [
        (False, 50, (0, 0), ABSENT),
        (False, 50, (500, 620), ABSENT),
        (False, 50, (500, 800), UNKNOWN),
        (False, 140, (0, 0), ABSENT),
        (False, 200, (0, 0), UNKNOWN),
        (False, 50, (0, 400), UNKNOWN),  # it may have come at 200 ms
        (False, 50, (2500, 2800), ABSENT),  # later than --delayed-after
        (True, 20, (0, 0), ABSENT),
        (True, 60, (0, 0), UNKNOWN),
        (True, 20, (500, 580), UNKNOWN),
    ],
)
def test_an_absence_is_judged_only_where_no_short_stay_can_be_missed(
    here: bool, every: float, gap: tuple[float, float], verdict: tuple[Outcome, State, Mismatch | None]
) -> None:
    assert Close(here=here).closely(every, gap=gap).verdict() == verdict


def test_a_false_running_says_how_dense_the_looks_were() -> None:
    fact = Close().closely(50).closed(4500).findings()["false-running"].fact
    assert "(looks at most 0.5 s apart, 50 ms in the first 2 s)" in fact
    whole = Close().closely(50).closed(4500).webhook(3, "room_started", room_sid="RM_1")
    fact = whole.webhook(4502, "room_finished", room_sid="RM_1").findings()["false-running"].fact
    assert "(looks at most 0.5 s apart; the room's webhooks tell of no agent either)" in fact


def test_the_reason_says_how_short_a_stay_can_have_been_missed() -> None:
    story = Close().closely(50, gap=(500, 800)).closed(4500)
    (found,) = story.findings().values()
    assert (found.check, found.fact) == (
        "not-fit",
        "a worker took the job, and no look at the participants shows its agent; but one that stayed for less than 247 "
        "ms may have come and gone between two looks",
    )


def test_without_a_job_nobody_can_have_been_there() -> None:
    story = Close().closely(50, gap=(500, 1500))
    story.events = [item for item in story.events if item[2].kind != "dispatch.listed"]
    story.listed(300, dispatch("AD_1"))
    assert story.verdict() == (Outcome.DROPPED, State.NO_JOB, None)


def told(story: Story, event: str, at: float, **data: Any) -> None:
    """A webhook of the room's agent."""
    about = {"identity": "agent-AJ_1", "sid": "PA_1", "kind": "agent", "joined_at_ms": WALL_MS + 260}
    story.webhook(at, event, room_sid="RM_1", **{"agent_name": "my-agent", **about, **data})


class TestWebhooks:
    def test_what_no_look_shows_is_told(self) -> None:
        story = Close().closely(50, gap=(200, 600))
        story.webhook(3, "room_started", room_sid="RM_1")
        told(story, "participant_connection_aborted", 320)
        judged = story.closed(4500).judge()
        assert (judged.outcome, judged.mismatch) == (Outcome.DELIVERED, None)
        assert judged.facts.latency_ms == 260
        (found,) = story.findings().values()
        assert found.check == "left-early"
        assert "no look at the participants shows it: webhooks tell of it" in found.fact

    def test_who_was_seen_is_not_counted_twice(self) -> None:
        story = Close().agent(260, sid="PA_1").left(380, sid="PA_1")
        told(story, "participant_joined", 262)
        told(story, "participant_left", 370)
        judged = story.closely(50).closed(4500).judge()
        assert judged.outcome is Outcome.DELIVERED
        assert [event.kind for event in judged.facts.joins] == ["agent.joined"]
        assert len(judged.facts.leaves) == 1

    @pytest.mark.parametrize("finished", [True, False])
    def test_all_of_them_prove_an_absence(self, *, finished: bool) -> None:
        story = Close().closely(50, gap=(200, 600))
        story.webhook(3, "room_started", room_sid="RM_1")
        if finished:
            story.webhook(4502, "room_finished", room_sid="RM_1")
        assert story.verdict() == (ABSENT if finished else UNKNOWN)

    @pytest.mark.parametrize("version", ["1.9.0", "1.8.4", ""])
    def test_those_of_an_old_server_tell_not_of_everybody(self, version: str) -> None:
        story = Close(version=version).closely(50, gap=(200, 600))
        story.webhook(3, "room_started", room_sid="RM_1")
        story.webhook(4502, "room_finished", room_sid="RM_1")
        assert story.verdict() == UNKNOWN

    def test_those_of_another_room_prove_nothing(self) -> None:
        story = Close().closely(50, gap=(200, 600))
        story.webhook(3, "room_started", room_sid="RM_other")
        story.webhook(4502, "room_finished", room_sid="RM_other")
        assert story.verdict() == UNKNOWN

    def test_another_s_agent_is_not_taken_for_it(self) -> None:
        story = Close().closely(50)
        told(story, "participant_joined", 320, identity="agent-AJ_other", sid="PA_9", agent_name="other")
        judged = story.closed(4500).judge()
        assert judged.outcome is not Outcome.DELIVERED


class TestFallback:
    @pytest.mark.parametrize(("gap", "fallback"), [((0, 0), Fallback.LOST), ((4700, 5100), Fallback.UNCLEAR)])
    def test_its_agent_may_have_come_and_gone_too(self, gap: tuple[float, float], fallback: Fallback) -> None:
        story = Close(fallback=True, fallback_timeout_s=3.0).closely(50)
        story.call(4450, "CreateDispatch").fallback(4460)
        story.listed(4700, dispatch("AD_1", job()), dispatch("AD_2", job("AJ_2", started=4650), created=4455))
        at = 4600.0
        while at < 7400:
            if not gap[0] <= at < gap[1]:
                story.call(at, "ListParticipants")
            at += 50
        story.look(7460).event(7470, "fallback.ended", agent_came=False).closed(7500)
        assert story.judge().fallback is fallback


class TestTheRoomChanged:
    def replaced(self, now_sid: str | None = "RM_2", **options: Any) -> Close:
        story = Close(**options)
        data = {"room": "r", "sid": "RM_1", **({} if now_sid is None else {"now_sid": now_sid})}
        story.event(4405, "room.replaced", **data)
        return story

    @pytest.mark.parametrize(
        ("now_sid", "words"),
        [("RM_2", "another one has its name now (RM_2)"), (None, "there is none of that name now")],
    )
    def test_nobody_is_called_absent(self, now_sid: str | None, words: str) -> None:
        story = self.replaced(now_sid).closely(50)
        assert story.verdict() == UNKNOWN
        (found,) = story.findings().values()
        assert found.fact == f"room r (RM_1) was deleted during the trial, not by lkdiag: {words}"

    def test_nor_delivered(self) -> None:
        assert self.replaced().agent(3000).closely(50).verdict() == UNKNOWN

    def test_what_comes_after_the_watch_does_not_touch_its_verdict(self) -> None:
        story = Close(fallback=True).closely(50).fallback(4450)
        story.event(4480, "room.replaced", room="r", sid="RM_1", now_sid="RM_2")
        judged = story.closed(4500).judge()
        assert (judged.outcome, judged.mismatch, judged.fallback) == (
            Outcome.DROPPED, Mismatch.FALSE_RUNNING, Fallback.UNCLEAR,
        )  # fmt: skip

    @pytest.mark.parametrize("came", [True, False])
    def test_where_the_server_does_not_say_only_a_known_job_s_agent_counts(self, *, came: bool) -> None:
        story = Close()
        if came:
            story.agent(260)
        story.event(4405, "room.unconfirmed", room="r", sid="RM_1", error="no answer")
        outcome = story.closely(50).verdict()[0]
        assert outcome is (Outcome.DELIVERED if came else Outcome.INCONCLUSIVE)
