"""What comparing two runs gives, the only value that its renderers take: the JSON contract `lkdiag.compare/1`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lkdiag.stats import Quantiles, Rate, RateDifference  # noqa: TC001 - its JSON Schema is made from the types

SCHEMA = "lkdiag.compare/1"


class Result(StrEnum):
    """What can be said of B, measured against A."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no-difference"
    """None that chance alone would not make; a smaller one may be there."""
    TOO_FEW = "too-few"
    """Whatever had come out, so few trials could not have shown a difference."""


@dataclass(frozen=True)
class Side:
    """One of the two runs, and the trials of it that are compared."""

    run: str
    command: str
    started_at: str
    finished_at: str | None
    interrupted: bool
    subject: str
    """Whose worker was judged."""
    trials: int
    """Those compared and those left out; without the warm-up's and the control's."""
    judged: int
    left_out: dict[str, int]
    """By outcome: trials of which nothing can be said (`error`, `inconclusive`)."""
    outcomes: dict[str, int]
    """Of those that were judged; by outcome, only those that occurred."""
    latency_ms: Quantiles | None
    """Dispatch: of the agents that came, late ones included. None for teardowns."""


@dataclass(frozen=True)
class Difference:
    """A setting, a version or a place in which the runs differ."""

    name: str
    a: str
    b: str
    unfair: str | None
    """Why the outcomes can't be compared as they are; None where this may be what is to be compared."""


@dataclass(frozen=True)
class RateComparison:
    """How often something bad happened in each."""

    name: str
    """`lost`, `mismatch`, `left-open`, `not-closed-in-time`."""
    a: Rate
    b: Rate
    difference: RateDifference | None
    """B's rate less A's; None where one of them has no trial that could be judged."""
    p_value: float | None
    """Two-sided: how often chance alone makes two runs at least so different."""
    result: Result
    trials_to_tell: int | None
    """Of each run, so that a difference of these rates would be found in four of five pairs; None where there is
    none, or it was found."""
    sentence: str


@dataclass(frozen=True)
class LatencyComparison:
    """How long the agents took. Lost ones count as longer than every delay that was seen."""

    watched_ms: float
    """Agents that came later, in either run, count as lost: the shorter of the two timeouts."""
    lost_a: int
    lost_b: int
    slower: float | None
    """Share of the pairs, one trial of each run, in which B's took longer; of pairs alike, half."""
    shift_ms: float | None
    """By how much B's took longer; None where it rests on a lost one."""
    shift_low_ms: float | None
    shift_high_ms: float | None
    """Its 95 % interval; None where that end rests on a lost one, or the trials are too few."""
    p_value: float | None
    result: Result
    trials_to_tell: int | None
    sentence: str


@dataclass(frozen=True)
class CellComparison:
    """One cell of the teardown's grid: the outcomes of its trials in each run."""

    cleanup: str
    agent_exit: str
    hangup: str
    a: dict[str, int]
    """By outcome, only those that occurred; empty: the run has no such cell."""
    b: dict[str, int]
    closed_ms_a: float | None
    """The median of the closed ones."""
    closed_ms_b: float | None
    differs: bool
    """Whether the shares of its outcomes differ."""


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side."""

    kind: str
    """`dispatch` or `teardown`."""
    a: Side
    b: Side
    differences: tuple[Difference, ...]
    warnings: tuple[str, ...]
    """What makes the comparison unfair, or less sure."""
    rates: tuple[RateComparison, ...]
    latency: LatencyComparison | None
    grid: tuple[CellComparison, ...]
    result: Result
    """Worse where any measure is, else better where any is."""
    headline: str
    alpha: float
    """A difference counts when chance alone makes one as large in at most this share of pairs."""
    schema: str = field(default=SCHEMA)
