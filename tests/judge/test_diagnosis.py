"""The causes that a trial's story fits: one where only one does, each of them where more do."""

from __future__ import annotations

import pytest

from lkdiag.contract import Cause, Mismatch, Outcome

from .lost import UNSEEN, WAITS, causes, diagnosis, lost, rescued
from .story import WALL_MS, Story, dispatch, job


class TestOnTheProbe:
    """lkdiag's own worker knows what reached it: one cause."""

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ([], {Cause.LOST_BEFORE_WORKER}),
            ([("offered", 200)], {Cause.WORKER_SILENT}),
            ([("offered", 200), ("rejected", 201)], {Cause.WORKER_DECLINED}),
            ([("offered", 200), ("accepted", 201)], {Cause.ASSIGNMENT_LOST}),
            ([("offered", 200), ("accepted", 2_600)], {Cause.ASSIGNMENT_LOST}),
            ([("offered", 200), ("accepted", 2_900)], {Cause.WORKER_ANSWERED_LATE, Cause.ASSIGNMENT_LOST}),
            ([("offered", 200), ("accepted", 3_500)], {Cause.WORKER_ANSWERED_LATE}),
            ([("offered", 200), ("accepted", 201), ("assigned", 202)], {Cause.WORKER_NEVER_JOINED}),
            (
                [("offered", 19_000)],
                {Cause.SLOW_PLATFORM, Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE},
            ),
            ([("offered", 20_050)], {Cause.SLOW_PLATFORM}),
        ],
    )
    def test_by_how_far_it_came(self, words: list[tuple[str, float]], expected: set[Cause]) -> None:
        story = lost(on_probe=True).heard(20_100).closed(20_200)
        for what, at in words:
            story.probe(at, what)
        assert causes(story) == expected

    def test_a_ghost_s_false_running(self) -> None:
        story = lost(on_probe=True, until=26_200).probe(200, "offered").probe(201, "accepted").probe(202, "assigned")
        story.listed(210, dispatch("AD_1", job())).heard(26_000).closed(26_300)
        assert story.judge().mismatch is Mismatch.FALSE_RUNNING
        assert causes(story) == {Cause.WORKER_NEVER_JOINED}

    @pytest.mark.parametrize(("kind", "cause"), [("participant", Cause.WAITS_FOR_PARTICIPANT)])
    def test_a_worker_that_serves_somebody_who_is_not_there(self, kind: str, cause: Cause) -> None:
        alone = lost(on_probe=True, job_type=kind, caller="later").heard(20_100).closed(20_200)
        assert causes(alone) == {cause}
        with_caller = lost(on_probe=True, job_type=kind, caller="later").heard(20_100)
        with_caller.event(50, "caller.joined", identity="lkdiag-caller", sid="PA_c").closed(20_200)
        assert causes(with_caller) == {Cause.LOST_BEFORE_WORKER}

    @pytest.mark.parametrize(
        ("offered", "accepted", "joined", "expected"),
        [
            (3_000, 3_001, 3_100, {Cause.SLOW_PLATFORM}),
            (200, 2_700, 2_800, {Cause.SLOW_ANSWER}),
            (200, 201, 4_300, {Cause.SLOW_JOIN}),
            (900, 901, 4_300, {Cause.SLOW_JOIN}),  # without the platform's 0.9 s it were late as well
            (2_700, 2_701, 5_500, {Cause.SLOW_PLATFORM, Cause.SLOW_JOIN}),  # either alone is late
            (1_600, 1_601, 3_200, {Cause.SLOW_PLATFORM, Cause.SLOW_JOIN}),  # only both together make it late
        ],
    )
    def test_where_the_time_went(self, offered: float, accepted: float, joined: float, expected: set[Cause]) -> None:
        story = Story(on_probe=True).listed(5, dispatch()).listed(accepted + 5, dispatch("AD_1", job(started=offered)))
        story.probe(offered, "offered").probe(accepted, "accepted").probe(accepted + 1, "assigned")
        story.probe(joined - 90, "joining").agent(joined + 5, joined=joined).probe(
            joined, "joined", sid="PA_agent-AJ_1"
        )
        story.looks(5, joined + 50).closed(joined + 100)
        assert story.judge().outcome is Outcome.DELAYED
        assert causes(story) == expected
        assert story.findings()["delayed"].hint == diagnosis(story).statement


