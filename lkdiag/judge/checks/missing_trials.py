"""Trials of which there is no record, because the process that should have run them was killed or left no journal.

Nothing is known of their agents: they are neither delivered nor lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.journal.run_kinds import TrialsMissing
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.journal.timeline import Timeline

SLUG = CheckSlug.MISSING_TRIALS
TOLD_MAX = 10


def judge(own: Timeline) -> Finding | None:
    """A finding about the trials of lost shards; `own` is what the run says of itself."""
    lost = own.of(TrialsMissing)
    if not lost:
        return None
    trials = sorted(trial for event in lost for trial in event.row.trials)
    told = "; ".join(_told(event.row) for event in lost[:TOLD_MAX])
    more = f"; and {len(lost) - TOLD_MAX} more shards" if len(lost) > TOLD_MAX else ""
    runs = [event.row.run_id for event in lost if event.row.run_id is not None]
    sweep = f" `lkdiag sweep --run {runs[0]}` finds rooms that it may have left." if runs else ""
    return Finding(
        check=SLUG,
        severity=Severity.INCONCLUSIVE,
        title=_title(trials),
        fact=f"{told}{more}",
        hint=f"they are counted nowhere, and not as lost: nothing is known of them. Play what is missing again.{sweep}",
        trials=tuple(trials),
        evidence=tuple(event.seq for event in lost),
    )


def _title(trials: Sequence[int]) -> str:
    if not trials:
        return "An unknown number of trials is missing"
    return f"{len(trials)} trial{'s are' if len(trials) > 1 else ' is'} missing"


def _told(row: TrialsMissing) -> str:
    missing = "before its time was over" if row.planned is None else f"{len(row.trials)} of {row.planned} missing"
    return f"shard {row.index} of {row.of}: {row.reason} ({missing})"
