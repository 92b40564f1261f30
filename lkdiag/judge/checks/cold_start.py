"""F5, over a whole run: the trials after an idle gap, or the very first, went worse than the others.

Chance is reckoned with: by Fisher's exact test on how many were late or lost, or by the odds that the slow ones are
just these, where every one of them was slower than all the others. With one trial after a gap it takes twenty to tell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Outcome, Severity
from lkdiag.judge.context import is_first_of_all
from lkdiag.judge.finding import Finding
from lkdiag.stats import fisher_exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.judge.context import TrialSummary

SLUG = CheckSlug.COLD_START
REFERENCE = "https://github.com/livekit/livekit/issues/4394"
CHANCE_MAX = 0.05
SLOWER_MS = 500.0
"""Less than that is no matter, however certain it is."""
BAD = (Outcome.DELAYED, Outcome.DROPPED)


def judge(subject: Sequence[TrialSummary], control: Sequence[TrialSummary]) -> Finding | None:  # noqa: ARG001
    """A note where idleness before a trial tells how it went."""
    judged = [t for t in subject if t.outcome in (Outcome.DELIVERED, *BAD)]
    # of shards that began side by side none has the very first
    first = 0 if any(t.run.shard is not None for t in subject) else min((t.index for t in subject), default=0)
    cold = [t for t in judged if idle_before(t, first)]
    warm = [t for t in judged if not idle_before(t, first)]
    if not cold or not warm:
        return None
    bad = [sum(t.outcome in BAD for t in group) for group in (cold, warm)]
    chance = fisher_exact(bad[0], len(cold), bad[1], len(warm)) if bad[0] else 1.0
    fact = f"{bad[0]} of {len(cold)} trials after an idle gap were late or lost, {bad[1]} of {len(warm)} others"
    if chance > CHANCE_MAX:
        slow = [_latency_ms(t) for t in cold]
        rest = [_latency_ms(t) for t in warm]
        if min(slow) - max(rest) < SLOWER_MS:
            return None
        chance = 1 / math.comb(len(judged), len(cold))
        fact = (
            f"{len(cold)} trial{'s' if len(cold) > 1 else ''} after an idle gap took {min(slow) / 1000:.2f} s or more, "
            f"the {len(warm)} others at most {max(rest) / 1000:.2f} s"
        )
        if chance > CHANCE_MAX:
            return None
    return Finding(
        check=SLUG,
        severity=Severity.NOTE,
        title="the first dispatch after an idle gap differs",
        fact=f"{fact} (by chance: {100 * chance:.2g} %)",
        hint=(
            "something goes to sleep when it is idle: an agent that is scaled to zero, a worker without an idle "
            "process, a connection that is cut. Keep one warm, or call for it before it is needed."
        ),
        trials=tuple(t.index for t in cold),
        reference=REFERENCE,
    )


def idle_before(trial: TrialSummary, first_index: int) -> bool:
    """Whether it began after an idle gap on purpose, or was the run's very first."""
    return trial.paused or is_first_of_all(trial.index, first_index, trial.run)


def _latency_ms(trial: TrialSummary) -> float:
    """A lost trial took at least as long as it was waited for."""
    timeout_ms: float = trial.run.settings.timeout_s * 1000
    return timeout_ms if trial.latency_ms is None else trial.latency_ms
