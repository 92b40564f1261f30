"""An agent was seen: in time, late, or lkdiag can't tell."""

from __future__ import annotations

from typing import Any

import pytest

from lkdiag.contract import Mismatch, Outcome, State

from .story import WALL_MS, Story, dispatch, job


def came(joined: float, *, on_probe: bool = False, until: float | None = None, **options: Any) -> Story:
    """An agent that joined then, its job listed before it; the room is closed at once, or `until`."""
    story = Story(on_probe=on_probe, **options).listed(5, dispatch()).listed(210, dispatch("AD_1", job()))
    if on_probe:
        story.probe(200, "offered").probe(201, "accepted").probe(202, "assigned")
    end = joined + 50 if until is None else until
    story.looks(5, max(joined + 10, end - 50)).agent(joined + 5, joined=joined)
    return story.heard(300).closed(end)


@pytest.mark.parametrize(
    ("joined", "outcome"),
    [
        (240, Outcome.DELIVERED),
        (2000, Outcome.DELIVERED),
        (2001, Outcome.DELAYED),
        (20_000, Outcome.DELAYED),
        (20_001, Outcome.DROPPED),
    ],
)
@pytest.mark.parametrize("on_probe", [True, False])
def test_the_server_s_own_times_decide(joined: float, outcome: Outcome, on_probe: bool) -> None:
    judged = came(joined, on_probe=on_probe).judge()
    assert (judged.outcome, judged.state, judged.mismatch) == (outcome, State.RUNNING, None)
    assert judged.facts.latency_ms == joined


def test_a_lost_agent_that_came_after_all_is_told_so() -> None:
    assert "it came after 20.50 s" in came(20_500).findings()["dropped"].fact


def test_one_failed_look_in_the_middle_changes_nothing() -> None:
    story = came(240).look(100, dispatches=False, participants=False)
    assert story.judge().outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("stages", "side"),
    [
        ({"started": 6000}, "the platform's side"),
        ({"started": 200}, "the worker's side"),
    ],
)
def test_where_the_time_went(stages: dict[str, Any], side: str) -> None:
    story = Story().listed(5, dispatch()).listed(6100, dispatch("AD_1", job(**stages)))
    story.looks(5, 6400).agent(6300).closed(6500)
    assert side in story.findings()["delayed"].hint


def test_of_a_late_agent_whose_job_is_never_listed_the_sides_are_not_told_apart() -> None:
    story = Story().listed(5, dispatch()).looks(5, 9000).agent(6300).closed(9100)
    assert "can't be told apart" in story.findings()["delayed"].hint


class TestClocks:
    """The server's nodes each have a clock, and a clock may be set."""

    @pytest.mark.parametrize(
        ("joined", "outcome"),
        [
            (-3, Outcome.DELIVERED),  # two nodes, a few milliseconds apart
            (-5000, Outcome.INCONCLUSIVE),
            (5000, Outcome.INCONCLUSIVE),  # it was seen after 0.3 s: it can't have joined after 5 s
            (3_600_000, Outcome.INCONCLUSIVE),
        ],
    )
    def test_times_that_contradict_what_was_seen_are_not_believed(self, joined: float, outcome: Outcome) -> None:
        story = Story().listed(5, dispatch()).listed(210, dispatch("AD_1", job()))
        story.looks(5, 310).agent(300, joined=joined).closed(400)
        assert story.judge().outcome is outcome

    @pytest.mark.parametrize(("seen", "outcome"), [(300, Outcome.DELIVERED), (2500, Outcome.INCONCLUSIVE)])
    def test_an_old_server_that_does_not_say_when_the_room_was_made(self, seen: float, outcome: Outcome) -> None:
        story = Story(creation=None).listed(5, dispatch()).listed(210, dispatch("AD_1", job()))
        judged = story.looks(5, seen + 10).agent(seen).closed(seen + 100).judge()
        assert (judged.outcome, judged.facts.latency_ms, judged.facts.stages_ms) == (outcome, None, {})

    def test_a_machine_that_slept_saw_the_agent_soon_and_yet_it_may_be_late(self) -> None:
        story = Story().listed(5, dispatch()).listed(210, dispatch("AD_1", job()))
        story.looks(5, 310).agent(300, joined=8000).closed(400)
        story.run_event(250, "lkdiag.stalled", began_mono_ns=int((50_000_000 + 200) * 1e6), late_ms=8000)
        assert story.judge().outcome is Outcome.DELAYED


