"""Webhooks of a dispatch trial: missing, late, doubled."""

from __future__ import annotations

from typing import Any

import pytest

from lkdiag.contract import Cause

from .story import MONO_MS, Story, dispatch, job

AGENT = "agent-AJ_1"


def trial(*, until: float = 6_000, ends: float | None = None, **options: Any) -> Story:
    """Delivered, watched until then, and closed; its last event is at `ends`."""
    story = Story(**{"webhooks": "ok", **options}).listed(5, dispatch("AD_1", job())).looks(5, until).agent(240)
    story.call(until + 50, "DeleteRoom")
    return story.event(until + 100 if ends is None else ends, "trial.finished")


def told(story: Story, *, but: str = "") -> Story:
    """Every webhook comes at once, but for one."""
    for at, event in ((10, "room_started"), (245, "participant_joined"), (6_060, "room_finished")):
        if event != but:
            about: dict[str, Any] = {"identity": AGENT} if event == "participant_joined" else {}
            story.webhook(at, event, **about)
    return story


def webhook_findings(story: Story) -> set[str]:
    return {name for name in story.findings() if name.startswith("webhook-")}


def test_all_in_time() -> None:
    assert webhook_findings(told(trial(ends=12_000)).heard(5_000)) == set()


@pytest.mark.parametrize("event", ["room_started", "participant_joined", "room_finished"])
def test_one_that_is_missing(event: str) -> None:
    story = told(trial(ends=12_000), but=event)
    assert webhook_findings(story) == {"webhook-missing"}
    assert event in story.findings()["webhook-missing"].fact
    diagnosis = story.judge().diagnosis
    assert diagnosis is not None
    assert diagnosis.causes == (Cause.WEBHOOK_MISSING, Cause.WEBHOOK_LATE), "it may be on its way still"


@pytest.mark.parametrize(
    "story",
    [
        trial(ends=12_000, webhooks=None),  # nobody asked for any
        told(trial(), but="room_finished"),  # it was not waited for
        told(trial(until=3_000, ends=3_100)),
        told(trial(ends=12_000), but="room_finished").run_event(
            11_900, "lkdiag.stalled", began_mono_ns=int((MONO_MS + 7_000) * 1e6), late_ms=4_000
        ),
        told(trial(ends=12_000), but="room_finished").event(12_001, "trial.interrupted"),
    ],
)
def test_near_misses_of_a_missing_one(story: Story) -> None:
    assert "webhook-missing" not in story.findings()


def test_without_any_the_url_is_asked_about() -> None:
    assert "compare the project's webhook URL" in trial(ends=12_000).findings()["webhook-missing"].hint


@pytest.mark.parametrize(
    ("created", "late"),
    [(2_000, True), (2_499, True), (4_100, False), (5_500, False), (6_000, False)],
)
def test_late_is_what_is_late_for_certain(created: float, late: bool) -> None:
    """Its createdAt says only the second; it comes at 5.6 s."""
    story = told(trial(ends=12_000)).heard(5_000)
    story.webhook(5_600, "track_published", created=created)
    assert ("webhook-late" in story.findings()) is late
    if late:
        assert "came 2.6 s or more" in story.findings()["webhook-late"].fact


def test_late_needs_the_server_s_clock() -> None:
    story = told(trial(ends=12_000, creation=None)).webhook(5_600, "track_published", created=2_000)
    assert "webhook-late" not in story.findings()


def test_lkdiag_s_own_standing_still_makes_none_late_or_doubled() -> None:
    story = told(trial(ends=12_000)).heard(5_000).webhook(5_600, "track_published", created=2_000)
    story.webhook(5_610, "track_published", created=2_000)
    story.run_event(5_590, "lkdiag.stalled", began_mono_ns=int((MONO_MS + 3_000) * 1e6), late_ms=2_500)
    assert webhook_findings(story) == set()


def test_doubled_is_the_same_id() -> None:
    again = told(trial(ends=12_000)).heard(5_000).webhook(300, "participant_joined", identity=AGENT)
    assert "EV_participant_joined) came 2 times" in again.findings()["webhook-doubled"].fact
    other = told(trial(ends=12_000)).heard(5_000).webhook(300, "participant_joined", name="EV_9", identity="b")
    assert webhook_findings(other) == set()


def test_one_that_is_sent_again_holds_up_those_after_it() -> None:
    again = told(trial(ends=12_000)).heard(5_000).webhook(300, "participant_joined", identity=AGENT)
    diagnosis = again.webhook(5_600, "track_published", created=2_000).judge().diagnosis
    assert diagnosis is not None
    assert diagnosis.causes == (Cause.WEBHOOK_DOUBLED, Cause.WEBHOOK_LATE)
