"""No agent was seen in time: lost, and why; or lkdiag can't tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.contract import Mismatch, Outcome, State

from .story import Story, dispatch, job

if TYPE_CHECKING:
    from collections.abc import Callable

END = 20_100


def lost(*, on_probe: bool = False, **options: Any) -> Story:
    """A trial in which nobody comes; the job (if any) and the closing are the test's."""
    return Story(on_probe=on_probe, **{"fallback": False, **options}).listed(5, dispatch()).looks(5, END)


class TestDroppedOnTheProbe:
    """lkdiag's own worker knows what reached it."""

    @pytest.mark.parametrize(
        ("words", "cause"),
        [
            ([], "was never offered the job"),
            ([("offered", 200)], "had not answered 20.0 s later"),
            ([("offered", 200), ("rejected", 201)], "declined it"),
            ([("offered", 200), ("accepted", 201)], "accepted it 0.00 s later and was never assigned it"),
            ([("offered", 200), ("accepted", 3000)], "accepted it only 2.80 s later"),
            ([("offered", 200), ("accepted", 2700)], "accepted it 2.50 s later and was never assigned it"),
            ([("offered", 200), ("accepted", 201), ("assigned", 202)], "its agent did not join"),
        ],
    )
    def test_why(self, words: list[tuple[str, float]], cause: str) -> None:
        story = lost(on_probe=True).heard(20_100).closed(20_200)
        for what, at in words:
            story.probe(at, what)
        judged = story.judge()
        assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DROPPED, State.NO_JOB, None)
        assert cause in story.findings()["dropped"].fact

    def test_another_room_s_offer_is_no_offer_of_this_dispatch(self) -> None:
        story = lost(on_probe=True).probe(200, "offered", dispatch="AD_9").heard(20_100).closed(20_200)
        assert "never offered" in story.findings()["dropped"].fact

    def test_an_agent_that_set_out_when_the_time_was_up_is_late(self) -> None:
        story = lost(on_probe=True).probe(200, "offered").probe(201, "accepted").probe(202, "assigned")
        story.listed(210, dispatch("AD_1", job())).looks(20_500, 26_100).probe(26_200, "joining").closed(26_400)
        judged = story.judge()
        assert (judged.outcome, judged.mismatch) == (Outcome.DROPPED, None)
        assert "set out only when the time was up" in story.findings()["dropped"].fact


class TestDroppedOutside:
    """Of somebody else's worker only the listing tells."""

    @pytest.mark.parametrize(
        ("listing", "state", "cause"),
        [
            ([dispatch()], State.NO_JOB, "no worker is known to have taken it"),
            ([dispatch("AD_0", agent_name="")], State.NO_DISPATCH, "the server has no such dispatch"),
            ([], State.NO_DISPATCH, "the server has no such dispatch"),
            (
                [dispatch("AD_1", job(status="JS_FAILED", ended=9000, error="boom"))],
                State.FAILED,
                "took job AJ_1 (JS_FAILED, 'boom')",
            ),
            ([dispatch("AD_1", job(status="JS_CANCELLED", ended=9000))], State.CANCELLED, "took job AJ_1"),
        ],
    )
    def test_why(self, listing: list[dict[str, Any]], state: State, cause: str) -> None:
        story = Story(fallback=False).looks(5, END).closed(20_200)
        if listing:
            story.listed(210, *listing)
        judged = story.judge()
        assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DROPPED, state, None)
        assert cause in story.findings()["dropped"].fact

    def test_who_stops_looking_before_jobs_are_listed_does_not_know_whether_one_was_taken(self) -> None:
        story = Story(fallback=False, timeout_s=3, settle_s=0).listed(5, dispatch()).looks(5, 3100).closed(3200)
        assert story.judge().outcome is Outcome.DROPPED
        assert "is not known" in story.findings()["dropped"].fact


