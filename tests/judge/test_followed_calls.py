"""Calls as life makes them: what can't be known is not called lost, and what is known is said."""

from __future__ import annotations

import pytest

from lkdiag.contract import Mismatch, Outcome, Severity, State
from lkdiag.judge.checks import out_of_sight

from .followed import Followed, known
from .story import MONO_MS, dispatch, job


def test_an_agent_that_comes_in_time_is_delivered() -> None:
    call = Followed().person(310, "ann").listed(320, known(dispatch("AD_1", job()))).agent(330, joined=240)
    judged = call.looks(320, 900).done(340, came=True).shut(20_000).judge()
    assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DELIVERED, State.RUNNING, None)
    assert judged.facts.latency_ms == 240


def test_an_agent_that_never_comes_to_somebody_who_talks_is_dropped() -> None:
    call = Followed().person(310, "ann").listed(320, dispatch("AD_1")).looks(315, 27_000).done(27_010, came=False)
    judged = call.over(90_000).judge()
    assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DROPPED, State.NO_JOB, None)
    assert set(call.findings()) == {"dropped"}


@pytest.mark.parametrize(
    ("every", "verdict"), [(100, (Outcome.DROPPED, Mismatch.FALSE_RUNNING)), (400, (Outcome.INCONCLUSIVE, None))]
)
def test_a_job_without_an_agent_is_false_running_where_nobody_can_have_come_and_gone(
    every: float, verdict: tuple[Outcome, Mismatch | None]
) -> None:
    call = Followed(creation=220, found=225, lacked=50).listed(
        320, known(dispatch("AD_1", job(started=420), created=220))
    )
    for at in range(230, 2600, int(every)):
        call.call(at, "ListParticipants")
    judged = call.looks(2600, 27_000).done(27_010, came=False).over(90_000).judge()
    assert (judged.outcome, judged.mismatch) == verdict


@pytest.mark.parametrize("end", ["closed", "everybody left", "the watch ended", "killed"])
def test_what_ends_before_the_timeout_is_not_called_lost(end: str) -> None:
    call = Followed().person(310, "ann").listed(320, dispatch("AD_1")).looks(315, 12_000)
    if end == "closed":
        call.shut(12_100)
    elif end == "everybody left":
        call.gone(12_004, "ann").looks(13_000, 40_000).done(40_010, came=False).over(50_000)
    elif end == "the watch ended":
        call.over(12_200)
    judged = call.judge()
    assert judged.outcome is Outcome.INCONCLUSIVE
    (found,) = call.findings().values()
    assert (found.check, found.severity) == ("seen-in-part", Severity.NOTE)


def test_a_call_that_ends_early_does_not_hide_an_agent_that_came() -> None:
    call = Followed().person(310, "ann").listed(320, known(dispatch("AD_1", job()))).agent(330, joined=240)
    assert call.looks(320, 700).shut(900).judge().outcome is Outcome.DELIVERED


@pytest.mark.parametrize("jobs", [(), (job(),)], ids=["no job", "a job"])
def test_what_began_before_the_watch_is_not_called_lost(jobs: tuple[dict[str, object], ...]) -> None:
    call = Followed(existed=True, creation=-60_000).person(310, "ann")
    call.listed(320, known(dispatch("AD_1", *jobs, created=-59_900))).looks(315, 40_000)
    judged = call.done(40_010, came=False).over(90_000).judge()
    assert judged.outcome is Outcome.INCONCLUSIVE
    assert judged.mismatch is None
    assert set(call.findings()) == {"seen-in-part"}


@pytest.mark.parametrize(
    ("joined", "outcome"), [(-59_500, Outcome.DELIVERED), (-40_000, Outcome.INCONCLUSIVE)], ids=["in time", "later"]
)
def test_of_an_agent_that_was_there_before_the_watch_only_a_timely_one_is_known(
    joined: float, outcome: Outcome
) -> None:
    """A later one may have come in time, left, and come back under its identity."""
    call = Followed(existed=True, creation=-60_000).person(310, "ann")
    call.listed(320, known(dispatch("AD_1", job(), created=-60_000))).agent(330, joined=joined)
    assert call.looks(320, 2_000).done(340, came=True).over(90_000).judge().outcome is outcome


