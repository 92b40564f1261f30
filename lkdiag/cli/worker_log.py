"""`--worker-log FILE`: the lines of the worker's log as events, next to the run's own."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import TYPE_CHECKING

from lkdiag.cli.messages import say
from lkdiag.errors import UsageError
from lkdiag.journal.event import Event
from lkdiag.journal.trial_kinds import DispatchListed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from lkdiag.worker_log import TrialKeys

PROGRESS_EVERY_S = 3.0
AROUND_NS = 60 * 1_000_000_000
"""Lines about the worker as a whole count from this long before the run until this long after it."""


def check_worker_log(path: Path | None) -> None:
    """Raises UsageError before anything is run, when there is no such file."""
    if path is not None and os.path.isdir(path):  # Path.is_dir raises for a name that is too long
        raise UsageError(f"{path} is a folder, not a worker's log", "name the file in it that your worker writes")
    if path is not None and not os.path.isfile(path):
        raise UsageError(f"there is no worker's log {path}", "name the file into which your worker's log is written")


class _Progress:
    """Shows how far a large log has been read: silence would look like a hang."""

    def __init__(self) -> None:
        self._shown_at = time.monotonic()

    def __call__(self, read: int, size: int) -> None:
        """`read` of `size` bytes are read."""
        if time.monotonic() - self._shown_at >= PROGRESS_EVERY_S:
            self._shown_at = time.monotonic()
            say(f"reading the worker's log: {read / 1e6:.0f} of {size / 1e6:.0f} MB")


def worker_log_events(
    events: Iterable[Event], path: Path, *, quiet: bool = False, secrets: Collection[str] = ()
) -> tuple[Event, ...]:
    """The log's events for the run and its trials, numbered after the run's own; `quiet`: no progress.

    `secrets`, and whatever looks like one, are removed. `events` are read once. Raises UsageError when the log can't be
    read, or is no worker's log.
    """
    from lkdiag.privacy.secrets import Scrubber
    from lkdiag.worker_log import TrialKeys, events_of, read_worker_log

    keys = TrialKeys({}, {}, {}, {})
    last: dict[int | None, tuple[int, int]] = {}
    first_at_ns = run_last = None
    for event in events:
        first_at_ns = event.at_ns if first_at_ns is None else first_at_ns
        last[event.trial] = event.at_ns, event.mono_ns
        run_last = event
        _note_keys(event, keys)
    assert first_at_ns is not None, "read_journal has seen to it"
    assert run_last is not None, "so has it"
    found = events_of(
        read_worker_log(
            path,
            secrets=secrets,
            zone=datetime.now().astimezone().tzinfo,  # of lines that say none: a dev worker's
            progress=None if quiet else _Progress(),
        ),
        keys,
        from_ns=first_at_ns - AROUND_NS,
        until_ns=run_last.at_ns + AROUND_NS,
    )
    # of two machines' clocks nothing is known: an event of the log stands where its trial ends, and says its own time
    scrubber = Scrubber(secrets)
    return tuple(
        Event(run_last.seq + number, row.KIND, *last[trial], trial, scrubber.value(vars(row)))
        for number, (row, trial) in enumerate(found, start=1)
    )


def _note_keys(event: Event, known: TrialKeys) -> None:
    """Note the names and ids by which a line of the log is assigned to this event's trial."""
    if event.trial is None:
        return
    data = event.data
    listed = data["dispatches"] if event.kind == DispatchListed.KIND else []
    for keys, name in (
        (known.rooms, data.get("room")),
        (known.room_sids, data.get("sid") if event.kind.startswith("room.") else None),
        (known.jobs, data.get("job_id")),
        (known.dispatches, data.get("dispatch_id")),
        *((known.dispatches, item["dispatch_id"]) for item in listed),
        *((known.jobs, job["job_id"]) for item in listed for job in item["jobs"]),
    ):
        if name:
            keys.setdefault(name, event.trial)
