"""A worker's log, as far as it says something about dispatch: its lines, and the time that it covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.worker_log.vocabulary import What


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. None: the line does not say it. Of the line's other fields nothing is kept."""

    number: int
    """In the file, from 1."""
    at_ns: int | None
    """The clock of the worker's machine (Unix, nanoseconds), which may differ from this machine's and the server's."""
    level: str | None
    """debug, info, warning, error or critical, whatever the logger calls it."""
    message: str
    """Its first line, and at a job's end the reason; without secrets, cut to a readable length."""
    what: What
    job_id: str | None = None
    dispatch_id: str | None = None
    room: str | None = None
    room_sid: str | None = None
    agent_name: str | None = None
    worker_id: str | None = None
    """By the line itself, or by its process: then the one under which that process registered last."""
    load: float | None = None
    threshold: float | None = None
    """None also where the worker has none, as in Python's dev mode."""
    error: str | None = None
    """The error's type and message."""


@dataclass(frozen=True)
class WorkerLog:
    """What a log file says."""

    path: Path
    lines: tuple[LogLine, ...]
    """Those that say something about dispatch, and other warnings and errors of a job."""
    total: int
    """Lines in the file, of whatever kind."""
    first_at_ns: int | None
    last_at_ns: int | None
    """Of all lines with a time, not only those in `lines`. Outside of it, the log's silence says nothing."""
    worker_ids: tuple[str, ...]
    """In the order in which they registered."""
    sdks: tuple[str, ...]
    """What wrote it: "python", "node" or both."""
    versions: tuple[str, ...] = ()
    """Of the SDKs, as far as the file shows a worker's start: "livekit-agents 1.8.9"."""
    notes: tuple[str, ...] = ()
    """What is wrong with the file and could be lived with."""

    def covers(self, from_ns: int, until_ns: int) -> bool:
        """Whether the log was being written during all of this time, by its own clock.

        A worker that has nothing to do writes nothing: `until_ns` may be later than the last line although the
        worker was there, so False means "not known to".
        """
        if self.first_at_ns is None or self.last_at_ns is None:
            return False
        return self.first_at_ns <= from_ns and until_ns <= self.last_at_ns