class TestUnfit:
    """Each lets a loss stand, or takes it back."""

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda s: s.run_event(900, "worker.disconnected"), "lost its connection"),
            (lambda s: s.run_event(900, "probe.crashed", error="x"), "failed by itself"),
            (lambda s: s.probe(200, "offered").probe(201, "answer_lost"), "could not send its answer"),
            (lambda s: s.probe(200, "offered").probe(201, "accepted").probe(20_150, "joining"), None),
            (
                lambda s: s.probe(202, "assigned").probe(203, "joining").probe(900, "join_failed", error="no route"),
                "could not join from here: no route",
            ),
            (lambda s: s.probe(202, "assigned").probe(203, "joining"), "still on its way"),
            (
                lambda s: s.probe(203, "joining").probe(300, "joined", sid="PA_1"),
                "was in the room (as PA_1), and no look",
            ),
            (
                lambda s: s.run_event(
                    9000, "lkdiag.stalled", began_mono_ns=int((50_000_000 + 6900) * 1e6), late_ms=2100
                ),
                "stood still for 2.1 s",
            ),
            (
                lambda s: s.run_event(
                    9000, "lkdiag.stalled", began_mono_ns=int((50_000_000 + 7100) * 1e6), late_ms=1900
                ),
                None,
            ),
            (lambda s: s.probe(200, "offered").probe(19_500, "accepted"), "just before the end"),
        ],
    )
    def test_the_probe(self, spoil: Callable[[Story], Story], reason: str | None) -> None:
        judged = spoil(lost(on_probe=True).heard(20_100)).closed(20_200).judge()
        assert judged.outcome is (Outcome.DROPPED if reason is None else Outcome.INCONCLUSIVE)
        assert reason is None or reason in judged.reason

    @pytest.mark.parametrize(
        ("words", "heard", "outcome"),
        [
            ([], [], Outcome.INCONCLUSIVE),
            ([], [300], Outcome.INCONCLUSIVE),  # the offer may have come after that
            ([], [1000], Outcome.INCONCLUSIVE),  # or after that
            ([], [19_000], Outcome.INCONCLUSIVE),
            ([], [20_050], Outcome.DROPPED),  # the ping when the time was up
            ([], [21_000], Outcome.DROPPED),  # in the next trial: nothing said before was lost
            ([("offered", 200)], [], Outcome.DROPPED),  # the next word was the probe's
            ([("offered", 200), ("accepted", 900)], [800, 1000], Outcome.INCONCLUSIVE),
            ([("offered", 200), ("accepted", 900)], [19_000], Outcome.DROPPED),
            ([("offered", 200), ("accepted", 201), ("assigned", 202)], [], Outcome.DROPPED),
        ],
    )
    def test_a_socket_that_may_have_been_dead(
        self, words: list[tuple[str, float]], heard: list[float], outcome: Outcome
    ) -> None:
        story = lost(on_probe=True).closed(20_200)
        for what, at in words:
            story.probe(at, what)
        for at in heard:
            story.heard(at)
        assert story.judge().outcome is outcome

    def test_a_room_that_the_scenario_deleted_is_not_judged(self) -> None:
        judged = lost().closed(1_000).event(20_100, "observation.ended", agent_came=False).judge()
        assert judged.outcome is Outcome.INCONCLUSIVE
        assert judged.reason == "the scenario deleted the room before its watch had ended"

    def test_what_is_heard_on_the_next_socket_proves_nothing(self) -> None:
        story = lost(on_probe=True).closed(20_200).run_event(30_000, "worker.disconnected").heard(31_000)
        assert story.judge().outcome is Outcome.INCONCLUSIVE

    def test_the_probe_s_troubles_are_not_those_of_the_user_s_worker(self) -> None:
        story = lost().run_event(900, "worker.disconnected").run_event(900, "probe.crashed", error="x")
        assert story.closed(20_200).judge().outcome is Outcome.DROPPED

    @pytest.mark.parametrize("blind", [{"participants": False}, {"dispatches": False}])
    def test_looks_that_failed_at_the_end(self, blind: dict[str, bool]) -> None:
        story = Story(fallback=False).listed(5, dispatch()).looks(5, 19_000)
        for at in (19_500, 20_000, 20_100):
            story.look(at, **blind)
        judged = story.closed(20_200).judge()
        assert judged.outcome is Outcome.INCONCLUSIVE
        assert "at the end of the timeout" in judged.reason

    def test_one_failed_look_in_the_middle(self) -> None:
        assert lost().look(9000, participants=False).closed(20_200).judge().outcome is Outcome.DROPPED

    def test_a_room_that_vanished(self) -> None:
        judged = lost().closed(20_200, ok=False, code="not_found").judge()
        assert judged.outcome is Outcome.INCONCLUSIVE
        assert "the room was gone" in judged.reason

    @pytest.mark.parametrize("later", [(), (dispatch("AD_7", created=9000),)])
    def test_a_dispatch_that_vanished(self, later: tuple[dict[str, Any], ...]) -> None:
        judged = lost().listed(9000, *later).closed(20_200).judge()
        assert (judged.outcome, judged.state) == (Outcome.INCONCLUSIVE, State.NO_DISPATCH)

    @pytest.mark.parametrize(
        ("status", "more", "outcome", "mismatch"),
        [
            ("JS_FAILED", {"ended": 900, "error": "agent worker left the room"}, Outcome.INCONCLUSIVE, None),
            ("JS_FAILED", {"ended": 9000, "error": "agent worker left the room"}, Outcome.INCONCLUSIVE, None),
            ("JS_SUCCESS", {"ended": 450}, Outcome.INCONCLUSIVE, None),  # within two looks
            ("JS_SUCCESS", {"ended": 9000}, Outcome.DROPPED, Mismatch.FALSE_RUNNING),
            ("JS_FAILED", {"ended": 450, "error": "boom"}, Outcome.INCONCLUSIVE, None),
            ("JS_FAILED", {"ended": 9000, "error": "boom"}, Outcome.DROPPED, None),
        ],
    )
    def test_an_agent_that_may_have_come_and_gone(
        self, status: str, more: dict[str, Any], outcome: Outcome, mismatch: Mismatch | None
    ) -> None:
        judged = lost().listed(600, dispatch("AD_1", job(status=status, **more))).closed(20_200).judge()
        assert (judged.outcome, judged.mismatch) == (outcome, mismatch)

    @pytest.mark.parametrize(
        ("listing", "outcome"),
        [([dispatch("AD_1", job())], Outcome.INCONCLUSIVE), ([dispatch()], Outcome.DROPPED)],
    )
    def test_a_room_out_of_sight_for_seconds(self, listing: list[dict[str, Any]], outcome: Outcome) -> None:
        story = Story(fallback=False).listed(210, *listing).looks(5, 6000).looks(9500, 26_500).closed(26_600)
        assert story.judge().outcome is outcome

    def test_a_caller_that_came_only_at_the_end(self) -> None:
        story = lost(caller="join").event(15_000, "caller.joined", identity="c", sid="PA_c").closed(20_200)
        assert story.judge().outcome is Outcome.INCONCLUSIVE


