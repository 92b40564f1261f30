"""The JSON lines of a worker in production mode (`start`).

Python: livekit/agents/cli/log.py, JsonFormatter: `message`, `level`, `name`, `timestamp` (ISO 8601, UTC), `exc_info`,
lately `pid`, and the fields of the line; before 0.8.5 neither `level` nor `name`. Node: agents/src/log.ts, by pino:
`msg`, `level` and `time` (Unix, milliseconds) as numbers, `pid`, `hostname`, `error` or `err`, and the line's fields.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from lkdiag.worker_log.entry import Entry, level_name, unix_ns


class TornLineError(ValueError):
    """It begins like JSON and isn't."""


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
        at_ns=_time(record.get("timestamp", record.get("time"))),
        sdk=sdk,
        logger=logger if isinstance(logger, str) else None,
        fields=record,
    )


def _time(value: object) -> int | None:
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