class TestFromOutside:
    """Without a job many causes look alike: each that fits is named, and no other."""

    def test_nothing_else_is_known(self) -> None:
        assert causes(lost().closed(20_200)) == UNSEEN

    def test_a_fallback_that_works_proves_the_name_and_that_nobody_is_waited_for(self) -> None:
        assert causes(rescued()) == UNSEEN - WAITS - {Cause.WRONG_NAME}
        assert diagnosis(rescued()).causes[0] is Cause.LOST_BEFORE_WORKER

    def test_unless_somebody_came_in_between(self) -> None:
        late = lost(fallback=True).event(19_000, "caller.joined", identity="c", sid="PA_c").fallback(20_150)
        late.listed(20_400, dispatch(), dispatch("AD_2", job("AJ_2", started=20_350), created=20_149))
        late.agent(20_500, "agent-AJ_2").looks(20_200, 20_600).closed(20_700)
        assert Cause.WAITS_FOR_PARTICIPANT in causes(late)

    def test_a_room_s_job_proves_that_nobody_is_waited_for(self) -> None:
        assert not WAITS & causes(rescued(type="JT_ROOM"))

    def test_a_caller_from_the_start(self) -> None:
        joined = lost(caller="join").event(100, "caller.joined", identity="c", sid="PA_c").closed(20_200)
        assert causes(joined) & WAITS == {Cause.WAITS_FOR_TRACK}
        publishing = lost(caller="publish").event(100, "caller.joined", identity="c", sid="PA_c")
        publishing.event(150, "caller.track_published", sid="TR_1").closed(20_200)
        assert not causes(publishing) & WAITS

    def test_a_job_that_may_yet_be_listed_may_have_been_taken(self) -> None:
        short = Story(fallback=False, timeout_s=3, settle_s=0).listed(5, dispatch()).looks(5, 3100).closed(3200)
        assert causes(short) > UNSEEN
        assert Cause.WORKER_NEVER_JOINED in causes(short)

    def test_a_job_that_is_listed_was_taken(self) -> None:
        ghost = lost(until=26_200).listed(210, dispatch("AD_1", job())).closed(26_300)
        assert causes(ghost) == {Cause.WORKER_NEVER_JOINED, Cause.ASSIGNMENT_LOST, Cause.LEFT_EARLY}
        failed = lost().listed(210, dispatch("AD_1", job(status="JS_FAILED", ended=9_000, error="boom")))
        assert causes(failed.closed(20_200)) == {Cause.WORKER_NEVER_JOINED, Cause.LEFT_EARLY}

    def test_who_was_asked_late_could_not_be_in_time(self) -> None:
        ghost = lost(until=26_200).listed(20_150, dispatch("AD_1", job(started=20_050))).closed(26_300)
        assert causes(ghost) == {Cause.SLOW_PLATFORM}

    def test_whole_webhooks_tell_that_it_had_never_joined(self) -> None:
        ghost = lost(until=26_200).listed(210, dispatch("AD_1", job())).closed(26_300)
        assert Cause.LEFT_EARLY in causes(ghost.webhook(3, "room_started", room_sid="RM_1"))
        ghost.webhook(26_301, "room_finished", room_sid="RM_1")
        ghost.run_event(-900, "server.described", server={"version": "1.13.5"})
        assert causes(ghost) == {Cause.WORKER_NEVER_JOINED, Cause.ASSIGNMENT_LOST}

    def test_a_cancelled_job_has_no_cause(self) -> None:
        story = lost().listed(210, dispatch("AD_1", job(status="JS_CANCELLED", ended=9_000))).closed(20_200)
        assert causes(story) == set()

    @pytest.mark.parametrize(
        ("started", "expected"),
        [
            (6_000, {Cause.SLOW_PLATFORM, Cause.NO_WORKER}),
            (200, {Cause.SLOW_JOIN, Cause.SLOW_ANSWER}),
            (None, {Cause.SLOW_PLATFORM, Cause.SLOW_JOIN, Cause.SLOW_ANSWER, Cause.NO_WORKER}),
        ],
    )
    def test_where_the_time_went(self, started: float | None, expected: set[Cause]) -> None:
        listed = dispatch("AD_1", job(started=started) if started else job(started=None))
        story = Story().listed(5, dispatch()).listed(6_100, listed)
        assert causes(story.looks(5, 6_400).agent(6_300).closed(6_500)) == expected

    def test_an_agent_that_came_with_the_caller_had_waited_for_it(self) -> None:
        def came(joined: float, kind: str) -> Story:
            taken = dispatch("AD_1", job(type=kind, started=joined + 200))
            story = Story(caller="later").listed(5, dispatch()).listed(joined + 250, taken)
            story.event(joined, "caller.joined", identity="c", sid="PA_c").agent(joined + 300)
            return story.looks(5, joined + 400).closed(joined + 500)

        assert causes(came(8_000, "JT_PARTICIPANT")) == {Cause.WAITS_FOR_PARTICIPANT}
        assert Cause.WAITS_FOR_PARTICIPANT not in causes(came(8_000, "JT_ROOM"))

    @pytest.mark.parametrize("kind", ["failed-present", "unreported"])
    def test_contradictions_have_no_single_cause(self, kind: str) -> None:
        listed = (
            dispatch("AD_1", job(status="JS_FAILED", ended=400, error="x")) if kind == "failed-present" else dispatch()
        )
        story = Story().listed(410, listed).agent(240).looks(5, 9_000).closed(9_100)
        assert story.judge().mismatch == kind
        assert causes(story) == set()


