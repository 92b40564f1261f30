"""Durations as people write them: `4s`, `250ms`, `1.5s`, `2m`, or plain seconds."""

from __future__ import annotations

import re

from lkdiag.errors import UsageError

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
FORM = r"([0-9]{1,18}(?:\.[0-9]{1,30})?|\.[0-9]{1,30})(?: ?(ms|s|m|h))?"
_FORM = re.compile(FORM)


def parse_duration_s(text: str) -> float:
    """Seconds in `text`. Raises UsageError for anything else: negative ones, and digits other than 0 to 9."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a duration", "write it like 4s, 250ms, 1.5s or 2m")
    return float(match[1]) * _UNITS_S[match[2]]
