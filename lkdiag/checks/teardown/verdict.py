"""The words in which lkdiag says what was left of a call. The values are the contract of the report's JSON."""

from __future__ import annotations

from enum import StrEnum


class TeardownOutcome(StrEnum):
    """What became of a room after one side had hung up: exactly one a trial."""

    CLOSED = "closed"
    SLOW = "slow"
    LEFTOVER = "leftover"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
