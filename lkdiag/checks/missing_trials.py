"""Trials of which there is no record, since the process that was to play them was killed, or left no journal.

Nothing is known of their agents: they are neither delivered nor lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.timeline import Event, Timeline

SLUG = "missing-trials"
KIND = "trials.missing"
TOLD_MAX = 10


def judge(own: Timeline) -> Finding | None:
    """A finding about the trials of lost shards; `own` is what the run says of itself."""
    lost = own.of(KIND)
    if not lost:
        return None
    trials = sorted(trial for event in lost for trial in event.data["trials"])
    told = "; ".join(_told(event) for event in lost[:TOLD_MAX])
    more = f"; and {len(lost) - TOLD_MAX} more shards" if len(lost) > TOLD_MAX else ""
    runs = [str(event.data["run_id"]) for event in lost if "run_id" in event.data]
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


def _told(event: Event) -> str:
    data = event.data
    missing = f"{len(data['trials'])} of {data['planned']} missing" if "planned" in data else "before its time was over"
    return f"shard {data['index']} of {data['of']}: {data['reason']} ({missing})"
