"""Numbers as people write them: the digits 0 to 9 and one decimal point. `1_000`, `+5`, ` 5`, `nan` and `２` are none.

Python's own int() and float() take all of these, and digits of every script.
"""

from __future__ import annotations

import math
import re

_WHOLE = re.compile(r"-?[0-9]{1,18}")  # so many digits fit into 64 bits
_NUMBER = re.compile(r"-?(?:[0-9]{1,18}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")


def parse_whole(text: str) -> int:
    """The whole number in `text`. Raises ValueError for anything else."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


def parse_number(text: str) -> float:
    """The finite number in `text`; a negative zero is zero. Raises ValueError for anything else."""
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number + 0.0
