"""What the report says of each process of a run that several shared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ShardOfRun:
    """One of several processes that shared a run's trials."""

    index: int
    of: int
    run_id: str | None
    """Under which its rooms were made; None where it left no journal."""
    trials: int
    """That it played, subject's and control's, without warm-ups."""
    not_begun: int
    missing: int | None
    """None: nobody knows how many (`--duration`)."""
    lost: str | None
    """Why trials are missing; None where none are."""