def test_in_a_room_that_was_there_the_delay_counts_from_the_dispatch() -> None:
    call = Followed().person(310, "ann").looks(320, 30_000, every=1_500).listed(322)
    call.listed(30_010, known(dispatch("AD_1", job(started=29_700), created=29_500))).agent(30_020, joined=29_800)
    judged = call.looks(30_500, 31_000).done(31_010, came=True).over(60_000).judge()
    assert (judged.outcome, judged.facts.latency_ms) == (Outcome.DELIVERED, 300)


def test_the_unnamed_dispatch_of_a_room_without_one_is_nobodys() -> None:
    """livekit-server lists one for every room that was made without (1.13.5, measured)."""
    call = Followed().person(310, "ann").listed(320, dispatch("AD_1", agent_name="")).looks(315, 60_000).over(90_000)
    assert call.judged() == {}


def test_an_automatic_worker_is_judged_by_the_job_that_it_took() -> None:
    call = Followed().person(310, "ann").listed(320, known(dispatch("AD_1", job(), agent_name="")))
    call.agent(330, joined=240, agent_name="")
    assert call.looks(320, 900).done(340, came=True).over(90_000).judge().outcome is Outcome.DELIVERED


def test_nobody_is_late_for_a_room_in_which_nobody_is() -> None:
    """A worker that serves participants or publishers is called by these."""
    call = Followed().listed(320, dispatch("AD_1")).looks(315, 60_000).over(90_000)
    judged = call.judge()
    assert judged.outcome is Outcome.INCONCLUSIVE
    assert set(call.findings()) == {"seen-in-part"}


def test_a_worker_for_participants_is_late_only_after_the_first_of_them() -> None:
    """The phone rang for nine seconds."""
    call = Followed().listed(320, dispatch("AD_1")).looks(315, 9_000).person(9_310, "ann", tracks=0)
    call.listed(9_400, known(dispatch("AD_1", job(started=9_250)), "JT_PARTICIPANT")).agent(9_410, joined=9_500)
    judged = call.looks(9_450, 10_000).done(9_990, came=True).over(60_000).judge()
    assert judged.outcome is Outcome.DELIVERED
    assert judged.facts.latency_ms == 9_500 - 9_210


def test_a_worker_for_publishers_is_never_called_late() -> None:
    call = Followed().listed(320, dispatch("AD_1")).looks(315, 9_000).person(5_000, "ann", tracks=0)
    call.listed(9_400, known(dispatch("AD_1", job(started=9_250)), "JT_PUBLISHER")).agent(9_410, joined=9_500)
    judged = call.looks(9_450, 10_000).done(9_990, came=True).over(60_000).judge()
    assert judged.outcome is Outcome.INCONCLUSIVE


def test_a_late_agent_is_delayed_however_calm_the_looks_are_later() -> None:
    call = Followed().person(310, "ann").listed(320, dispatch("AD_1")).looks(315, 6_000)
    call.listed(6_100, known(dispatch("AD_1", job(started=5_800)))).agent(6_110, joined=6_050)
    call.look(6_200).done(6_220, came=True).looks(11_200, 60_000, every=5_000).over(90_000)
    judged = call.judge()
    assert (judged.outcome, judged.facts.latency_ms) == (Outcome.DELAYED, 6_050)


def test_a_room_out_of_sight_is_lkdiags_own_matter() -> None:
    call = Followed().person(310, "ann").listed(320, known(dispatch("AD_1", job()))).looks(315, 3_000)
    call.looks(12_000, 27_000).done(27_010, came=False).over(90_000)
    assert call.judge().outcome is Outcome.INCONCLUSIVE
    assert set(call.findings()) == {"not-fit"}


