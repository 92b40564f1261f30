"""From a journal's events to a report. Pure: the same events give the same report, now and in ten years."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lkdiag.errors import JournalError
from lkdiag.journal.run_kinds import RunStarted
from lkdiag.report.dispatch import build_dispatch
from lkdiag.report.packed import PLAIN
from lkdiag.report.teardown import build_teardown
from lkdiag.report.watch import build_watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lkdiag.journal.event import Event
    from lkdiag.report.value import Report

BUILDERS: dict[str, Callable[..., Report]] = {
    "dispatch": build_dispatch,
    "teardown": build_teardown,
    "watch": build_watch,
}
"""By the scenario's kind in `run.started`; each takes (events, started, notes, *, plain)."""


def build_report(events: Iterable[Event], notes: Sequence[str] = (), *, plain: int = PLAIN) -> Report:
    """Judge a run. Raises JournalError when its scenario is unknown or can't be read.

    The events are read twice. Of a run of more than `plain` trials the report's trials are kept packed, and are made
    anew whenever they are iterated over.
    """
    events = tuple(events) if isinstance(events, Iterator) else events
    started = next((event for event in events if isinstance(event.row, RunStarted)), None)
    assert started is not None, "read_journal has seen to it"
    builder = BUILDERS.get(started.data.get("kind", ""))
    if builder is None:
        raise JournalError(
            f"the journal's scenario is of an unknown kind: {started.data.get('kind')!r}",
            "was it written by another version?",
        )
    return builder(events, started, notes, plain=plain)
