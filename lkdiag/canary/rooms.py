"""The canary's own rooms that were made, and not yet seen to be gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.timeline import Event


class OwnRooms:
    """A sink of the recorder, for as long as the canary lives: a room may outlast the journal that it is in."""

    def __init__(self) -> None:
        self._made: dict[str, int | None] = {}

    def note(self, event: Event) -> None:
        """Take an event."""
        if event.kind in ("room.created", "room.existed"):
            self._made[event.data["room"]] = event.trial
        elif event.kind == "room.gone":
            self._made.pop(event.data["room"], None)
        elif event.kind == "trial.finished":
            # its trial could not see it go: from here on it is left
            self._made = {room: None if trial == event.trial else trial for room, trial in self._made.items()}

    @property
    def left(self) -> tuple[str, ...]:
        """Those whose trials are over, the oldest first."""
        return tuple(room for room, trial in self._made.items() if trial is None)
