"""A trial's events in plain words, line by line, each in the lane of who it is about."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from lkdiag.journal.worker_kinds import WorkerLogLine
from lkdiag.report.value import TimelineLine
from lkdiag.text import utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.journal.event import Event
    from lkdiag.journal.timeline import Timeline


def story(trial: Timeline, stalls: Iterable[Event]) -> tuple[TimelineLine, ...]:
    """The story of a trial. API calls are told where they failed or changed something; looks only where they failed.

    A worker's log is read later; its lines stand where their own clock puts them.
    """
    events = sorted((*trial, *stalls), key=lambda event: event.seq)
    if not events:
        return ()
    began = next(iter(trial))
    lines = []
    for event in events:
        told = _tell(event)
        if told is not None:
            at_ns, since_ns = event.at_ns, event.mono_ns - began.mono_ns
            if isinstance(row := event.row, WorkerLogLine) and row.at_ns is not None:
                at_ns = row.at_ns
                since_ns = at_ns - began.at_ns
            lines.append((since_ns, TimelineLine(utc(at_ns), round(since_ns / 1e6, 1), *told)))
    return tuple(line for _, line in sorted(lines, key=lambda item: item[0]))


def between(events: Sequence[Event], from_ns: int, until_ns: int) -> Sequence[Event]:
    """Those of that time, ends included, of many that stand in the order of the monotonic clock."""
    first = bisect_left(events, from_ns, key=_mono_ns)
    return events[first : bisect_right(events, until_ns, lo=first, key=_mono_ns)]


def _mono_ns(event: Event) -> int:
    return event.mono_ns


def _tell(event: Event) -> tuple[str, str] | None:
    row = event.row
    words = type(row).words(row)  # a foreign event may have a field of that name
    return None if words is None else (type(row).LANE.value, words or event.kind)
