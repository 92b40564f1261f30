"""One entry of a log, of whichever format: the fields under the names that the versions have given them.

The job: Python `job_id` (0.10.1 on; before, `job_request`, the Job as protobuf text); Node `jobId` (1.0.25 on;
before, `job`, the Job as JSON), and `jobID`, `job_id` in a job's own process. The room: Python `room_name` (0.10.1),
`room` and `room_id` (1.3.1 on; `room_id` is the SID); Node `room_id`, the SID, alone: a Node worker logs no room's
name (but as `lk.pii.room_name`, within a job). The worker: `id` when it registers, drains or shuts down. Capacity:
`load` with `threshold` (Python) or `loadThreshold` (Node).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lkdiag.worker_log.line import LogLine
from lkdiag.worker_log.quoting import last_error, quoted
from lkdiag.worker_log.vocabulary import What, job_id_in, what_of, what_of_rtc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.secrecy.scrubber import Scrubber

LONGEST_NAME = 512
"""Characters. A longer id or name is not one: a room's name has 256 at most, by the server's default."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PINO_LEVELS = {10: "debug", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "critical"}
_LEVELS = {"trace": "debug", "dev": "info", "warn": "warning", "fatal": "critical"}
_LEVELS |= {name: name for name in ("debug", "info", "warning", "error", "critical")}
_TEXT_JOB = re.compile(r'\bid: "(AJ_[^"\s]+)"')
_TEXT_DISPATCH = re.compile(r'\bdispatch_id: "(AD_[^"\s]+)"')
_TEXT_ROOM = re.compile(r'\broom \{[^{}]*?\bsid: "([^"]*)"[^{}]*?\bname: "([^"]*)"', re.DOTALL)


@dataclass
class Entry:
    """What the formats have in common, before it is known what of it may be kept."""

    message: str
    level: str | None
    at_ns: int | None
    sdk: str
    """python or node."""
    logger: str | None = None
    """Python's logger."""
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def process(self) -> tuple[str, str]:
        """Which process wrote it, as far as it says so. In a container that is often number 1."""
        return str(self.fields.get("hostname", "")), str(self.fields.get("pid", ""))

    @property
    def by_framework(self) -> bool:
        """False for what the user's own code logs, in Python; in Node it can't be told."""
        return self.logger is None or self.logger.partition(".")[:2] == ("livekit", ".")

    @property
    def by_rtc(self) -> bool:
        """Whether the native client library logs it, which calls things errors that happen at every normal end."""
        return self.logger == "livekit" or self.fields.get("name") == "lk-rtc"


def level_name(level: object) -> str | None:
    """The level in Python's words, in small letters: pino's are numbers, or in its readable output other words."""
    if isinstance(level, int):
        return _PINO_LEVELS.get(level)
    return _LEVELS.get(level.strip().lower()) if isinstance(level, str) else None


def unix_ns(moment: datetime) -> int:
    """A moment with a zone, to the microsecond that it has."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def meaning_of(entry: Entry) -> What:
    """What it says; OTHER for most of what a busy worker writes."""
    if entry.by_rtc:
        return what_of_rtc(_first_line(entry))
    return what_of(_first_line(entry)) if entry.by_framework else What.OTHER


def _first_line(entry: Entry) -> str:
    return entry.message.strip().partition("\n")[0].strip()


def line_of(entry: Entry, what: What, number: int, scrubber: Scrubber) -> LogLine:
    """The line that is kept of an entry that says `what`."""
    message = _first_line(entry)
    fields = entry.fields
    job_id, dispatch_id, room, sid = _job_of(fields)
    named = fields.get("id") if what in _NAMES_WORKER else None
    reason = fields.get("reason")
    if what is What.JOB_ENDED and isinstance(reason, str) and reason:
        message = f"{message}: {reason}"
    return LogLine(
        number=number,
        at_ns=entry.at_ns,
        level=entry.level,
        message=quoted(message, scrubber),
        what=what,
        job_id=job_id or job_id_in(message),
        dispatch_id=_name(dispatch_id),
        room=_name(room),
        room_sid=_name(sid),
        agent_name=_agent_name(fields, what),
        worker_id=_name(named),
        load=_number(fields.get("load")),
        threshold=_number(fields.get("threshold", fields.get("loadThreshold"))),
        error=_error(entry, scrubber),
    )


def versions_of(entry: Entry) -> Iterator[str]:
    """Of the SDKs, in the line of a worker that starts: `livekit-agents 1.8.9`, `livekit 1.1.21`."""
    for package, key in ((_PACKAGES[entry.sdk], "version"), ("livekit", "rtc-version")):
        if version := _name(entry.fields.get(key)):
            yield f"{package} {version}"


_PACKAGES = {"python": "livekit-agents", "node": "@livekit/agents"}
_NAMES_WORKER = frozenset({What.REGISTERED, What.DRAINING, What.SHUTTING_DOWN})


def _job_of(fields: dict[str, Any]) -> tuple[str | None, object, object, object]:
    """The job's id, its dispatch's, its room's name and SID."""
    job_id = next((name for key in ("job_id", "jobId", "jobID") if (name := _name(fields.get(key)))), None)
    room = fields.get("room") or fields.get("room_name") or fields.get("lk.pii.room_name")
    sid, dispatch_id = fields.get("room_id"), fields.get("dispatch_id")
    job = fields.get("job")
    if job_id is None and isinstance(job, dict):
        job_id, dispatch_id = _name(job.get("id")), job.get("dispatchId")
        of_job = job.get("room")
        if isinstance(of_job, dict):
            room, sid = room or of_job.get("name"), sid or of_job.get("sid")
    text = fields.get("job_request")
    if job_id is None and isinstance(text, str):
        if found := _TEXT_JOB.search(text):
            job_id = _name(found[1])
        if found := _TEXT_ROOM.search(text):
            sid, room = sid or found[1], room or found[2]
        if found := _TEXT_DISPATCH.search(text):
            dispatch_id = found[1]
    return job_id, dispatch_id, room, sid


def _error(entry: Entry, scrubber: Scrubber) -> str | None:
    error = entry.fields.get("error", entry.fields.get("err"))
    if isinstance(error, dict):  # pino's serializer of errors
        said = ": ".join(str(error[key]) for key in ("type", "message") if error.get(key))
        return quoted(said, scrubber) or None
    if isinstance(error, str):
        return quoted(error, scrubber) or None
    trace = entry.fields.get("exc_info")
    if not isinstance(trace, str):
        # a job's process sends its lines as formatted texts
        trace = entry.message.partition("\n")[2]
    said = last_error(trace) or ""
    return quoted(said, scrubber) or None


def _agent_name(fields: dict[str, Any], what: What) -> str | None:
    """Empty, where a worker registers without a name: it is one for automatic dispatch. None: it is not said."""
    name = fields.get("agent_name", fields.get("agentName"))
    return "" if name == "" and what is What.REGISTERED else _name(name)


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable() else None


def _number(value: object) -> float | None:
    """Infinite is what Python's dev mode has as its threshold: no threshold, then."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
