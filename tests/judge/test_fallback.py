"""What the second dispatch brought: an agent of its own, nobody, or nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.contract import Fallback, Outcome

from .story import Story, dispatch, job

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = dispatch("AD_2", job("AJ_2"), created=20_200)


def second_try(**options: Any) -> Story:
    """Nobody came, and a fallback was made at 20.2 s."""
    story = Story(**options).listed(5, dispatch()).fallback(20_200)
    return story.listed(20_210, dispatch(), dispatch("AD_2", created=20_200))


@pytest.mark.parametrize(
    ("come", "fallback", "latency_ms"),
    [
        (lambda s: s.agent(20_500, "agent-AJ_2").listed(20_400, dispatch(), SECOND), Fallback.RESCUED, 300),
        (lambda s: s, Fallback.LOST, None),
        # the original's late agent is not the fallback's
        (lambda s: s.listed(20_400, dispatch("AD_1", job())).agent(20_500), Fallback.LOST, None),
        (
            lambda s: s.listed(20_400, dispatch("AD_1", job()), SECOND).agent(20_450).agent(20_500, "agent-AJ_2"),
            Fallback.RESCUED,
            300,
        ),
        # an agent of that name, and no job tells whose it is
        (lambda s: s.agent(20_500, "unknown"), Fallback.UNCLEAR, None),
        # of a bystander with another name it is clear
        (lambda s: s.agent(20_500, "unknown", agent_name=""), Fallback.LOST, None),
    ],
)
def test_whose_agent(come: Callable[[Story], Story], fallback: Fallback, latency_ms: float | None) -> None:
    judged = come(second_try()).looks(5, 30_300).closed(30_400).judge()
    assert (judged.outcome, judged.fallback) == (Outcome.DROPPED, fallback)
    assert judged.fallback_latency_ms == (None if latency_ms is None else pytest.approx(latency_ms))


def test_an_unclear_one_is_told_as_unclear() -> None:
    story = second_try().agent(20_500, "unknown").looks(5, 30_300).closed(30_400)
    assert "'unknown' came, and no listed job tells for which dispatch" in story.findings()["dropped"].fact


def test_the_original_s_agent_that_joined_just_before_the_fallback_was_made() -> None:
    """Seen only afterwards; the server's own times tell."""
    judged = second_try().agent(20_250, "unknown", joined=20_190).looks(5, 30_300).closed(30_400).judge()
    assert (judged.outcome, judged.facts.latency_ms) == (Outcome.DROPPED, 20_190)
    assert judged.fallback is Fallback.LOST


def test_an_agent_that_was_there_all_the_time_needed_no_fallback() -> None:
    story = second_try().listed(20_300, dispatch("AD_1", job())).agent(20_300, joined=240)
    story.look(20_290).closed(20_400)
    story.run_event(20_280, "lkdiag.stalled", began_mono_ns=int(50_000_010 * 1e6), late_ms=20_000)
    judged = story.judge()
    assert (judged.outcome, judged.fallback) == (Outcome.DELIVERED, Fallback.NOT_NEEDED)


@pytest.mark.parametrize(
    ("until", "fallback"),
    [(30_300, Fallback.LOST), (24_000, Fallback.UNCLEAR)],
)
def test_lost_only_after_the_whole_time(until: float, fallback: Fallback) -> None:
    assert second_try().looks(5, until).closed(until + 50).judge().fallback is fallback


def test_one_that_was_cut_short_or_not_seen() -> None:
    assert second_try().looks(5, 21_000).judge().fallback is Fallback.UNCLEAR
    blind = second_try().looks(5, 20_300).look(31_000, participants=False).closed(31_100)
    assert blind.judge().fallback is Fallback.UNCLEAR


def test_the_probe_s_agent_that_is_still_under_way() -> None:
    story = second_try(on_probe=True).looks(5, 30_300).heard(30_250).closed(30_400)
    assert story.judge().fallback is Fallback.LOST
    assert story.probe(30_200, "joining", dispatch="AD_2").judge().fallback is Fallback.UNCLEAR


def test_the_probe_that_a_dead_socket_kept_from_the_fallback_s_offer() -> None:
    """Nothing came over it after the fallback's time: not even the answer to lkdiag's own ping."""
    story = second_try(on_probe=True).looks(5, 30_300).heard(29_000).closed(30_400)
    story.run_event(44_000, "worker.disconnected", reason="nothing heard for 15 s").heard(44_200)
    assert (story.judge().outcome, story.judge().fallback) == (Outcome.DROPPED, Fallback.UNCLEAR)
    assert story.probe(20_400, "offered", "AJ_2", "AD_2").judge().fallback is Fallback.LOST


