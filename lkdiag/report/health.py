"""From lkdiag's samples of itself to what the report says of them, and what it advises."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from lkdiag.facts.samples import is_here, sample_of
from lkdiag.journal.run_kinds import (
    LkdiagLimited,
    LkdiagSampled,
    LkdiagStalled,
    RunStarted,
    ServerStarted,
    ShardBegan,
    TrialsMissing,
)
from lkdiag.journal.trial_kinds import TrialNotBegun
from lkdiag.report.value import OwnHealth, ShardOfRun
from lkdiag.scenario.dispatch import Caller, DispatchScenario, JoinBy
from lkdiag.stats import Quantiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkdiag.journal.event import Event
    from lkdiag.journal.timeline import Timeline
    from lkdiag.scenario.call import TeardownScenario

LAG_MS = 50.0
"""At the 99th percentile: a loop that comes later than that is a part of whatever it measures."""
BUSY_SHARE = 0.1
"""Of the run in which the processors were taken: below that it is a moment's matter."""
OWN_SHARE = 0.3
"""Of the load in the busy seconds: from that on it is lkdiag's, with the private server's for it. What the kernel does
for both (loopback's packets) is in neither: 0.4 with 100 trials at a time and little beside."""
SLOW_ANSWER_MS = 1000.0
DESCRIPTORS_SHARE = 0.8
TOGETHER_S = 0.5
"""Agents that join together may take so long all in all: a quarter of the 2 s after which one is late."""


@dataclass(frozen=True)
class Shared:
    """Between how many processes the run was shared."""

    of: int = 1
    here: int = 1
    """Those on this machine: each does about as much to it as the others, and a private server is all theirs."""


ALONE = Shared()


def health_of(
    run: Timeline, scenario: DispatchScenario | TeardownScenario, trials: int, shared: Shared = ALONE
) -> OwnHealth | None:
    """Of one process's events that belong to no trial; None without a sample. It carried `trials` out."""
    samples = [event for event in run.of(LkdiagSampled) if event.mono_ns > event.row.began_mono_ns]
    if not samples:
        return None
    data = [sample.row for sample in samples]
    seconds = [(sample.mono_ns - sample.row.began_mono_ns) / 1e9 for sample in samples]
    cores = int(data[-1].cores)
    own_s = sum(one.own_cores * length for one, length in zip(data, seconds, strict=True))
    server_s = sum((one.server_cores or 0.0) * length for one, length in zip(data, seconds, strict=True))
    lag_ms = Quantiles.of([lag for one in data for lag in one.lags_ms])
    answers = [one.answers_ms["p99"] for one in data if one.answers_ms is not None]
    busy = [one for one in data if one.busy_ms > 0]
    load = [(one.own_cores * shared.here + (one.server_cores or 0.0)) / max(one.machine * cores, 0.01) for one in busy]
    busy_ms = sum(one.busy_ms for one in data)
    cpu_s = (own_s + server_s / shared.here) / trials if trials else None
    limited = run.first(LkdiagLimited)
    limit = None if limited is None else limited.row.descriptors
    descriptors = max((one.descriptors for one in data if one.descriptors is not None), default=None)

    bottleneck, told = None, ""
    harmed_ms = sum(sample_of(event.row, event.mono_ns).busy_ms for event in samples)
    taken = harmed_ms >= sum(seconds) * 1000 * BUSY_SHARE
    late = lag_ms.p99 is not None and lag_ms.p99 >= LAG_MS
    if (taken or late) and (not load or median(load) >= OWN_SHARE):
        bottleneck = "lkdiag"
        told = f"lkdiag itself was the bottleneck: {_what(lag_ms, busy_ms)}"
        told += _lower(scenario, cores, cpu_s, shared)
    elif taken or late:
        bottleneck = "this machine"
        told = (
            f"this machine was busy with something else: {_what(lag_ms, busy_ms)}, of which {100 * median(load):.0f} % "
            "was lkdiag's work; run it where there is less beside it"
        )
    elif answers and median(answers) >= SLOW_ANSWER_MS:
        bottleneck = "the server"
        told = (
            f"the server answered slowly, {median(answers) / 1000:.1f} s at the 99th percentile of a usual second, "
            "while lkdiag had nothing to do: the time is the server's, or the network's"
        )
    if descriptors and limit and descriptors >= limit * DESCRIPTORS_SHARE:
        told += f"{'; ' if told else ''}{descriptors} files and sockets were open of {limit} allowed: raise ulimit -n"
    if (
        bottleneck is not None
        and bottleneck != "the server"
        and (run.of(ServerStarted) or any(is_here(event.row) for event in run.of(RunStarted)))
    ):
        told += "; the server is on this machine, and was held up too"
    return OwnHealth(
        loop_lag_ms=lag_ms,
        stalled_ms=round(sum(event.row.late_ms for event in run.of(LkdiagStalled)), 1),
        cores=cores,
        machine_percent=Quantiles.of([100 * one.machine for one in data]),
        busy_ms=round(busy_ms, 1),
        own_percent=Quantiles.of([100 * one.own_cores for one in data]),
        server_percent=Quantiles.of([100 * one.server_cores for one in data if one.server_cores is not None]),
        cpu_ms_a_trial=None if cpu_s is None else round(1000 * cpu_s, 1),
        descriptors_max=descriptors,
        descriptors_limit=limit,
        answers_ms=Quantiles.of(answers),
        bottleneck=bottleneck,
        advice=told,
    )


