"""A whole run: what its verdict, its headline and its figures say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lkdiag.contract import Outcome, Verdict
from lkdiag.errors import JournalError
from lkdiag.journal.event import Event
from lkdiag.report.build import build_report
from lkdiag.report.value import DispatchReport

from .story import MONO_MS, WALL_MS, Story, dispatch, job

HEAD = {
    "schema": "lkdiag.journal/1",
    "run_id": "20260821-142706-7f3a",
    "lkdiag_version": "0",
    "scenario": "dispatch-trial",
    "kind": "dispatch",
    "title": "Does the agent come?",
    "command": "lkdiag dispatch-trial",
    "project_host": "demo.livekit.cloud",
    "sdk": {},
    "python": "3.11",
    "os": "Linux",
}


def report(*stories: Story, count: int | None = None, finished: bool = True, **more: dict[str, Any]) -> DispatchReport:
    """Of a run with these trials; `more` are run events by kind, with `_` for the dot."""
    options = msgspec.to_builtins(stories[0].scenario) if stories else {"agent_name": "my-agent"}
    options["count"] = len(stories) if count is None else count
    times = [event for story in stories for event in story.timeline()]
    times.sort(key=lambda event: event.mono_ns)
    events = [_event(0, "run.started", {**HEAD, "options": options}), *times]
    events += [_event(10**6, kind.replace("_", ".", 1), data) for kind, data in more.items()]
    if finished:
        events.append(_event(10**6 + 1, "run.finished", {}))
    made = build_report(
        Event(seq, event.kind, event.at_ns, event.mono_ns, event.trial, event.data) for seq, event in enumerate(events)
    )
    assert isinstance(made, DispatchReport)
    return made


def _event(at: float, kind: str, data: dict[str, Any]) -> Event:
    return Event(0, kind, int((WALL_MS + at - 1000) * 1e6), int((MONO_MS + at - 1000) * 1e6), None, data)


def came(index: int = 1, *, at: float = 240, listed: bool = True, **options: Any) -> Story:
    story = Story(index=index, **options).listed(5, dispatch("AD_1", *([job()] if listed else [])))
    return story.looks(5, at + 10).agent(at).closed(at + 60)


def lost(index: int = 1, **options: Any) -> Story:
    return Story(index=index, **{"fallback": False, **options}).listed(5, dispatch()).looks(5, 20_100).closed(20_200)


def cut(index: int = 1) -> Story:
    return Story(index=index).listed(5, dispatch()).looks(5, 300)


@pytest.mark.parametrize(
    ("stories", "more", "verdict"),
    [
        ([came()], {}, Verdict.PASS),
        ([came(), lost(2)], {}, Verdict.FAIL),
        ([came(), came(2, at=2500)], {}, Verdict.FAIL),
        ([came(), cut(2)], {}, Verdict.INCONCLUSIVE),
        ([lost(), cut(2)], {}, Verdict.FAIL),
        ([came()], {"count": 2}, Verdict.INCONCLUSIVE),
        ([came()], {"run_aborted": {"reason": "gone"}}, Verdict.INCONCLUSIVE),
        ([], {"count": 1}, Verdict.INCONCLUSIVE),
        ([lost(0), came()], {"count": 1}, Verdict.PASS),  # a warm-up does not count
        ([came()], {"room_left_over": {"room": "r", "sid": "RM_1", "participants": []}}, Verdict.FAIL),
    ],
)
def test_the_run_s_verdict(stories: list[Story], more: dict[str, Any], verdict: Verdict) -> None:
    assert report(*stories, **more).verdict is verdict


@pytest.mark.parametrize(
    ("stories", "more", "headline"),
    [
        ([came()], {}, "All 1 dispatches were delivered, after 0.24 s in the median, and the dispatch list said so."),
        (
            [came(listed=False, settle_s=1)],
            {},
            "All 1 dispatches were delivered, after 0.24 s in the median; 1 had no job listed by the end.",
        ),
        ([came(), lost(2)], {}, "Of 2 dispatches 1 delivered, 1 dropped."),
        ([cut()], {"finished": False, "count": 3}, "Of 1 dispatches 1 inconclusive. The run was killed after 1 of 3"),
        ([], {"count": 3, "run_aborted": {"reason": "x"}}, "No trial was carried out, so there is nothing to judge."),
    ],
)
def test_the_headline_says_no_more_than_is_known(stories: list[Story], more: dict[str, Any], headline: str) -> None:
    assert report(*stories, **more).headline.startswith(headline)


def test_figures_are_of_what_they_say() -> None:
    rescued = Story(index=3).listed(5, dispatch()).fallback(20_200).agent(20_500, "agent-AJ_2")
    rescued.listed(20_400, dispatch(), dispatch("AD_2", job("AJ_2"), created=20_200)).looks(5, 20_510).closed(20_600)
    summary = report(came(), lost(2, fallback=True), rescued, cut(4)).summary
    assert summary.trials == 4
    assert summary.outcomes == {"delivered": 1, "delayed": 0, "dropped": 2, "error": 0, "inconclusive": 1}
    assert (summary.lost_rate.count, summary.lost_rate.of) == (2, 3)
    assert summary.latency_ms.count == 1
    assert summary.rescued == 1


def test_stages_of_local_clocks_are_left_out_where_the_clock_is_not_known() -> None:
    story = Story(on_probe=True).listed(5, dispatch("AD_1", job())).probe(200, "offered").probe(201, "accepted")
    story.probe(202, "assigned").looks(5, 250).agent(240).closed(300)
    known = report(story).trials[0]
    assert known.stages_ms["offered"] == pytest.approx(200, abs=3)
    story.heard(100, server_ahead=9000)  # the server's clock was set in between
    unknown = report(story).trials[0]
    assert (known.outcome, unknown.outcome) == (Outcome.DELIVERED, Outcome.DELIVERED)
    assert set(known.stages_ms) - set(unknown.stages_ms) == {"offered", "accepted", "assigned", "active"}
    assert unknown.latency_ms == 240


def test_the_clock_s_offset_is_given_against_the_wall_clock() -> None:
    story = came().heard(100, server_ahead=1500)
    story.events = [entry for entry in story.events if entry[2].kind != "room.created"]
    offset_ms = report(story).environment.clock_offset_ms
    assert offset_ms is not None
    assert offset_ms == pytest.approx(1500, abs=2)


def test_a_scenario_of_another_version_is_an_error_in_one_line() -> None:
    head = Event(0, "run.started", 0, 0, None, {**HEAD, "options": {"count": "many"}})
    with pytest.raises(JournalError, match="scenario can't be read"):
        build_report([head])
