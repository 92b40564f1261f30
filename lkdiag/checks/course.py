"""How a trial went, whatever it is about: that it began, and whether it went to its end."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.timeline import Event, Timeline


class Course:
    """A base for a trial's facts."""

    timeline: Timeline
    """What is judged."""

    @cached_property
    def started(self) -> Event:
        """How the trial began."""
        event = self.timeline.first("trial.started")
        assert event is not None, "a trial's timeline begins with trial.started"
        return event

    @property
    def finished(self) -> bool:
        """Whether it went to its end: not interrupted, not killed."""
        return self.timeline.first("trial.finished") is not None and not self.timeline.of("trial.interrupted")

    @cached_property
    def failure(self) -> Event | None:
        """Why it could not be carried out, if so."""
        return self.timeline.first("trial.failed", "room.reused", "trial.crashed")
