"""How a dispatch trial was opened: which room the dispatch went to, and from when on its agent was waited for.

A scenario may have a prelude (a room that was made or deleted before, an idle gap): it belongs to the story, and what
is judged begins after it. Where the room was there before, the agent's delay counts from the dispatch, not the room.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.checks.course import Course

if TYPE_CHECKING:
    from lkdiag.timeline import Event, Timeline


class Opening(Course):
    """A base for a dispatch trial's facts. Times ending in `_ns` are this machine's, monotonic."""

    story: Timeline
    """The whole trial, prelude included."""

    @cached_property
    def timeline(self) -> Timeline:  # type: ignore[override]
        """What is judged: the trial but for its prelude."""
        return self.story.judged()

    @cached_property
    def prelude(self) -> Timeline:
        """What came before."""
        return self.story.prelude()

    @cached_property
    def began_ns(self) -> int:
        """When what is judged began."""
        prepared = self.timeline.first("trial.prepared")
        return self.started.mono_ns if prepared is None else prepared.mono_ns

    @property
    def start_lag_ms(self) -> float | None:
        """How late it began, against when it was due in an open loop; None in a closed one."""
        due = self.story.first("trial.due")
        return None if due is None else round(max(0.0, (self.started.mono_ns - due.data["due_mono_ns"]) / 1e6), 1)

    @cached_property
    def method(self) -> str:
        """By which of the four ways the dispatch under test was made."""
        steps = (e for e in self.timeline.of("step.began") if e.data["do"] == "dispatch")
        return str(next((e.data["by"] for e in steps if e.data.get("by")), self.started.data["method"]))

    @cached_property
    def room(self) -> Event | None:
        """How the room of the dispatch came to be: its creation, or that it was there already."""
        opened = self.timeline.first("room.created", "room.existed")
        return opened or self.prelude.last("room.created", "room.existed")

    @cached_property
    def room_existed(self) -> bool:
        """Whether the dispatch went to a room that was there before."""
        return self.room is not None and self.timeline.first("room.created") is None

    @property
    def prelude_room_ns(self) -> int:
        """When a room that was there before was made; what is judged began then, where that is not known."""
        made = self.prelude.last("room.created")
        return self.began_ns if made is None else made.mono_ns

    @property
    def creation_ms(self) -> int | None:
        """Room.creation_time_ms; None where the server, an old one, does not say."""
        return None if self.room is None else int(self.room.data["creation_time_ms"]) or None

    @cached_property
    def opened_ns(self) -> int | None:
        """When this machine asked for the room, or for the dispatch to a room that was there."""
        if self.room is None:
            return None
        asked = "CreateDispatch" if self.room_existed and self.method == "create-dispatch" else "CreateRoom"
        call = next((e for e in self.timeline.of("api.called") if e.data["method"] == asked), None)
        if call is not None:
            return int(call.data["began_mono_ns"])
        joining = self.timeline.first("caller.joining")
        return self.made_ns if joining is None else joining.mono_ns

    @cached_property
    def made_ns(self) -> int | None:
        """When the room, or the dispatch to a room that was there, was known to be made."""
        created = self.timeline.first("dispatch.created") if self.room_existed else None
        made = created or self.room
        return None if made is None else max(made.mono_ns, self.began_ns)

    @cached_property
    def closing_began_ns(self) -> int:
        """When lkdiag began to close the room. What changes later is lkdiag's own doing."""
        closing = next(
            (e for e in self.timeline.of("api.called") if e.data["method"] == "DeleteRoom"),
            self.timeline.last("room.deleted", "trial.finished", "trial.interrupted"),
        )
        if closing is None:
            return self.last_ns
        return int(closing.data.get("began_mono_ns", closing.mono_ns))

    @cached_property
    def last_ns(self) -> int:
        """When the trial's last event was seen. A worker's log is read later."""
        return max(event.mono_ns for event in self.story if not event.kind.startswith("worker_log."))
