"""The formats of a worker's log: JSON of production mode, coloured lines of development mode, and their fields."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lkdiag.worker_log.lines import LogLine, What, job_id_in, last_error, quoted, what_of, what_of_rtc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from lkdiag.privacy.secrets import Scrubber


# One entry of a log, of whichever format: the fields under the names that the versions have given them.
#
# The job: Python `job_id` (0.10.1 on; before, `job_request`, the Job as protobuf text); Node `jobId` (1.0.25 on;
# before, `job`, the Job as JSON), and `jobID`, `job_id` in a job's own process. The room: Python `room_name` (0.10.1),
# `room` and `room_id` (1.3.1 on; `room_id` is the SID); Node `room_id`, the SID, alone: a Node worker logs no room's
# name (but as `lk.pii.room_name`, within a job). The worker: `id` when it registers, drains or shuts down. Capacity:
# `load` with `threshold` (Python) or `loadThreshold` (Node).

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


# The coloured lines for people that a worker prints in development mode (`dev`), and what follows them.
#
# Python (livekit/agents/cli/log.py, ColoredFormatter): "2026-08-22 10:00:00,123 - INFO livekit.agents - message
# {json}", local time without a zone, or (console mode, `lk agent dev`) "10:00:00 INFO livekit.agents message {json}"; a
# traceback below it. Node (pino-pretty): "[10:00:00.123] INFO (pid): message", and each field on a line of its own
# below it.

MOST_FOLLOWING = 400
"""Lines below an entry that are looked at: a traceback is shorter, a dump of data may go on for ever."""

LONGEST_BEGINNING = 400
"""Characters of a line among which an entry begins: other programs may have put their names before it."""
MOST_TRIES = 20
"""Places in a message at which its fields may begin."""

_LEVEL = r"(?P<level>TRACE|DEBUG|DEV|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)"
_PYTHON = re.compile(rf"(?P<time>\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}}) - {_LEVEL}\s+(?P<logger>\S+) - ")
_PYTHON_SHORT = re.compile(rf"\d\d:\d\d:\d\d {_LEVEL}\s+(?P<logger>[\w.-]+) ")
_PINO = re.compile(rf"\[[^\]]*\d\d:\d\d:\d\d[^\]]*\] {_LEVEL}(?: \((?P<process>[^)]*)\))?: ")
_PINO_FIELD = re.compile(r" {4}(?P<key>[\w.]+): (?P<value>.*)")
_PINO_ERROR = re.compile(r'^ {6}"(?P<key>type|message)": (?P<value>"(?:[^"\\]|\\.)*")', re.MULTILINE)


def entry_of_text(text: str, zone: tzinfo | None) -> Entry | None:
    """None: no entry begins on this line. Without a zone, and where the line has no date, its time is not known."""
    beginning = text[:LONGEST_BEGINNING]
    if match := _PYTHON.search(beginning) or _PYTHON_SHORT.match(beginning):
        at_ns = _local_time(match["time"], zone) if match.re is _PYTHON else None
        message, fields = _split(text[match.end() :])
        return Entry(message, level_name(match["level"]), at_ns, "python", match["logger"], fields)
    if match := _PINO.search(beginning):
        message, fields = _split(text[match.end() :])
        if pid := re.search(r"\d+", match["process"] or ""):
            fields["pid"] = pid[0]
        return Entry(message, level_name(match["level"]), None, "node", None, fields)
    return None


def add_following(entry: Entry, following: list[str]) -> None:
    """What the lines below an entry add to it."""
    if entry.sdk == "node":
        for line in following:
            if match := _PINO_FIELD.fullmatch(line):
                entry.fields.setdefault(match["key"], _value(match["value"]))
        error = {match["key"]: _value(match["value"]) for match in _PINO_ERROR.finditer("\n".join(following))}
        if error and any(line.startswith(("    error: {", "    err: {")) for line in following):
            entry.fields["error"] = error
    elif entry.level in {"error", "critical"} and any(line.startswith("Traceback (most") for line in following):
        entry.fields.setdefault("exc_info", "\n".join(following))


def _split(text: str) -> tuple[str, dict[str, Any]]:
    """A message, and the fields in JSON behind it."""
    text = text.rstrip()
    start = -1
    for _ in range(MOST_TRIES if text.endswith("}") else 0):
        start = text.find(' {"', start + 1)
        if start < 0:
            break
        fields = _value(text[start + 1 :])
        if isinstance(fields, dict):
            return text[:start], fields
    return text, {}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _local_time(text: str, zone: tzinfo | None) -> int | None:
    if zone is None:
        return None
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f")
        return unix_ns(moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


class TornLineError(ValueError):
    """It begins like JSON and isn't.

    Python: livekit/agents/cli/log.py, JsonFormatter: `message`, `level`, `name`, `timestamp` (ISO 8601, UTC),
    `exc_info`, lately `pid`, and the fields of the line; before 0.8.5 neither `level` nor `name`. Node:
    agents/src/log.ts, by pino: `msg`, `level` and `time` (Unix, milliseconds) as numbers, `pid`, `hostname`, `error` or
    `err`, and the line's fields.
    """


def json_object(text: str) -> dict[str, Any]:
    """The object that a line holds. Raises TornLineError.

    Python's own reader, as livekit-agents writes NaN and Infinity too.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TornLineError from error
    if not isinstance(found, dict):
        raise TornLineError
    return found


def entry_of_object(record: dict[str, Any]) -> Entry | None:
    """None: not a line of a logger."""
    message, sdk = record.get("message"), "python"
    if not isinstance(message, str):
        message, sdk = record.get("msg"), "node"
    level = level_name(record.get("level"))
    if not isinstance(message, str) or (level is None and "timestamp" not in record):
        return None
    logger = record.get("name") if sdk == "python" else None
    return Entry(
        message=message,
        level=level,
        at_ns=_field_time(record.get("timestamp", record.get("time"))),
        sdk=sdk,
        logger=logger if isinstance(logger, str) else None,
        fields=record,
    )


def _field_time(value: object) -> int | None:
    if isinstance(value, int):
        # up to the year 9999: a larger number is no time in milliseconds
        return value * 1_000_000 if 0 < value < 253_402_300_800_000 else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return unix_ns(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
