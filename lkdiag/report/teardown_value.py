"""What a report of transfer teardowns has of its own. The field names are the JSON contract `lkdiag.report/1`."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - msgspec reads the types of the fields
from dataclasses import dataclass

from lkdiag.contract import TeardownOutcome
from lkdiag.judge.finding import Finding
from lkdiag.report.value import Report, TimelineLine
from lkdiag.stats import Quantiles


@dataclass(frozen=True)
class Survivor:
    """The side that did not hang up."""

    identity: str
    disconnected: bool
    """Whether it was put out of the room before the window ended."""
    reason: str | None
    """LiveKit's reason for its disconnection, as the survivor itself was told: `ROOM_DELETED`."""
    disconnected_ms: float | None
    """From the hang-up until it was disconnected, by its own view."""
    stranded_ms: float | None
    """How long it was alone in the room until the window ended; None when it was put out."""


@dataclass(frozen=True)
class SubjectSeen:
    """The user's own agent, as the last look before the hang-up showed it."""

    silent: bool
    """It was there, and had no track or muted ones only: its session may be closed while its connection lives on."""
    put_out: bool
    """It had not left in time, and lkdiag had put it out (`--remove-agent`)."""


@dataclass(frozen=True)
class TeardownTrial:
    """One call's story, judged."""

    index: int
    started_at: str
    room: str
    room_sid: str | None
    human_room_sid: str | None
    """Of the second room, in which the human was called."""
    dispatch_id: str | None
    job_id: str | None
    """The agent's; None where neither the probe nor the agent's identity tells."""
    participant_ids: dict[str, str]
    """PA_… ids in the caller room, by who it was: `caller`, `agent`, `human`; those that were seen."""
    cleanup: str
    agent_exit: str
    """How the agent left. Of your own agent (`subject`) what the last look before the hang-up showed: `left-room`,
    `stays`, or `unknown` where there was no such look."""
    subject: SubjectSeen | None
    """More of your own agent at the hang-up; None with lkdiag's own, and where there was no such look."""
    hangup: str
    """The side that hung up: `caller` or `human`."""
    merge: str | None
    """How the calls were merged: `move-participant`, or `rejoin` (left one room and joined the other)."""
    outcome: TeardownOutcome
    closed_ms: float | None
    """From the hang-up until listRooms knew the room no longer; None where it was still there."""
    survivor: Survivor | None
    left_in_room: tuple[str, ...]
    """The identities of everybody who was in a leftover room when the window ended, agents included."""
    api_calls: int
    findings: tuple[Finding, ...]
    timeline: tuple[TimelineLine, ...]
    """Its story, line by line; only where there is a finding."""


@dataclass(frozen=True)
class TeardownCell:
    """One cell of the grid: every trial of a cleanup, an exit and a side."""

    cleanup: str
    agent_exit: str
    """As in its trials."""
    hangup: str
    trials: int
    outcomes: dict[str, int]
    """By outcome, only those that occurred."""
    closed_ms: float | None
    """The median of the closed ones."""
    stranded_ms: float | None
    """The longest time that a survivor was alone."""


@dataclass(frozen=True)
class TeardownSummary:
    """The figures of a run of transfer teardowns."""

    trials: int
    outcomes: dict[str, int]
    """By outcome, every outcome named."""
    closed_ms: Quantiles
    grid: tuple[TeardownCell, ...]
    """Ordered by cleanup, exit and side."""


@dataclass(frozen=True, kw_only=True)
class TeardownReport(Report):
    """Everything that is known and judged of a run of transfer teardowns."""

    summary: TeardownSummary
    trials: Sequence[TeardownTrial]
