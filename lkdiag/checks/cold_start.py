"""F5, over a whole run: the trials after an idle gap, or the very first, went worse than the others.

Chance is reckoned with: by Fisher's exact test on how many were late or lost, or by the odds that the slow ones are
just these, where every one of them was slower than all the others. With one trial after a gap it takes twenty to tell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Outcome, Severity
from lkdiag.stats import fisher_exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.checks.judged import JudgedTrial

SLUG = "cold-start"
REFERENCE = "https://github.com/livekit/livekit/issues/4394"
CHANCE_MAX = 0.05
SLOWER_MS = 500.0
"""Less than that is no matter, however certain it is."""
BAD = (Outcome.DELAYED, Outcome.DROPPED)


def judge(subject: Sequence[JudgedTrial], control: Sequence[JudgedTrial]) -> Finding | None:  # noqa: ARG001
    """A note where idleness before a trial tells how it went."""
    judged = [t for t in subject if t.outcome in (Outcome.DELIVERED, *BAD)]
    first = min((t.index for t in subject), default=0)
    cold = [t for t in judged if idle_before(t, first)]
    warm = [t for t in judged if t not in cold]
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


def idle_before(trial: JudgedTrial, first_index: int) -> bool:
    """Whether it began after an idle gap on purpose, or was the run's very first."""
    facts = trial.facts
    paused = any(event.data["for_s"] > 0 for event in facts.prelude.of("trial.paused"))
    return paused or (trial.index == first_index and first_index > 0 and not facts.run.warmed_up)


def _latency_ms(trial: JudgedTrial) -> float:
    """A lost trial took at least as long as it was waited for."""
    latency_ms = trial.facts.latency_ms
    return trial.facts.run.scenario.timeout_s * 1000 if latency_ms is None else latency_ms
