"""The rooms that a run made, by name: whether one of them is as old as its deleted predecessor."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.timeline import Event


class RoomMade(msgspec.Struct, frozen=True, gc=False):
    """What is to be known of a room's creation."""

    seq: int
    mono_ns: int
    sid: str
    creation_time_ms: int


class RoomsMade:
    """Every creation, by the room's name, in the order in which they were seen."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[RoomMade]] = {}
        self._newest_ms: dict[str, list[int]] = {}
        """By name, the newest creation up to each of them."""

    def note(self, event: Event) -> None:
        """Take a `room.created`."""
        data = event.data
        name = str(data.get("room", data["sid"]))
        made = RoomMade(event.seq, event.mono_ns, data["sid"], data["creation_time_ms"] or 0)
        self._by_name.setdefault(name, []).append(made)

    def without_single(self) -> Self:
        """The same, less the names that had one room only: nobody asks for those."""
        self._by_name = {name: rooms for name, rooms in self._by_name.items() if len(rooms) > 1}
        return self

    def not_older_before(self, name: str, seq: int, creation_time_ms: int) -> Iterator[RoomMade]:
        """The rooms of that name made before that event which claim to be as new as one of that time, or newer."""
        rooms = self._by_name.get(name, [])
        until = bisect_left(rooms, seq, key=lambda room: room.seq)
        newest_ms = self._newest_ms_of(name)
        # in a run in which each room is newer than the last, none is looked at
        if until and newest_ms[until - 1] >= creation_time_ms:
            yield from (room for room in rooms[:until] if room.creation_time_ms >= creation_time_ms)

    def _newest_ms_of(self, name: str) -> list[int]:
        if name not in self._newest_ms:
            newest_ms: list[int] = []
            for room in self._by_name.get(name, []):
                newest_ms.append(max(room.creation_time_ms, newest_ms[-1] if newest_ms else 0))
            self._newest_ms[name] = newest_ms
        return self._newest_ms[name]
