"""What a sweep found, and which rooms it may delete. The field names are the JSON contract `lkdiag.sweep/1`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkdiag.scenario.sweep import SweepScenario


# What a sweep found and did. The field names are the JSON contract `lkdiag.sweep/1`.

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


# Which rooms a sweep is about, what would close them, and which it has to leave alone.

YOUNG_S = 120
"""A younger room may belong to a run, or a call, that still goes on."""

AGENT = "agent"
SIP = "sip"
DEPENDENT_KINDS = frozenset({AGENT, "egress"})
"""They do not keep a room open (livekit-server 1.13.5, pkg/rtc/participant.go, IsDependent)."""


def lone_sip(participants: tuple[Occupant, ...]) -> Occupant | None:
    """The one SIP participant with whom there is nobody but agents and hidden observers; None without such a one."""
    seen = [one for one in participants if one.kind != AGENT and not one.hidden]
    return seen[0] if len(seen) == 1 and seen[0].kind == SIP else None


def what_closes(
    participants: tuple[Occupant, ...],
    *,
    num_participants: int,
    age_s: int,
    empty_timeout_s: int,
    departure_timeout_s: int,
) -> str:
    """By the server's rule (livekit-server 1.13.5, pkg/rtc/room.go, CloseIfEmpty).

    Whether somebody had been there is not to be seen from outside: of the two timeouts the later one is told.
    """
    holders = [one for one in participants if one.kind not in DEPENDENT_KINDS]
    caller = lone_sip(participants)
    if caller is not None:
        company = ", ".join(one.identity for one in participants if one is not caller)
        return "one SIP participant holds it" + (f", with {company} beside it" if company else "")
    if holders:
        return "one participant holds it" if len(holders) == 1 else f"{len(holders)} participants hold it"
    if num_participants:
        return "nobody to be seen: a hidden participant may hold it"
    left_s = max(empty_timeout_s - age_s, departure_timeout_s)
    who = "only agents" if any(one.kind == AGENT for one in participants) else "empty"
    return f"{who}: closes by itself within {left_s} s"


def is_wanted(room: SweptRoom, scenario: SweepScenario) -> bool:
    """Whether it is one of those that were asked for."""
    if room.run is not None and scenario.run_id not in (None, room.run):
        return False
    return scenario.older_than_s is None or _settled_s(room) >= scenario.older_than_s


def objection(room: SweptRoom, scenario: SweepScenario, all_rooms: Iterable[SweptRoom]) -> str | None:
    """Why it is not to be deleted; None if it is. A run counts as going on while one of its rooms may be in use."""
    if room.run is None:
        if not scenario.yes:
            return "not lkdiag's: --yes deletes it too"
        company = [one for one in room.participants or () if one is not lone_sip(room.participants or ())]
        if company:
            who = "an agent" if any(one.kind == AGENT for one in company) else "an observer"
            return f"{who} is with the caller: this may be a call that goes on"
        if scenario.older_than_s is None and _settled_s(room) < YOUNG_S:
            return "the caller has only just come: --older-than says otherwise"
        return None
    if scenario.spares_young and any(one.run == room.run and _may_be_in_use(one) for one in all_rooms):
        return "its run may still go on: --run or --older-than deletes it"
    return None


def _may_be_in_use(room: SweptRoom) -> bool:
    """lkdiag gives its rooms an empty timeout that outlasts the trial, however long its --timeout is."""
    return room.age_s < max(YOUNG_S, room.empty_timeout_s)


def _settled_s(room: SweptRoom) -> int:
    """Its age; in a room of others the caller's time in it, if shorter: such a room may be used again and again."""
    if room.run is not None:
        return room.age_s
    caller = lone_sip(room.participants or ())
    return min(room.age_s, caller.present_s) if caller is not None else room.age_s
