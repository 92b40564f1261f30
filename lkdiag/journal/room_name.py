"""The one definition of lkdiag's room names: `lkdiag-RUNID-…`. By it lkdiag knows which rooms are its own to delete."""

from __future__ import annotations

import re
from datetime import datetime

RUN_ID_FORM = "YYYYMMDD-HHMMSS-hhhh"
_RUN_ID = re.compile(r"([0-9]{8}-[0-9]{6})-[0-9a-f]{4}")
_ROOM = re.compile(rf"lkdiag-({_RUN_ID.pattern})-[A-Za-z0-9][A-Za-z0-9_-]*")


def is_run_id(text: str) -> bool:
    """Whether it reads as a run's id does: a moment that exists, and four hex digits."""
    match = _RUN_ID.fullmatch(text)
    if match is None:
        return False
    try:
        datetime.strptime(match[1], "%Y%m%d-%H%M%S")
    except ValueError:
        return False
    return True


def run_of_room(name: str) -> str | None:
    """The id of the run that made the room of this name; None for every room that is not lkdiag's."""
    match = _ROOM.fullmatch(name)
    return match[1] if match is not None and is_run_id(match[1]) else None
