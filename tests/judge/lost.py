"""Trials in which nobody comes, and what they are diagnosed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.contract import Cause

from .story import Story, dispatch, job

if TYPE_CHECKING:
    from lkdiag.judge.causes.diagnosis import Diagnosis

END = 20_100


def lost(*, on_probe: bool = False, fallback: bool = False, until: float = END, **options: Any) -> Story:
    """A trial in which nobody comes; the closing is the test's."""
    return Story(on_probe=on_probe, fallback=fallback, **options).listed(5, dispatch()).looks(5, until)


def diagnosis(story: Story) -> Diagnosis:
    found = story.judge().diagnosis
    assert found is not None
    return found


def causes(story: Story) -> set[Cause]:
    return set(diagnosis(story).causes)


UNSEEN = {
    Cause.NO_WORKER, Cause.WRONG_NAME, Cause.WORKER_FULL, Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE,
    Cause.WORKER_DECLINED, Cause.ASSIGNMENT_LOST, Cause.LOST_BEFORE_WORKER, Cause.WAITS_FOR_PARTICIPANT,
    Cause.WAITS_FOR_TRACK,
}  # fmt: skip
WAITS = {Cause.WAITS_FOR_PARTICIPANT, Cause.WAITS_FOR_TRACK}


def rescued(**more: Any) -> Story:
    """The fallback brings an agent of the same name."""
    story = lost(fallback=True).fallback(20_150)
    story.listed(20_400, dispatch(), dispatch("AD_2", job("AJ_2", started=20_350, **more), created=20_149))
    return story.agent(20_500, "agent-AJ_2").looks(20_200, 20_600).closed(20_700)