@pytest.mark.parametrize(
    ("heard", "fallback"),
    [
        (30_250, Fallback.LOST),  # the server did not assign the job
        (20_700, Fallback.UNCLEAR),  # it may have, until half a second after the acceptance
    ],
)
def test_the_probe_that_a_dead_socket_kept_from_the_fallback_s_assignment(heard: float, fallback: Fallback) -> None:
    story = second_try(on_probe=True).looks(5, 30_300).heard(heard).closed(30_400)
    story.probe(20_400, "offered", "AJ_2", "AD_2").probe(20_401, "accepted", "AJ_2", "AD_2")
    story.run_event(44_000, "worker.disconnected", reason="nothing heard for 15 s").heard(44_200)
    assert (story.judge().outcome, story.judge().fallback) == (Outcome.DROPPED, fallback)
    assert story.probe(20_420, "assigned", "AJ_2", "AD_2").judge().fallback is Fallback.LOST


def test_the_probe_that_took_the_fallback_s_job_just_before_the_end() -> None:
    story = second_try(on_probe=True).looks(5, 30_300).heard(30_250).closed(30_400)
    story.probe(29_900, "offered", "AJ_2", "AD_2").probe(29_901, "accepted", "AJ_2", "AD_2")
    assert story.judge().fallback is Fallback.UNCLEAR


def test_the_probe_whose_answer_to_the_fallback_s_offer_was_lost() -> None:
    story = second_try(on_probe=True).looks(5, 30_300).heard(30_250).closed(30_400)
    story.probe(20_400, "offered", "AJ_2", "AD_2").probe(20_401, "answer_lost", "AJ_2", "AD_2")
    assert (story.judge().outcome, story.judge().fallback) == (Outcome.DROPPED, Fallback.UNCLEAR)


@pytest.mark.parametrize(
    ("spoil", "fallback"),
    [
        (lambda s: s, Fallback.LOST),
        (lambda s: s.run_event(4_500, "probe.crashed", error="x"), Fallback.UNCLEAR),
        (lambda s: s.run_event(4_500, "worker.disconnected"), Fallback.UNCLEAR),
        (
            lambda s: s.run_event(7_000, "lkdiag.stalled", began_mono_ns=int((50_000_000 + 4_900) * 1e6), late_ms=2100),
            Fallback.UNCLEAR,
        ),
    ],
)
def test_lkdiag_that_failed_after_the_probe_s_first_agent_had_come_and_gone(
    spoil: Callable[[Story], Story], fallback: Fallback
) -> None:
    story = Story(on_probe=True).listed(205, dispatch("AD_1", job())).agent(240).left(2_000).fallback(4_000)
    story.listed(4_250, dispatch("AD_1", job()), dispatch("AD_2")).looks(5, 14_100).heard(14_150).closed(14_200)
    story.probe(4_300, "offered", "AJ_2", "AD_2").probe(4_301, "rejected", "AJ_2", "AD_2")
    judged = spoil(story).judge()
    assert (judged.outcome, judged.fallback) == (Outcome.DELIVERED, fallback)


def test_not_tried() -> None:
    lost = Story(fallback=False).listed(5, dispatch()).looks(5, 20_100).closed(20_200)
    assert lost.judge().fallback is Fallback.OFF
    came = Story().listed(5, dispatch("AD_1", job())).looks(5, 300).agent(240).closed(400)
    assert came.judge().fallback is Fallback.NOT_NEEDED


@pytest.mark.parametrize(
    ("failure", "fallback"),
    [
        ("refused", Fallback.LOST),
        ("throttled", Fallback.UNCLEAR),
        ("unanswered", Fallback.UNCLEAR),
        ("garbled", Fallback.UNCLEAR),
    ],
)
def test_that_could_not_be_made(failure: str, fallback: Fallback) -> None:
    story = Story().listed(5, dispatch()).looks(5, 20_100)
    story.event(20_150, "fallback.failed", error="503", failure=failure)
    assert story.closed(20_200).judge().fallback is fallback
    assert "createDispatch in the same room failed: 503" in story.findings()["dropped"].fact


@pytest.mark.parametrize(
    ("left", "come", "fallback"),
    [
        (2_000, lambda s: s.agent(4_300, "agent-AJ_2"), Fallback.RESCUED),
        (2_000, lambda s: s, Fallback.LOST),
        # it went only afterwards: the fallback was made in haste
        (5_000, lambda s: s.agent(4_300, "agent-AJ_2"), Fallback.NOT_NEEDED),
    ],
)
def test_an_agent_that_came_and_was_gone_by_then(
    left: float, come: Callable[[Story], Story], fallback: Fallback
) -> None:
    story = Story().listed(205, dispatch("AD_1", job())).agent(240).left(left).fallback(4_000)
    second = dispatch("AD_2", job("AJ_2"), created=4_000) if fallback is not Fallback.LOST else dispatch("AD_2")
    story = come(story.listed(4_250, dispatch("AD_1", job()), second))
    judged = story.looks(5, 14_100).closed(14_200).judge()
    assert (judged.outcome, judged.fallback) == (Outcome.DELIVERED, fallback)


def test_after_the_room_was_deleted_nobody_has_seen_what_it_brought() -> None:
    story = Story().listed(205, dispatch("AD_1", job())).agent(240).looks(5, 2_000).closed(2_050).fallback(4_000)
    judged = story.judge()
    assert (judged.outcome, judged.fallback) == (Outcome.DELIVERED, Fallback.UNCLEAR)
