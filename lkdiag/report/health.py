"""From lkdiag's samples of itself to what the report says of them, and what it advises."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from lkdiag.checks.strain import is_here, sample_of
from lkdiag.report.health_value import Health
from lkdiag.scenario.dispatch import Caller, DispatchScenario, JoinBy
from lkdiag.stats import Quantiles

if TYPE_CHECKING:
    from lkdiag.scenario.teardown import TeardownScenario
    from lkdiag.timeline import Timeline

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
) -> Health | None:
    """Of one process's events that belong to no trial; None without a sample. It carried `trials` out."""
    samples = [event for event in run.of("lkdiag.sampled") if event.mono_ns > event.data["began_mono_ns"]]
    if not samples:
        return None
    data = [sample.data for sample in samples]
    seconds = [(sample.mono_ns - sample.data["began_mono_ns"]) / 1e9 for sample in samples]
    cores = int(data[-1]["cores"])
    own_s = sum(one["own_cores"] * length for one, length in zip(data, seconds, strict=True))
    server_s = sum(one.get("server_cores", 0.0) * length for one, length in zip(data, seconds, strict=True))
    lag_ms = Quantiles.of([lag for one in data for lag in one["lags_ms"]])
    answers = [one["answers_ms"]["p99"] for one in data if "answers_ms" in one]
    busy = [one for one in data if one["busy_ms"] > 0]
    load = [
        (one["own_cores"] * shared.here + one.get("server_cores", 0.0)) / max(one["machine"] * cores, 0.01)
        for one in busy
    ]
    busy_ms = sum(one["busy_ms"] for one in data)
    cpu_s = (own_s + server_s / shared.here) / trials if trials else None
    limited = run.first("lkdiag.limited")
    limit = None if limited is None else limited.data.get("descriptors")
    descriptors = max((one["descriptors"] for one in data if "descriptors" in one), default=None)

    bottleneck, told = None, ""
    harmed_ms = sum(sample_of(event).busy_ms for event in samples)
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
        and any(map(is_here, run.of("run.started", "server.started")))
    ):
        told += "; the server is on this machine, and was held up too"
    return Health(
        loop_lag_ms=lag_ms,
        stalled_ms=round(sum(event.data["late_ms"] for event in run.of("lkdiag.stalled")), 1),
        cores=cores,
        machine_percent=Quantiles.of([100 * one["machine"] for one in data]),
        busy_ms=round(busy_ms, 1),
        own_percent=Quantiles.of([100 * one["own_cores"] for one in data]),
        server_percent=Quantiles.of([100 * one["server_cores"] for one in data if "server_cores" in one]),
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
