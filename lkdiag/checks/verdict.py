"""The words in which lkdiag gives its verdicts. The values are the contract of the report's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a dispatch: exactly one a trial."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    DROPPED = "dropped"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"


class State(StrEnum):
    """What listDispatch said of the dispatch under test at the end."""

    NO_DISPATCH = "no-dispatch"
    NO_JOB = "no-job"
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Mismatch(StrEnum):
    """Where the dispatch state and the room contradict each other."""

    FALSE_RUNNING = "false-running"
    UNREPORTED = "unreported"
    FAILED_PRESENT = "failed-present"
    WRONG_WORKER = "wrong-worker"


class Fallback(StrEnum):
    """What a second dispatch, by createDispatch, did for a trial whose agent never came."""

    NOT_NEEDED = "not-needed"
    RESCUED = "rescued"
    LOST = "lost"
    UNCLEAR = "unclear"
    """It was tried, and what came of it can't be told: cut short, or an agent came and no job tells whose it is."""
    OFF = "off"


class Verdict(StrEnum):
    """What a whole run says."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Severity(StrEnum):
    """How much a finding weighs."""

    FAIL = "fail"
    """Something of the user's project did not do what it should: exit code 1."""
    INCONCLUSIVE = "inconclusive"
    """lkdiag was not fit to judge: exit code 3."""
    NOTE = "note"
    """Worth knowing; no verdict rests on it."""


@dataclass(frozen=True)
class Finding:
    """What a check says, with the events that prove it and a hint."""

    check: str
    """The check's slug: its file name with dashes."""
    severity: Severity
    title: str
    """What happened, in a few plain words."""
    fact: str
    """What was seen, with the ids and the times."""
    hint: str
    """What it means, and what to do or to look at next."""
    trial: int | None = None
    """The trial that it is about; None for the run as a whole."""
    trials: tuple[int, ...] = ()
    """For a finding about the run: the trials that it rests on."""
    evidence: tuple[int, ...] = ()
    """`seq` of the journal's events that prove it."""
    reference: str = ""
    """The upstream thread or source that explains it."""