def _what(lag_ms: Quantiles, busy_ms: float) -> str:
    lag = "" if lag_ms.p99 is None else f"its event loop came up to {lag_ms.p99:.0f} ms late (p99)"
    return ", ".join(part for part in (lag, f"no processor was free for {busy_ms / 1000:.1f} s") if part)


def _lower(scenario: DispatchScenario | TeardownScenario, cores: int, cpu_s: float | None, shared: Shared) -> str:
    """What to lower, and to what: as many as can join in `TOGETHER_S`, by what a trial has cost here.

    The rate is that of all processes, wherever they are; the concurrency is each one's.
    """
    if not cpu_s:
        return ""
    dispatch = scenario if isinstance(scenario, DispatchScenario) else None
    rate, burst = (dispatch.rate, dispatch.burst) if dispatch is not None else (None, None)
    together = max(1, int(TOGETHER_S * cores / cpu_s / shared.here))
    words = []
    if rate is not None and (fitting := 0.7 * cores / cpu_s * shared.of / shared.here) < rate:
        words.append(f"lower --rate to about {fitting:.2g}")
    elif burst is not None and together < burst:
        words.append(f"lower --burst to about {together}")
    elif rate is None and burst is None and together < scenario.concurrency:
        words.append(f"lower --concurrency to about {together}")
    if dispatch is not None and dispatch.join is not JoinBy.SIGNAL and dispatch.effective_caller is not Caller.PUBLISH:
        words.append("use --join signal")
    return f"; {', or '.join(words)}" if words else ""


# -- of several processes ----------------------------------------------------------------------------------------------


WORST_FIRST = ("lkdiag", "this machine", "the server", None)


def health_by_shard(
    started: Event[RunStarted],
    scenario: DispatchScenario,
    apart: Mapping[int | None, Timeline],
    trials: Mapping[int | None, int],
) -> OwnHealth | None:
    """Of what belongs to no trial, by shard; under None the run's own, or all of its only process.

    Samples of two processes are never put together: a mean of machines says nothing of any.
    """
    about = started.row.merged or started.row.shard or {}
    shared = Shared(int(about.get("of", 1)), int(about.get("here", 1)))
    if started.row.merged is None:
        return health_of(apart[None], scenario, trials.get(None, 0), shared)
    found = []
    for shard, own in apart.items():
        if shard is not None and (health := health_of(own, scenario, trials.get(shard, 0), shared)) is not None:
            advice = f"shard {shard} of {shared.of}: {health.advice}" if health.advice else ""
            found.append(replace(health, advice=advice, shard=shard))
    return min(found, key=_place, default=None)


def _place(health: OwnHealth) -> tuple[int, float, float]:
    return WORST_FIRST.index(health.bottleneck), -health.busy_ms, -(health.loop_lag_ms.p99 or 0.0)


def shards_of(apart: Mapping[int | None, Timeline], shard_of: Mapping[int, int | None]) -> tuple[ShardOfRun, ...]:
    """Every shard of a run that was put together, those without a journal too."""
    lost = {event.row.index: event for event in apart[None].of(TrialsMissing)}
    played = Counter(shard for trial, shard in shard_of.items() if trial > 0)
    found = []
    for index in sorted({*(shard for shard in apart if shard is not None), *lost}):
        own, about = apart.get(index), lost.get(index)
        began = None if own is None else own.first(ShardBegan)
        missing = 0 if about is None else len(about.row.trials) or None
        found.append(
            ShardOfRun(
                index=index,
                of=int((began or lost[index]).data["of"]),
                run_id=None if began is None else began.row.run_id,
                trials=played[index],
                not_begun=0 if own is None else len(own.of(TrialNotBegun)),
                missing=missing,
                lost=None if about is None else about.row.reason,
            )
        )
    return tuple(found)
