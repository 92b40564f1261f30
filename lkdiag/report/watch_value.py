"""The report of a watch: that of dispatch trials, with the calls in which they were seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lkdiag.contract import CallEnd
from lkdiag.judge.finding import Finding
from lkdiag.report.value import DispatchReport, LeftoverRoom, TimelineLine, TrialReport


@dataclass(frozen=True)
class PersonSeen:
    """Somebody, or an agent, who was in a call."""

    identity: str
    sid: str
    kind: str
    """LiveKit's: standard, sip, agent, …"""
    stayed_s: float | None
    """From the look that first showed it to the one that showed it no longer; None: it was there to the end."""


@dataclass(frozen=True)
class AloneSeen:
    """The longest time for which somebody was alone in the room after all others had left."""

    identity: str
    kind: str
    since: str
    """UTC, ISO 8601 with milliseconds, on this machine's clock."""
    for_s: float
    still: bool
    """Whether it was so when the watch ended."""
    left_by: str
    """Who was the last to leave."""


@dataclass(frozen=True)
class CallReport:
    """One room that was followed. `number` is its events' `trial` in the journal."""

    number: int
    room: str
    room_sid: str | None
    found_at: str
    """When it was first seen; UTC, on this machine's clock."""
    created_at: str | None
    """The server's creation time."""
    existed: bool
    """Whether it was there before the watch began."""
    trials: tuple[int, ...]
    """The dispatches that were judged, by their index in `trials`."""
    people: tuple[PersonSeen, ...]
    ended: CallEnd
    closed_ms: float | None
    """From the look that showed the last person gone until listRooms knew the room no longer; None where either was
    not seen."""
    alone: AloneSeen | None
    findings: tuple[Finding, ...]
    timeline: tuple[TimelineLine, ...]
    """Its story, line by line; only where there is a finding."""


@dataclass(frozen=True)
class WatchedRoomLeft(LeftoverRoom):
    """A room of the project in which somebody was left alone. lkdiag has not made it, and leaves it alone."""

    own: ClassVar[bool] = False
    closes: str = ""
    """What would close it, or what became of it."""


@dataclass(frozen=True)
class ObservedTrial(TrialReport):
    """One dispatch that was seen in a call."""

    agent_name: str = ""
    call: int = 0
    """The call's number."""


@dataclass(frozen=True, kw_only=True)
class WatchReport(DispatchReport):
    """Everything that is known and judged of the calls that were followed."""

    trials: tuple[ObservedTrial, ...]
    leftover_rooms: tuple[WatchedRoomLeft, ...]
    calls: tuple[CallReport, ...]
