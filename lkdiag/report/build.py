"""From a journal's events to a report. Pure: the same events give the same report, now and in ten years."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.errors import JournalError
from lkdiag.report.dispatch import build_dispatch
from lkdiag.report.teardown import build_teardown
from lkdiag.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lkdiag.report.value import Report
    from lkdiag.timeline import Event

BUILDERS: dict[str, Callable[[Timeline, Event, Sequence[str]], Report]] = {
    "dispatch": build_dispatch,
    "teardown": build_teardown,
}
"""By the scenario's kind in `run.started`."""


def build_report(events: Iterable[Event], notes: Sequence[str] = ()) -> Report:
    """Judge a run. Raises JournalError when its scenario is unknown or can't be read."""
    timeline = Timeline(events)
    started = timeline.first("run.started")
    assert started is not None, "read_journal has seen to it"
    builder = BUILDERS.get(started.data.get("kind", ""))
    if builder is None:
        raise JournalError(
            f"the journal's scenario is of an unknown kind: {started.data.get('kind')!r}",
            "was it written by another version?",
        )
    return builder(timeline, started, notes)