class TestOwnFault:
    """Where lkdiag plays the agent, or the caller, it may be late itself."""

    @pytest.mark.parametrize(
        ("late_ms", "ended", "on_probe", "outcome"),
        [
            (2900, 3100, True, Outcome.INCONCLUSIVE),
            (900, 3100, True, Outcome.DELAYED),  # too short to explain it
            (2900, 9000, True, Outcome.DELAYED),  # after the agent had joined
            (2900, 3100, False, Outcome.DELAYED),  # not lkdiag's agent
        ],
    )
    def test_a_stall_that_explains_the_delay(
        self, late_ms: float, ended: float, on_probe: bool, outcome: Outcome
    ) -> None:
        story = came(3200, on_probe=on_probe, until=9500)
        began_ns = int((50_000_000 + ended - late_ms) * 1e6)
        story.run_event(ended, "lkdiag.stalled", began_mono_ns=began_ns, late_ms=late_ms)
        assert story.judge().outcome is outcome

    def test_a_stall_of_another_trial_s_time_is_not_this_one_s(self) -> None:
        story = came(3200, on_probe=True)
        story.run_event(-500, "lkdiag.stalled", began_mono_ns=int((50_000_000 - 4000) * 1e6), late_ms=3500)
        assert story.judge().outcome is Outcome.DELAYED

    @pytest.mark.parametrize(("at", "outcome"), [(1000, Outcome.INCONCLUSIVE), (-50, Outcome.DELAYED)])
    def test_a_probe_that_lost_its_socket_in_between(self, at: float, outcome: Outcome) -> None:
        assert came(3200, on_probe=True).run_event(at, "worker.disconnected").judge().outcome is outcome

    @pytest.mark.parametrize(
        ("job_type", "ready", "outcome"),
        [
            ("JT_PARTICIPANT", 2500, Outcome.INCONCLUSIVE),
            ("JT_PARTICIPANT", 500, Outcome.DELAYED),
            ("JT_ROOM", 2500, Outcome.DELAYED),  # such a job waits for nobody
        ],
    )
    def test_a_job_that_waits_for_lkdiag_s_caller(self, job_type: str, ready: float, outcome: Outcome) -> None:
        story = Story(caller="join").listed(5, dispatch()).listed(3000, dispatch("AD_1", job(type=job_type)))
        story.event(ready, "caller.joined", identity="lkdiag-caller", sid="PA_c")
        assert story.looks(5, 3300).agent(3200).closed(3400).judge().outcome is outcome


class TestWhoseAgent:
    """Which of the room's agents came for the dispatch under test."""

    @pytest.mark.parametrize(
        ("name", "outcome"),
        [
            ("my-agent", Outcome.DELIVERED),
            (None, Outcome.DELIVERED),  # servers before 1.9 write no lk.agent_name
            ("", Outcome.DROPPED),  # a worker without a name: automatic dispatch brought it
            ("other", Outcome.DROPPED),
        ],
    )
    def test_until_a_job_is_listed_by_its_name(self, name: str | None, outcome: Outcome) -> None:
        story = Story(fallback=False).listed(5, dispatch()).looks(5, 20_100).agent(300, "x", agent_name=name)
        assert story.closed(20_200).judge().outcome is outcome

    @pytest.mark.parametrize("name", ["my-agent", None])
    def test_once_a_job_is_listed_by_its_identity(self, name: str | None) -> None:
        story = Story(fallback=False).listed(5, dispatch()).listed(210, dispatch("AD_1", job()))
        story.looks(5, 27_000).agent(300, "somebody", agent_name=name).closed(27_100)
        assert (story.judge().outcome, story.judge().mismatch) == (Outcome.DROPPED, Mismatch.FALSE_RUNNING)

    def test_an_automatic_worker_s_agent_on_an_old_server_is_known_by_its_own_dispatch(self) -> None:
        bystander = dispatch("AD_0", job("AJ_0"), agent_name="")
        story = Story(fallback=False).listed(5, dispatch(), dispatch("AD_0", agent_name=""))
        story.listed(5005, dispatch(), bystander).agent(300, "agent-AJ_0", agent_name=None)
        assert story.looks(5, 20_100).closed(20_200).judge().outcome is Outcome.DROPPED

    def test_of_two_agents_the_first_one_counts(self) -> None:
        story = came(240, until=1500).agent(900, "second")
        assert story.judge().facts.latency_ms == 240

    def test_of_two_jobs_the_one_whose_agent_came_is_the_job(self) -> None:
        jobs = job(), job("AJ_2", "JS_FAILED", started=700, error="agent worker left the room")
        story = came(240, until=4000).listed(900, dispatch("AD_1", *jobs))
        judged = story.judge()
        assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DELIVERED, State.RUNNING, None)

    def test_one_from_before_the_room_is_an_earlier_room_s(self) -> None:
        story = Story(reuse_room_name=True).listed(5, dispatch()).agent(8, "old", joined=-400)
        story.looks(5, 20_100).closed(20_200)
        judged = story.judge()
        assert judged.outcome is Outcome.INCONCLUSIVE
        assert "since before it was created" in judged.reason

    def test_the_room_s_agent_is_found_though_the_dispatch_is_never_listed(self) -> None:
        story = Story(on_probe=True).probe(200, "offered").probe(201, "accepted").probe(202, "assigned")
        story.looks(5, 6500).agent(240).heard(300).closed(6600)
        judged = story.judge()
        assert (judged.outcome, judged.state, judged.mismatch) == (
            Outcome.DELIVERED,
            State.NO_DISPATCH,
            Mismatch.UNREPORTED,
        )
        assert judged.facts.dispatch_id == "AD_1"

    def test_a_dispatch_that_was_created_and_is_not_listed(self) -> None:
        story = Story(method="create-dispatch").looks(5, 6500).agent(240).closed(6600)
        story.event(4, "dispatch.created", dispatch_id="AD_1", agent_name="my-agent", created_at_ns=WALL_MS * 10**6)
        assert story.judge().state is State.NO_DISPATCH


