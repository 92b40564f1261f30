"""The coloured lines for people that a worker prints in development mode (`dev`), and what follows them.

Python (livekit/agents/cli/log.py, ColoredFormatter): "2026-08-22 10:00:00,123 - INFO livekit.agents - message {json}",
local time without a zone, or (console mode, `lk agent dev`) "10:00:00 INFO livekit.agents message {json}"; a traceback
below it. Node (pino-pretty): "[10:00:00.123] INFO (pid): message", and each field on a line of its own below it.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lkdiag.worker_log.entry import Entry, level_name, unix_ns

if TYPE_CHECKING:
    from datetime import tzinfo

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
        at_ns = _time(match["time"], zone) if match.re is _PYTHON else None
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


def _time(text: str, zone: tzinfo | None) -> int | None:
    if zone is None:
        return None
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f")
        return unix_ns(moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None
