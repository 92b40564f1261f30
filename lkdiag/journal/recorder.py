"""Turns what is seen into events, and hands each to the sink at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.journal.event import Event
from lkdiag.privacy.secrets import Scrubber

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.journal.row import Row


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

    def record(self, row: Row, trial: int | None = None) -> Event:
        """Write an event down now. What the row has must be JSON. Raises TypeError where its kind is not declared."""
        kind = type(row).KIND  # a row of another process's has whatever fields that one has sent
        if not kind:
            raise TypeError(f"{type(row).__name__} is no kind of event")
        at_ns, mono_ns = self._wall_ns(), self._mono_ns()
        event: Event = Event(self._seq, kind, at_ns, mono_ns, trial, self._scrubber.value(row.__dict__))
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

    def record(self, row: Row) -> Event:
        """As `Recorder.record`, for this trial."""
        return self.run.record(row, self.trial)
