"""lkdiag's own load: what it may have delayed is nobody else's fault, and what it can't have delayed still is."""

from __future__ import annotations

from typing import Any

import pytest

from lkdiag.contract import Fallback, Outcome
from lkdiag.facts.samples import is_here
from lkdiag.journal.row import row_of
from lkdiag.journal.run_kinds import RunStarted

from .story import MONO_MS, Story, dispatch, job

SHARED, REMOTE = "private livekit-server", "voice.livekit.cloud"


def sampled(story: Story, start: float, end: float, **data: Any) -> Story:
    """A sample for each second: processors taken all the time, and lkdiag's threads waiting, but for the changes."""
    at = start
    while at < end:
        fields = {"lags_ms": [0.5] * 20, "cores": 2, "busy_ms": 1000.0, "waited_ms": 3000.0, **data}
        story.run_event(at + 1000, "lkdiag.sampled", began_mono_ns=int((MONO_MS + at) * 1e6), **fields)
        at += 1000
    return story


def on(host: str, story: Story) -> Story:
    """A run on a server that is there."""
    return story.run_event(-1000, "run.started", project_host=host)


def late(*, joining: float = 240, joined: float = 3000, offered: float = 210) -> Story:
    """An agent of the probe's: assigned at once after the offer, then it joins."""
    story = Story(on_probe=True).listed(150, dispatch()).looks(150, joined + 200)
    story.probe(offered, "offered").probe(offered + 5, "accepted").probe(offered + 15, "assigned")
    story.probe(joining, "joining").agent(joined + 50, joined=joined)
    return story.listed(joined + 60, dispatch("AD_1", job())).looks(joined + 250, joined + 6500).closed(joined + 6600)


class TestLate:
    def test_on_a_machine_with_time_to_spare_it_is_late(self) -> None:
        assert sampled(on(SHARED, late()), 0, 4000, busy_ms=0.0).judge().outcome is Outcome.DELAYED

    @pytest.mark.parametrize("host", [SHARED, REMOTE])
    def test_a_join_for_which_no_processor_was_free(self, host: str) -> None:
        judged = sampled(on(host, late()), 0, 4000).judge()
        assert judged.outcome is Outcome.INCONCLUSIVE
        assert "processors were taken" in judged.reason

    @pytest.mark.parametrize(
        ("lags_ms", "outcome"),
        [([190.0] * 4 + [0.5] * 4, Outcome.INCONCLUSIVE), ([0.5] * 14 + [190.0] * 2, Outcome.DELAYED)],
    )
    def test_a_lag_counts_where_it_was(self, lags_ms: list[float], outcome: Outcome) -> None:
        """The agent joined late, at 0.3 s of this second; the loop was late before that, or only afterwards."""
        story = sampled(late(joining=1900, joined=2300), 0, 2000, busy_ms=0.0)
        assert sampled(story, 2000, 3000, busy_ms=0.0, lags_ms=lags_ms).judge().outcome is outcome

    def test_others_may_take_the_processors_without_harm(self) -> None:
        assert sampled(on(SHARED, late()), 0, 4000, waited_ms=100.0).judge().outcome is Outcome.DELAYED

    def test_what_the_worker_waits_on_purpose_is_no_matter_of_load(self) -> None:
        assert sampled(on(REMOTE, late(joining=2800)), 0, 4000).judge().outcome is Outcome.DELAYED

    @pytest.mark.parametrize(("host", "outcome"), [(SHARED, Outcome.INCONCLUSIVE), (REMOTE, Outcome.DELAYED)])
    def test_a_late_offer_may_be_the_load_where_the_server_shares_the_machine(
        self, host: str, outcome: Outcome
    ) -> None:
        story = late(offered=2800, joining=2820, joined=2900)
        assert sampled(on(host, story), 0, 4000).judge().outcome is outcome

    @pytest.mark.parametrize(
        ("sets_out", "outcome"), [(6000, Outcome.DELAYED), (500, Outcome.INCONCLUSIVE)], ids=["late", "for long"]
    )
    @pytest.mark.parametrize(("type_", "what"), [("JT_PUBLISHER", "track_published"), ("JT_PARTICIPANT", "joined")])
    def test_nobody_joined_whom_the_job_waits_for(
        self, type_: str, what: str, sets_out: float, outcome: Outcome
    ) -> None:
        """He sets out late by the scenario's will, or takes so long to come that it may be the load."""
        story = Story(on_probe=True).listed(150, dispatch()).looks(150, 6700)
        story.event(sets_out, "talker.joining").event(6100, f"talker.{what}")
        story.probe(6310, "offered").probe(6315, "accepted").probe(6320, "assigned").probe(6325, "joining")
        story.agent(6450, joined=6400).listed(6460, dispatch("AD_1", job(type=type_)))
        story.looks(6800, 12_000).closed(12_100)
        assert sampled(on(SHARED, story), 0, 13_000).judge().outcome is outcome

    def test_many_small_lags_add_up(self) -> None:
        story = late(joining=2100, joined=2250)
        assert sampled(on(REMOTE, story), 0, 3000, busy_ms=0.0, lags_ms=[60.0] * 8).judge().outcome is (
            Outcome.INCONCLUSIVE
        )

    @pytest.mark.parametrize(("host", "outcome"), [(SHARED, Outcome.INCONCLUSIVE), (REMOTE, Outcome.DELAYED)])
    def test_somebody_elses_worker(self, host: str, outcome: Outcome) -> None:
        story = Story().listed(150, dispatch()).looks(150, 3100).agent(3050, joined=3000)
        story.listed(3060, dispatch("AD_1", job())).looks(3300, 9500).closed(9600)
        assert sampled(on(host, story), 0, 4000).judge().outcome is outcome


