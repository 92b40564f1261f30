"""What the report says of lkdiag's own load: was it the bottleneck, and what would help?"""

from __future__ import annotations

from dataclasses import dataclass

from lkdiag.stats import Quantiles


@dataclass(frozen=True)
class Health:
    """Over the whole run, its clean-up included; sampled once a second, the loop's lag every 50 ms."""

    loop_lag_ms: Quantiles
    """How late lkdiag's event loop came."""
    stalled_ms: float
    """Lags of 200 ms and more, all together."""
    cores: int
    """Processors that lkdiag may run on."""
    machine_percent: Quantiles
    """Their share that was in use, second by second: 0 to 100."""
    busy_ms: float
    """For how long they were all taken."""
    own_percent: Quantiles
    """What lkdiag itself kept busy of them; 100 is one whole processor."""
    server_percent: Quantiles
    """The same of the private livekit-server beside it."""
    cpu_ms_a_trial: float | None
    """What a trial has cost: lkdiag's processor time and the private server's."""
    descriptors_max: int | None
    """Most files and sockets that were open at a time."""
    descriptors_limit: int | None
    answers_ms: Quantiles
    """By second the 99th percentile of how long the server took to answer a call."""
    bottleneck: str | None
    """What held the run up: `lkdiag`, `this machine` or `the server`; None where nothing did."""
    advice: str
    """In a sentence or two; empty where there is nothing to say."""
    shard: int | None = None
    """Of a run of several processes: whose figures these are, the one's that fared worst. None: there was one."""
