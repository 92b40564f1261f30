"""What the doctor found. The field names are the JSON contract `lkdiag.doctor/1`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SCHEMA = "lkdiag.doctor/1"


class Mark(StrEnum):
    """How a check ended."""

    OK = "ok"
    INFO = "info"
    """A fact that is neither good nor bad: this server has no SIP service, say."""
    WARNING = "warning"
    """It works, and is worth a word. Alone it leaves the exit code at 0."""
    FAILED = "failed"
    NOT_TRIED = "not-tried"
    """What it needs was not there; `seen` says what."""


class Health(StrEnum):
    """The whole answer."""

    OK = "ok"
    WRONG = "wrong"
    """Something is wrong with the project, or on the way to it."""
    UNCLEAR = "unclear"
    """Nothing wrong was seen, but not everything was: lkdiag itself has failed."""
    UNTESTABLE = "untestable"
    """No credentials, not reachable, or refused."""


@dataclass(frozen=True)
class Checked:
    """One check that was made, or could not be."""

    check: str
    """Its slug: `media`."""
    title: str
    group: str
    """The heading that it stands under."""
    mark: Mark
    seen: str
    """What was seen, in one line."""
    fix: str = ""
    """What to do about it, in one sentence; never empty where the mark is `failed`."""
    details: dict[str, str] = field(default_factory=dict)
    """More of what was seen, by label."""
    took_ms: float | None = None
    """None where it was not tried."""
    gate: bool = False
    """Where it fails the project can't be tested at all."""


@dataclass(frozen=True)
class DoctorReport:
    """Every check, in the order in which they were made."""

    run_id: str
    """Rooms that the doctor made are named `lkdiag-RUNID-…`."""
    project_host: str | None
    """None where no URL was found."""
    started_at: str
    """UTC, ISO 8601 with milliseconds."""
    lkdiag_version: str
    interrupted: bool
    health: Health
    headline: str
    """The answer in one sentence."""
    checks: tuple[Checked, ...]
    rooms_left: tuple[str, ...] = ()
    """Rooms of the doctor's own that could not be deleted."""
    schema: str = SCHEMA