def test_an_agents_end_with_its_call_is_no_failed_job() -> None:
    call = Followed().person(310, "ann").listed(320, known(dispatch("AD_1", job()))).agent(330, joined=240)
    call.looks(320, 900).done(340, came=True).looks(5_900, 20_000, every=5_000).gone(20_004, "ann")
    call.listed(20_006, known(dispatch("AD_1", job(status="JS_FAILED", error="agent worker left the room"))))
    judged = call.looks(20_500, 30_000).over(40_000).judge()
    assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DELIVERED, State.RUNNING, None)


def test_each_dispatch_of_a_room_is_judged_by_itself() -> None:
    first, second = dispatch("AD_1", agent_name="nobody"), dispatch("AD_2", job(), agent_name="my-agent", created=10)
    call = Followed().person(310, "ann").listed(320, first, known(second)).agent(330, joined=240)
    call.looks(315, 27_000).done(400, came=True, dispatch="AD_2").done(27_010, came=False, dispatch="AD_1")
    judged = call.over(90_000).judged()
    assert {name: one.outcome for name, one in judged.items()} == {"AD_1": Outcome.DROPPED, "AD_2": Outcome.DELIVERED}


# -- what is left -----------------------------------------------------------------------------------------------------


def test_who_stays_when_the_agent_has_gone_is_left_alone() -> None:
    call = Followed(alone_for_s=60.0).person(310, "sip_1").agent(330, joined=240).looks(320, 5_000)
    found = call.left(5_000).looks(10_000, 70_000, every=5_000).over(80_000).left_over()
    assert found is not None
    assert found.severity is Severity.FAIL
    assert "75.0 s" in found.fact
    assert "still there" in found.fact


def test_who_stays_when_the_other_side_hangs_up_is_left_alone_also_if_it_is_closed_later() -> None:
    call = Followed(alone_for_s=60.0).person(310, "sip_1").person(400, "human", "standard").looks(320, 5_000)
    found = call.gone(5_000, "human").looks(10_000, 90_000, every=5_000).shut(95_000).left_over()
    assert found is not None
    assert found.severity is Severity.FAIL
    assert "then the room was closed" in found.fact


def test_a_watch_that_ends_too_soon_only_notes_it() -> None:
    call = Followed(alone_for_s=60.0).person(310, "sip_1").agent(330, joined=240).looks(320, 5_000)
    found = call.left(5_000).looks(10_000, 20_000, every=5_000).over(25_000).left_over()
    assert found is not None
    assert found.severity is Severity.NOTE


@pytest.mark.parametrize("what", ["waits", "hangs up soon", "gets company", "agent there", "observer", "two stay"])
def test_others_are_not_left_alone(what: str) -> None:
    call = Followed(alone_for_s=60.0).person(310, "sip_1").looks(320, 200_000, every=5_000)
    if what == "waits":
        call.listed(320, dispatch("AD_1"))
    elif what == "agent there":
        call.person(400, "human").agent(330, joined=240).gone(5_000, "human")
    elif what == "observer":
        call.person(400, "observer", hidden=True).gone(5_000, "observer")
    elif what == "two stay":
        call.person(400, "human").agent(330, joined=240).left(5_000)
    else:
        call.agent(330, joined=240).left(5_000)
        if what == "gets company":
            call.person(30_000, "human")
        else:
            call.gone(30_000, "sip_1")
    assert call.over(201_000).left_over() is None


def test_a_project_that_does_not_answer_is_out_of_sight() -> None:
    watch = Followed()
    watch.run_event(0, "watch.began")
    for at, ok in ((100, True), (1_000, False), (6_000, False), (14_000, True)):
        began_ns = int((MONO_MS + at) * 1e6)
        refusal = {} if ok else {"error": "no answer", "failure": "unanswered"}
        watch.run_event(at, "api.called", method="ListRooms", began_mono_ns=began_ns, duration_ms=1, ok=ok, **refusal)
    found = out_of_sight.judge(watch.timeline().run_level())
    assert found is not None
    assert found.severity is Severity.INCONCLUSIVE
    assert "14 s" in found.fact