class TestNotCarriedOut:
    """What LiveKit itself refuses is an error; what fails in another way is not."""

    @pytest.mark.parametrize(
        ("step", "failure", "outcome"),
        [
            ("open the room by create-room", "refused", Outcome.ERROR),
            ("open the room by create-room", "throttled", Outcome.INCONCLUSIVE),
            ("open the room by create-room", "unanswered", Outcome.INCONCLUSIVE),
            ("open the room by create-room", "garbled", Outcome.INCONCLUSIVE),
            ("let the caller join", None, Outcome.INCONCLUSIVE),
            ("watch the room", "unanswered", Outcome.INCONCLUSIVE),
            ("wait for the probe", None, Outcome.INCONCLUSIVE),
        ],
    )
    def test_steps(self, step: str, failure: str | None, outcome: Outcome) -> None:
        failed = {} if failure is None else {"failure": failure}
        story = Story(room=False).event(5, "trial.failed", step=step, error="no", **failed).closed(20)
        judged = story.judge()
        assert (judged.outcome, judged.mismatch) == (outcome, None)
        assert set(story.findings()) == {"not-carried-out" if outcome is Outcome.ERROR else "not-fit"}

    def test_the_old_room_came_back(self) -> None:
        story = Story().event(5, "room.reused", sid="RM_1", earlier_trial=1).closed(20)
        assert story.judge().outcome is Outcome.ERROR
        assert story.findings()["not-carried-out"].title == "the old room came back"

    def test_lkdiag_s_own_failure(self) -> None:
        assert Story().event(5, "trial.crashed", error="KeyError").closed(20).judge().outcome is Outcome.INCONCLUSIVE


def test_deadline_edges() -> None:
    """A look that began before the timeout was over does not prove that nobody came in time."""
    story = Story(fallback=False).listed(5, dispatch()).looks(5, 19_990).closed(20_100)
    assert story.judge().outcome is Outcome.INCONCLUSIVE
