"""How lkdiag fared in a run of several processes: as the one of them that fared worst, each seen by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.report.health import Shared, health_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkdiag.report.health_value import Health
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.timeline import Event, Timeline

WORST_FIRST = ("lkdiag", "this machine", "the server", None)


def health_by_shard(
    started: Event,
    scenario: DispatchScenario,
    apart: Mapping[int | None, Timeline],
    trials: Mapping[int | None, int],
) -> Health | None:
    """Of what belongs to no trial, by shard; under None the run's own, or all of its only process.

    Samples of two processes are never put together: a mean of machines says nothing of any.
    """
    about = started.data.get("merged") or started.data.get("shard") or {}
    shared = Shared(int(about.get("of", 1)), int(about.get("here", 1)))
    if "merged" not in started.data:
        return health_of(apart[None], scenario, trials.get(None, 0), shared)
    found = []
    for shard, own in apart.items():
        if shard is not None and (health := health_of(own, scenario, trials.get(shard, 0), shared)) is not None:
            advice = f"shard {shard} of {shared.of}: {health.advice}" if health.advice else ""
            found.append(replace(health, advice=advice, shard=shard))
    return min(found, key=_place, default=None)


def _place(health: Health) -> tuple[int, float, float]:
    return WORST_FIRST.index(health.bottleneck), -health.busy_ms, -(health.loop_lag_ms.p99 or 0.0)