class TestLost:
    @staticmethod
    def lost(host: str, *events: str) -> Story:
        story = on(host, Story(on_probe=True)).listed(150, dispatch()).looks(150, 20_100)
        for number, what in enumerate(events):
            story.probe(210 + 5 * number, what)
        return story.heard(20_150).closed(20_300)

    @pytest.mark.parametrize(("host", "outcome"), [(SHARED, Outcome.INCONCLUSIVE), (REMOTE, Outcome.DROPPED)])
    def test_no_offer_from_a_server_that_had_no_processor(self, host: str, outcome: Outcome) -> None:
        assert sampled(self.lost(host), 0, 3000).judge().outcome is outcome

    def test_a_load_that_came_later(self) -> None:
        assert sampled(self.lost(SHARED), 8000, 12_000).judge().outcome is Outcome.DROPPED

    def test_an_offer_that_the_worker_never_answered(self) -> None:
        assert sampled(self.lost(SHARED, "offered"), 0, 3000).judge().outcome is Outcome.DROPPED

    def test_a_worker_that_took_the_job_and_never_came(self) -> None:
        story = self.lost(SHARED, "offered", "accepted", "assigned")
        assert sampled(story, 0, 3000).judge().outcome is Outcome.DROPPED

    def test_a_loop_that_was_late_all_the_time(self) -> None:
        story = sampled(self.lost(REMOTE, "offered"), 0, 20_000, busy_ms=0.0, lags_ms=[150.0] * 5)
        assert story.judge().outcome is Outcome.INCONCLUSIVE

    @pytest.mark.parametrize(
        ("lag_ms", "outcome"), [(0.5, Outcome.DROPPED), (40.0, Outcome.DROPPED), (190.0, Outcome.INCONCLUSIVE)]
    )
    def test_a_yes_that_came_after_the_server_had_given_up(self, lag_ms: float, outcome: Outcome) -> None:
        """A burst at the beginning of a long trial: no stall, and a small share of it."""
        story = self.lost(REMOTE).probe(2900, "offered").probe(3300, "accepted")
        late = sampled(story, 0, 3000, busy_ms=0.0, lags_ms=[lag_ms] * 5)
        assert sampled(late, 3000, 20_000, busy_ms=0.0).judge().outcome is outcome


class TestLostFallback:
    """The fallback was made at 20.2 s, and nobody came for 10 s: the same rules as for the dispatch before it."""

    @staticmethod
    def lost(host: str) -> Story:
        story = on(host, Story(on_probe=True)).listed(150, dispatch()).looks(150, 20_100).fallback(20_200)
        story.listed(20_210, dispatch(), dispatch("AD_2", created=20_200)).looks(20_300, 30_300)
        return story.heard(20_150).heard(30_250).closed(30_400)

    @pytest.mark.parametrize(
        ("host", "busy_from", "fallback"),
        [(SHARED, 20_000, Fallback.UNCLEAR), (REMOTE, 20_000, Fallback.LOST), (SHARED, 26_000, Fallback.LOST)],
    )
    def test_no_offer_from_a_server_that_had_no_processor(
        self, host: str, busy_from: float, fallback: Fallback
    ) -> None:
        judged = sampled(self.lost(host), busy_from, busy_from + 3000).judge()
        assert (judged.outcome, judged.fallback) == (Outcome.DROPPED, fallback)

    @pytest.mark.parametrize(
        ("lag_ms", "fallback"), [(0.5, Fallback.LOST), (40.0, Fallback.LOST), (190.0, Fallback.UNCLEAR)]
    )
    def test_a_yes_that_came_after_the_server_had_given_up(self, lag_ms: float, fallback: Fallback) -> None:
        story = self.lost(REMOTE).probe(23_000, "offered", "AJ_2", "AD_2").probe(23_400, "accepted", "AJ_2", "AD_2")
        late = sampled(story, 20_000, 24_000, busy_ms=0.0, lags_ms=[lag_ms] * 5)
        judged = late.judge()
        assert (judged.outcome, judged.fallback) == (Outcome.DROPPED, fallback)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1:7880", True), ("localhost", True), ("localhost:7880", True), ("[::1]:7880", True),
        ("private livekit-server", True), ("localhost.example", False), ("127.example", False),
        ("127.0.0.1.example:443", False), ("my.livekit.cloud", False), ("", False),
    ],
)  # fmt: skip
def test_only_a_loopback_address_is_this_machine(host: str, here: bool) -> None:
    row = row_of("run.started", {"project_host": host})
    assert isinstance(row, RunStarted)
    assert is_here(row) is here
