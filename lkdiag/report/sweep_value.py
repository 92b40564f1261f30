"""What a sweep found and did. The field names are the JSON contract `lkdiag.sweep/1`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SCHEMA = "lkdiag.sweep/1"


class Action(StrEnum):
    """What the sweep did about a room."""

    LISTED = "listed"
    DELETED = "deleted"
    GONE = "gone"
    """It closed by itself while the sweep was under way."""
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Occupant:
    """A participant that the server shows."""

    identity: str
    sid: str
    kind: str
    """LiveKit's, in lower case: `standard`, `sip`, `agent`, …"""
    hidden: bool
    """An observer whom the others in the room do not see. livekit-server 1.13.5 lists them."""
    present_s: int
    """Since it joined."""


@dataclass(frozen=True)
class SweptRoom:
    """A room, as it was when the sweep looked at it."""

    room: str
    room_sid: str
    run: str | None
    """The run of lkdiag's that made it; None: it is somebody else's."""
    created_at: str | None
    age_s: int
    """By the server's creation time and this machine's clock."""
    empty_timeout_s: int
    departure_timeout_s: int
    num_participants: int
    """Participants by listRooms' own count, hidden ones among them, agents not; it lags behind."""
    participants: tuple[Occupant, ...] | None
    """None: the server did not say, or it showed nobody where listRooms counts somebody."""
    closes: str
    """What would close it."""
    action: Action = Action.LISTED
    reason: str = ""
    """Why it was skipped, or could not be deleted."""


@dataclass(frozen=True)
class SweepReport:
    """The whole answer."""

    project_host: str
    rooms: tuple[SweptRoom, ...]
    notes: tuple[str, ...] = ()
    unseen_rooms: int = 0
    """Rooms of others of which the server did not say who is in them: a caller may be alone there. In no list."""
    schema: str = SCHEMA
