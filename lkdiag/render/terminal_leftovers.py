"""The rooms that a run left behind, for a console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.terminal_table import indented, plain
from lkdiag.render.wording import SWEEP, closes, fate, moment, occupants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lkdiag.report.value import LeftoverRoom


def leftover_rooms(rooms: Sequence[LeftoverRoom]) -> list[RenderableType]:
    """Each with who is in it, since when it is there, and what would close it."""
    found: list[RenderableType] = []
    for room in (room for room in rooms if room.still_there is not False or not room.own):
        since = f"since {moment(room.created_at)} UTC, " if room.created_at else ""
        found.append(indented(plain(f"{room.name}  {room.sid}".rstrip())))
        found.append(indented(plain(f"{since}in it: {occupants(room)}"), 4))
        found.append(indented(plain(fate(room) or f"closes {closes(room)}, or by `{SWEEP}`", "dim"), 4))
    return found + _deleted([room for room in rooms if room.own and room.still_there is False])


def _deleted(rooms: Sequence[LeftoverRoom]) -> list[RenderableType]:
    """Rooms that were left over when they were judged: one line each, as they are gone by now."""
    if not rooms:
        return []
    many = len(rooms) > 1
    told = f"{len(rooms)} rooms were left over when their watch" if many else "1 room was left over when its watch"
    end = f"ended; lkdiag has deleted {'them' if many else 'it'} since:"
    found: list[RenderableType] = [indented(plain(f"{told} {end}"))]
    for room in rooms:
        since = f", since {moment(room.created_at)} UTC" if room.created_at else ""
        found.append(indented(plain(f"{room.name}  {room.sid}{since}, in it: {occupants(room)}"), 4))
    found.append(indented(plain("each would have closed when those in it had left", "dim"), 4))
    return found
