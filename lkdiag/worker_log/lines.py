"""What a worker's log says, in one vocabulary for all SDK versions: its lines, and what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lkdiag.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.privacy.secrets import Scrubber


class What(StrEnum):
    """What happened, in a worker's own words.

    Read in the sources of Python livekit-agents 0.8.0, 0.12.20, 1.0.21, 1.7.0 and 1.8.9 (livekit/agents/worker.py and,
    in its folder ipc: supervised_proc, job_proc_executor, job_proc_lazy_main, job_thread_executor, proc_main,
    proc_pool), and of Node @livekit/agents 0.1.0, 0.7.9, 1.2.3, 1.7.0 and 1.9.0 (agents/src: worker.ts,
    job_lifecycle.ts and, in ipc: job_process.ts, supervised_proc.ts, job_proc_lazy_main.ts). Where the words have
    changed, all of them are here; what has changed more often are the fields (`entry.py`).

    A worker that is full says so once, when it changes, at a measurement every 2.5 s. A Python worker that is asked for
    a job measures its load again, counts an accepted job that has not begun as load too (threshold / num_idle_processes
    where it has none at work), and answers "not available" without a line (1.8.9 worker.py, `_answer_availability`,
    `_get_effective_load`): "received job request" is logged behind that check, so a log without it does not prove that
    nobody asked, whatever state the worker said it was in. A Node worker logs it before any check of its own (1.9.0
    worker.ts, `#availability`).
    """

    STARTING = "starting"
    REGISTERED = "registered"
    DISCONNECTED = "disconnected"
    """It lost the server, or can't reach it, and tries again."""
    FULL = "full"
    AVAILABLE_AGAIN = "available-again"
    DRAINING = "draining"
    """It finishes its jobs and takes no more. Node logs this with the log level "debug" only (since 1.0)."""
    SHUTTING_DOWN = "shutting-down"
    """As for draining: in Node with "debug" only."""
    FAILED = "failed"
    """The worker as a whole ended by an error."""

    RECEIVED_REQUEST = "received-request"
    REJECTED = "rejected"
    """By the framework: no answer from the user's function (Python), that function failed (Node), or the worker drains.
    A rejection by the user's own function is not logged."""
    UNANSWERED = "unanswered"
    """The user's function ended without an answer. Node says that it rejects then, and sends nothing: the server hears
    of no answer (0.7.9 to 1.9.0, worker.ts `#availability`; Python does reject, worker.py `_job_request_task`)."""
    REQUEST_FAILED = "request-failed"
    """The user's function failed (Python). Where it had not answered, `REJECTED` follows; else it says nothing of the
    answer: one that accepts fails also when the assignment does not come."""
    ACCEPTED = "accepted"
    """The server has assigned the job ("debug" only, Python only)."""
    ASSIGNMENT_LOST = "assignment-lost"
    """The worker accepted, and the server's assignment did not come within 7.5 s (15 s in Node 0.1), or came after."""
    NO_IDLE_PROCESS = "no-idle-process"
    """The job waits for a process to start: a cold start."""
    LAUNCH_FAILED = "launch-failed"

    PROCESS_STARTED = "process-started"
    PROCESS_INITIALIZED = "process-initialized"
    PROCESS_FAILED = "process-failed"
    """It could not be initialized, hangs, died, or was killed."""
    JOB_STARTED = "job-started"
    """The process calls the user's entrypoint (Node, "debug" only)."""
    JOIN_FAILED = "join-failed"
    """The job's client could not connect to the room, and tries again."""
    NOT_CONNECTED = "not-connected"
    """The entrypoint has run for 10 s and has not joined the room."""
    ENTRYPOINT_CRASHED = "entrypoint-crashed"
    JOB_ENDED = "job-ended"

    OTHER = "other"


ABOUT_THE_WORKER = frozenset({
    What.STARTING, What.REGISTERED, What.DISCONNECTED, What.FULL, What.AVAILABLE_AGAIN, What.DRAINING,
    What.SHUTTING_DOWN, What.FAILED,
})  # fmt: skip
"""What decides over every job, and belongs to none."""

MAY_LACK_A_JOB = frozenset({
    What.REJECTED, What.REQUEST_FAILED, What.ASSIGNMENT_LOST, What.LAUNCH_FAILED, What.PROCESS_FAILED,
    What.NOT_CONNECTED, What.ENTRYPOINT_CRASHED,
})  # fmt: skip
"""Failures that some versions log without saying of which job: Python with job_executor_type THREAD names none in a
job's own lines, and its "no answer was given" shows the request as an object's address."""