class TestLeftEarly:
    """A note, and only about an agent that really is gone."""

    def test_gone(self) -> None:
        assert "left-early" in came(240, until=1500).left(1300).findings()

    def test_back_again_under_its_identity(self) -> None:
        story = came(240, until=2100).left(800).agent(1300, sid="PA_again")
        assert story.findings() == {}

    @pytest.mark.parametrize(("reason", "told"), [("CLIENT_INITIATED", True), ("JOIN_FAILURE", False)])
    def test_one_of_lkdiags_own_without_media_that_the_server_put_out(self, reason: str, *, told: bool) -> None:
        story = Story(on_probe=True).listed(5, dispatch("AD_1", job())).looks(5, 62_000)
        story.probe(210, "offered").probe(211, "accepted").probe(212, "assigned").probe(213, "joining")
        story.probe(220, "joined", sid="PA_agent-AJ_1", by="signal").probe(60_250, "disconnected", reason=reason)
        story.agent(240, joined=219).left(60_300)
        assert ("left-early" in story.closed(62_500).findings()) is told

    def test_a_room_that_was_closed_under_it(self) -> None:
        story = Story().listed(5, dispatch("AD_1", job())).looks(5, 1400).agent(240).left(1000)
        assert story.closed(1500, ok=False, code="not_found").findings() == {}

    def test_after_lkdiag_closed_the_room(self) -> None:
        assert came(240).left(5000).findings() == {}


def test_a_trial_that_was_cut_claims_nothing() -> None:
    story = Story().listed(5, dispatch("AD_1", job())).looks(5, 400).agent(240)
    assert story.judge().outcome is Outcome.INCONCLUSIVE
    assert story.event(500, "trial.interrupted").event(600, "trial.finished").judge().outcome is Outcome.INCONCLUSIVE


class TestNotYetTold:
    """What only a later listing would tell."""

    @pytest.mark.parametrize(
        ("rival", "name", "until", "outcome"),
        [
            ("", None, 2300, Outcome.INCONCLUSIVE),  # an old server: the automatic worker's, or ours?
            ("", None, 5400, Outcome.DELIVERED),  # its job would be listed by now
            ("", "my-agent", 2300, Outcome.DELIVERED),
            ("my-agent", "my-agent", 2300, Outcome.INCONCLUSIVE),  # the product's own createDispatch
            ("logger", "my-agent", 2300, Outcome.DELIVERED),
        ],
    )
    def test_which_of_two_dispatches_brought_it(
        self, rival: str, name: str | None, until: float, outcome: Outcome
    ) -> None:
        story = Story(settle_s=2).listed(5, dispatch(), dispatch("AD_0", agent_name=rival, created=1))
        story.agent(240, "x", agent_name=name).looks(5, until).closed(until + 50)
        assert story.judge().outcome is outcome

    def test_a_late_agent_whose_job_says_that_it_left_was_there_before(self) -> None:
        left = dispatch("AD_1", job(status="JS_FAILED", ended=900, error="agent worker left the room"))
        story = Story().listed(5, dispatch()).listed(1000, left).agent(3000).looks(5, 4500).closed(4600)
        assert story.judge().outcome is Outcome.INCONCLUSIVE

    def test_a_late_agent_in_a_room_that_was_out_of_sight(self) -> None:
        story = Story().listed(5, dispatch()).listed(210, dispatch("AD_1", job())).looks(5, 250)
        assert story.looks(4000, 4300).agent(4000).closed(4400).judge().outcome is Outcome.INCONCLUSIVE

    def test_the_probe_s_agent_that_was_in_the_room_before(self) -> None:
        story = came(3200, on_probe=True).probe(300, "joined", sid="PA_first")
        assert story.judge().outcome is Outcome.INCONCLUSIVE
