"""Turns what is seen into events, and hands each to the sink at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lkdiag.privacy.secrets import Scrubber
from lkdiag.timeline.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable


class Recorder:
    """Numbers and stamps events, and takes secrets out of them, whoever sent the text.

    The clocks come from outside, so that tests can hold them still.
    """

    def __init__(
        self, *sinks: Callable[[Event], object], wall_ns: Callable[[], int], mono_ns: Callable[[], int]
    ) -> None:
        self._sinks = sinks
        self._wall_ns = wall_ns
        self._mono_ns = mono_ns
        self._seq = 0
        self._scrubber = Scrubber()

    def hide(self, secret: str) -> None:
        """Take this secret out of every event from now on, beside whatever looks like one."""
        self._scrubber.hide(secret)

    def record(self, kind: str, trial: int | None = None, /, **data: Any) -> Event:
        """Write an event down now. `data` must be JSON; keys with the value None are left out."""
        kept = {key: value for key, value in data.items() if value is not None}
        at_ns, mono_ns = self._wall_ns(), self._mono_ns()
        event = Event(self._seq, kind, at_ns, mono_ns, trial, self._scrubber.value(kept))
        self._seq += 1
        for sink in self._sinks:
            sink(event)
        return event

    def adopt(self, event: Event, trial: int | None) -> Event:
        """Write down an event of another journal: with its own times, with this one's number, as that trial's."""
        adopted = replace(event, seq=self._seq, trial=trial)
        self._seq += 1
        for sink in self._sinks:
            sink(adopted)
        return adopted

    def now_mono_ns(self) -> int:
        """This recorder's monotonic clock, in nanoseconds."""
        return self._mono_ns()

    def now_wall_ns(self) -> int:
        """This recorder's wall clock, in nanoseconds since 1970."""
        return self._wall_ns()

    def for_trial(self, trial: int | None) -> TrialRecorder:
        """The same recorder, with every event marked as that trial's (None: the run's own)."""
        return TrialRecorder(self, trial)


class TrialRecorder:
    """A recorder whose events all belong to one trial, or to the run as a whole."""

    def __init__(self, recorder: Recorder, trial: int | None) -> None:
        self.run = recorder
        self.trial = trial

    def record(self, kind: str, /, **data: Any) -> Event:
        """As `Recorder.record`, for this trial."""
        return self.run.record(kind, self.trial, **data)