class TestOthers:
    """One cause for what a check has proved."""

    def test_the_old_room_came_back(self) -> None:
        assert causes(Story().event(5, "room.reused", sid="RM_1", earlier_trial=0).closed(20)) == {Cause.ROOM_CAME_BACK}
        own = Story().event(5, "room.reused", sid="RM_1", earlier_trial=1).closed(20)
        assert "which this trial had deleted" in own.judge().reason

    def test_another_worker_took_the_probe_s_job(self) -> None:
        story = lost(on_probe=True, until=26_200).listed(210, dispatch("AD_1", job(worker_id="AW_theirs")))
        assert causes(story.heard(26_000).closed(26_300)) == {Cause.FOREIGN_WORKER}

    def test_a_stranger_in_the_room_may_be_there_by_chance(self) -> None:
        story = lost(until=26_200).agent(300, "x", agent_name="other").closed(26_300)
        assert story.judge().mismatch is Mismatch.WRONG_WORKER
        assert diagnosis(story).causes[:2] == (Cause.WRONG_NAME, Cause.FOREIGN_WORKER)
        assert Cause.LOST_BEFORE_WORKER in causes(story)

    def test_left_early(self) -> None:
        story = Story().listed(5, dispatch("AD_1", job())).looks(5, 1_500).agent(240).left(1_300).closed(1_550)
        assert causes(story) == {Cause.LEFT_EARLY}

    def test_none_where_nothing_failed_or_nothing_is_known(self) -> None:
        fine = Story().listed(5, dispatch("AD_1", job())).looks(5, 300).agent(240).closed(350)
        assert fine.judge().diagnosis is None
        assert Story().looks(5, 300).judge().diagnosis is None
        refused = (
            Story(room=False)
            .event(5, "trial.failed", step="open the room by token", error="no", failure="refused")
            .closed(20)
        )
        assert refused.judge().diagnosis is None

    @pytest.mark.parametrize(
        ("made", "creation", "found"),
        [(5_000, 4_990, False), (5_000, 0, True), (5_000, -400, True), (600, -400, False), (600, 500, False)],
    )
    def test_a_room_as_old_as_the_deleted_one(self, made: float, creation: float, found: bool) -> None:
        """The first is made at 0, and deleted; the clocks of two nodes may differ by up to a second."""
        story = Story(fallback=False).event(400, "trial.prepared")
        story.event(made, "room.created", room="r", sid="RM_2", creation_time_ms=int(WALL_MS + creation))
        story.listed(made + 5, dispatch("AD_1", job(started=made + 200), created=made)).looks(made + 5, made + 300)
        story.agent(made + 240).closed(made + 350)
        assert ("name-reuse" in story.findings()) is found
        if found:
            assert causes(story) == {Cause.ROOM_CAME_BACK}