_EXACT = {
    "starting worker": What.STARTING,
    "registered worker": What.REGISTERED,
    "worker connection closed unexpectedly": What.DISCONNECTED,
    "worker is at full capacity, marking as unavailable": What.FULL,
    "worker is below capacity, marking as available": What.AVAILABLE_AGAIN,
    "draining worker": What.DRAINING,
    "shutting down worker": What.SHUTTING_DOWN,
    "worker failed": What.FAILED,
    "closing worker due to error.": What.FAILED,
    "received job request": What.RECEIVED_REQUEST,
    "Worker is draining and no longer available, rejecting job": What.REJECTED,
    "job_request_fnc failed": What.REQUEST_FAILED,
    "jobRequestFunc failed": What.REJECTED,
    "received assignment": What.ACCEPTED,
    "pending assignment not found": What.ASSIGNMENT_LOST,
    "no warmed process available for job, waiting for one to be created": What.NO_IDLE_PROCESS,
    "error launching job": What.LAUNCH_FAILED,
    "initializing process": What.PROCESS_STARTED,
    "initializing job process": What.PROCESS_STARTED,
    "initializing job runner": What.PROCESS_STARTED,
    "process initialized": What.PROCESS_INITIALIZED,
    "job process initialized": What.PROCESS_INITIALIZED,
    "job runner initialized": What.PROCESS_INITIALIZED,
    "error initializing process": What.PROCESS_FAILED,
    "supervised process run failed": What.PROCESS_FAILED,
    "job is unresponsive": What.PROCESS_FAILED,
    "job started": What.JOB_STARTED,
    "unhandled exception while running the job task": What.ENTRYPOINT_CRASHED,
    "error in entry function": What.ENTRYPOINT_CRASHED,
    "process exiting": What.JOB_ENDED,
    "job exiting": What.JOB_ENDED,
}

_BEGINNINGS = (
    ("failed to connect to livekit, retrying in ", What.DISCONNECTED),
    ("failed to connect to LiveKit server", What.DISCONNECTED),
    ("no answer was given inside the job_request_fnc", What.REJECTED),
    ("no answer was given inside the jobRequestFunc", What.UNANSWERED),
    ("received assignment for an unknown job", What.ASSIGNMENT_LOST),
    ("received assignment for unknown job", What.ASSIGNMENT_LOST),
    ("failed to acquire process for job", What.LAUNCH_FAILED),
    ("failed to launch job on process", What.LAUNCH_FAILED),
    ("process exited with non-zero exit code", What.PROCESS_FAILED),
    ("job process exited with non-zero exit code", What.PROCESS_FAILED),
    ("job process exited unexpectedly", What.PROCESS_FAILED),
    ("process is unresponsive, killing process", What.PROCESS_FAILED),
    ("job is unresponsive, killing job", What.PROCESS_FAILED),
    ("job process exceeded memory limit", What.PROCESS_FAILED),
    ("process exceeded memory limit", What.PROCESS_FAILED),
    ("The room connection was not established within 10 seconds", What.NOT_CONNECTED),
    ("room not connect after job_entry was called", What.NOT_CONNECTED),
)

_RTC_RETRIES = re.compile(r"failed to connect: .*retrying\.\.\. \(\d+/\d+\)")
_ASSIGNMENT_TIMED_OUT = re.compile(r"assignment for job (\S+) timed out")
_UNKNOWN_JOB = re.compile(r"received assignment for unknown job (\S+)")


def what_of(message: str) -> What:
    """What a message says; the first line of one, as later lines are a traceback."""
    known = _EXACT.get(message)
    if known is not None:
        return known
    if _ASSIGNMENT_TIMED_OUT.match(message):
        return What.ASSIGNMENT_LOST
    return next((what for beginning, what in _BEGINNINGS if message.startswith(beginning)), What.OTHER)


def what_of_rtc(message: str) -> What:
    """What a message of the native client library says (rust-sdks, livekit/src/rtc_engine/mod.rs)."""
    return What.JOIN_FAILED if _RTC_RETRIES.search(message) else What.OTHER


def job_id_in(message: str) -> str | None:
    """The job's id, where only the message has it."""
    match = _ASSIGNMENT_TIMED_OUT.match(message) or _UNKNOWN_JOB.match(message)
    return match[1] if match else None


# A worker's log, as far as it says something about dispatch: its lines, and the time that it covers.


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


# What of a log's free text may be passed on: one line, without secrets, of a readable length.

LONGEST = 300
"""Characters. What workers log of themselves has fewer than 250."""
LOOKED_AT = 8_000
"""Characters: enough to find the end of a token that begins among those that are kept."""

_TRACEBACK_FRAME = re.compile(r"\s+File \"")


def quoted(text: str, scrubber: Scrubber) -> str:
    """The first line of `text`, fit to be shown and kept."""
    line = scrubber.text(text[:LOOKED_AT].strip()).partition("\n")[0].strip()
    line = printable(line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def last_error(traceback: str) -> str | None:
    """The line of a Python traceback that names the error; the error that was raised last, if one led to another."""
    lines = traceback.rstrip().split("\n")
    frames = [index for index, line in enumerate(lines) if _TRACEBACK_FRAME.match(line)]
    after = lines[frames[-1] + 1 :] if frames else lines[-1:]
    return next((line for line in after if line and not line[0].isspace()), None)
