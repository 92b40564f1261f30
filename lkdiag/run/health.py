"""Watches lkdiag itself: event loop, processors, open sockets, answer times, and the limits of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from lkdiag.errors import UsageError
from lkdiag.journal.run_kinds import LkdiagLimited, LkdiagSampled, LkdiagStalled, RunAborted
from lkdiag.scenario.dispatch import Caller, DispatchScenario, JoinBy
from lkdiag.stats import Quantiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.client.api_client import Control
    from lkdiag.journal.recorder import Recorder
    from lkdiag.scenario.call import TeardownScenario


BUSY = 0.9
"""From this share on the processors count as busy: a thread that wants one has to wait."""
WINDOW_S = 0.2
"""The time over which that share is measured. The kernel counts in ticks of 10 ms."""


@dataclass(frozen=True)
class Load:
    """The load of this machine and of lkdiag since the previous sample."""

    busy_ms: float
    """How long the processors were busy, with any process."""
    machine: float
    """The share of the processors that was in use, 0 to 1."""
    own_cores: float
    """How many processors lkdiag itself kept busy, all its threads together."""
    server_cores: float | None
    """The same for a private server; None without one."""
    waited_ms: float | None
    """How long threads of lkdiag and of a private server were ready to run but had no processor, all together; None if
    the system does not say (Linux does)."""


class LoadMeter:
    """Measures the load of the processors that this process may run on (taskset, a container's cpuset)."""

    def __init__(self, server_pid: int | None = None) -> None:
        self._server = None
        if server_pid is not None:
            with contextlib.suppress(psutil.Error):
                self._server = psutil.Process(server_pid)
        self._cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        self.cores = len(self._cpus) if self._cpus is not None else os.cpu_count() or 1
        self._busy_ms = 0.0
        self._window = self._sample = (time.monotonic(), *self._machine())
        self._own_s, self._server_s = time.process_time(), self._server_time_s()
        self._waits = self._waits_ns()

    def tick(self) -> None:
        """Add up how long the processors were busy. Call it every `WINDOW_S`."""
        now = time.monotonic()
        here = (now, *self._machine())
        if self._share(self._window, here) >= BUSY:
            self._busy_ms += (now - self._window[0]) * 1000
        self._window = here

    def take(self) -> Load:
        """The load since the previous call."""
        here = (time.monotonic(), *self._machine())
        own_s, server_s = time.process_time(), self._server_time_s()
        passed_s = max(here[0] - self._sample[0], 1e-6)
        server = None
        if server_s is not None and self._server_s is not None:
            server = round((server_s - self._server_s) / passed_s, 2)
        waits = self._waits_ns()
        waited_ns = None if waits is None else sum(ns - (self._waits or {}).get(who, 0) for who, ns in waits.items())
        load = Load(
            busy_ms=round(self._busy_ms, 1),
            machine=round(self._share(self._sample, here), 3),
            own_cores=round((own_s - self._own_s) / passed_s, 2),
            server_cores=server,
            waited_ms=None if waited_ns is None else round(waited_ns / 1e6, 1),
        )
        self._waits = waits
        self._sample, self._own_s, self._server_s, self._busy_ms = here, own_s, server_s, 0.0
        return load

    def _machine(self) -> tuple[float, float]:
        """Processor seconds in use, and in total. Time that a hypervisor gave to other machines (steal) is in use."""
        times = psutil.cpu_times(percpu=True)
        chosen = times if self._cpus is None else [times[cpu] for cpu in self._cpus if cpu < len(times)]
        everything = sum(sum(one) - getattr(one, "guest", 0.0) - getattr(one, "guest_nice", 0.0) for one in chosen)
        idle = sum(one.idle + getattr(one, "iowait", 0.0) for one in chosen)
        return everything - idle, everything

    @staticmethod
    def _share(before: tuple[float, float, float], after: tuple[float, float, float]) -> float:
        everything = after[2] - before[2]
        return min(1.0, max(0.0, (after[1] - before[1]) / everything)) if everything > 0 else 0.0

    def _server_time_s(self) -> float | None:
        if self._server is None:
            return None
        try:
            times = self._server.cpu_times()
        except psutil.Error:
            self._server = None
            return None
        return float(times.user + times.system)

    def _waits_ns(self) -> dict[str, int] | None:
        """By thread, since it began: /proc/PID/task/TID/schedstat, its second number (Linux, sched-stats.rst)."""
        pids = [os.getpid()] if self._server is None else [os.getpid(), self._server.pid]
        found: dict[str, int] = {}
        for pid in pids:
            try:
                threads = os.listdir(f"/proc/{pid}/task")
            except OSError:
                continue
            for thread in threads:
                path = f"/proc/{pid}/task/{thread}/schedstat"
                # the thread has ended, or the kernel does not count
                with contextlib.suppress(OSError, ValueError, IndexError), open(path, encoding="ascii") as file:
                    found[path] = int(file.read().split()[1])
        return found or None


def open_descriptors() -> int | None:
    """How many files and sockets this process has open; None if the system does not say."""
    try:
        return psutil.Process().num_fds()
    except (psutil.Error, AttributeError, OSError):
        return None


RESERVED = 100
"""Descriptors for lkdiag itself: 30 when it is idle (measured)."""
A_MEDIA_JOIN = 150
"""Descriptors of a participant with media, most of them for ICE: up to 180 (livekit 1.1.21, one interface)."""
A_TRIAL = 4
"""Descriptors for the API calls of a trial."""


def raise_descriptor_limit() -> int | None:
    """Raise the soft limit (often 1024) to the hard one, as any process may. Returns the new limit; None: no limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    wanted = 2**20 if hard == resource.RLIM_INFINITY else hard
    if wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS has a lower limit of its own (kern.maxfilesperproc)
            return soft
    return wanted


def check_capacity(scenario: DispatchScenario | TeardownScenario) -> None:
    """Raise the descriptor limit. Raises UsageError if it is still too low for the concurrent trials."""
    limit = raise_descriptor_limit()
    if limit is None or not isinstance(scenario, DispatchScenario):
        return
    joins = int(scenario.probe_is_subject) + int(scenario.effective_caller is not Caller.NONE)
    if scenario.join is JoinBy.SIGNAL:
        joins = 0
    each = A_TRIAL + joins * A_MEDIA_JOIN
    at_a_time = max(scenario.concurrency, scenario.burst or 0)
    needed = RESERVED + at_a_time * each
    if needed <= limit:
        return
    option = "--burst" if scenario.burst else "--concurrency"
    raise UsageError(
        f"{option} {at_a_time} needs about {needed:,} open files and sockets, and lkdiag may open {limit:,} here",
        f"raise it (ulimit -n {needed}), or lower {option} to about {max(1, (limit - RESERVED) // each)}"
        + (", or use --join signal" if joins else ""),
    )


INTERVAL_S = 0.05
STALL_MS = 200.0
"""A tenth of the 2 s after which a delivery is late."""
SAMPLE_S = 1.0
"""At most one sample a second: a run of a day has 86,400 of them."""


@contextlib.asynccontextmanager
async def health_watched(recorder: Recorder, control: Control, server_pid: int | None = None) -> AsyncIterator[None]:
    """While in this context, record lkdiag's load each second, and each stall: the loop is `STALL_MS` or more late.

    `server_pid` is a server on this machine. If this watch fails, the run is aborted: without it lkdiag's own delays
    would be blamed on the project.
    """
    watch = asyncio.create_task(_watch(recorder, control, server_pid), name="watch of lkdiag itself")
    try:
        yield
    finally:
        watch.cancel()
        (failed,) = await asyncio.gather(watch, return_exceptions=True)
        if isinstance(failed, Exception):
            recorder.record(RunAborted(reason=f"lkdiag's watch of itself failed: {failed!r}"))


async def _watch(recorder: Recorder, control: Control, server_pid: int | None) -> None:
    """Watch until cancelled; then record the last sample."""
    lags_ms = list[float]()
    began_ns = recorder.now_mono_ns(), recorder.now_wall_ns()
    heartbeat = asyncio.create_task(_measure_lag(recorder, began_ns, lags_ms), name="heartbeat of the loop")
    try:
        await _take_samples(recorder, control, LoadMeter(server_pid), lags_ms)
    finally:
        heartbeat.cancel()
        (failed,) = await asyncio.gather(heartbeat, return_exceptions=True)
        if isinstance(failed, Exception):
            raise failed


async def _measure_lag(recorder: Recorder, began_ns: tuple[int, int], lags_ms: list[float]) -> None:
    """Every `INTERVAL_S`, add to `lags_ms` how late the event loop is, from `began_ns` on (monotonic, wall clock).

    It reads both clocks: on Linux the monotonic one stands still while the machine is suspended.
    """
    mono_ns, wall_ns = began_ns
    while True:
        await asyncio.sleep(INTERVAL_S)
        # each interval begins where the last one ended: lkdiag may also stall in the lines below
        seen_ns, (mono_ns, wall_ns) = (mono_ns, wall_ns), (recorder.now_mono_ns(), recorder.now_wall_ns())
        passed_ms = max(mono_ns - seen_ns[0], wall_ns - seen_ns[1]) / 1e6
        late_ms = max(0.0, passed_ms - INTERVAL_S * 1000)
        lags_ms.append(round(late_ms, 1))
        if late_ms >= STALL_MS:
            recorder.record(LkdiagStalled(began_mono_ns=seen_ns[0], late_ms=round(late_ms, 1)))


async def _take_samples(recorder: Recorder, control: Control, meter: LoadMeter, lags_ms: list[float]) -> None:
    recorder.record(LkdiagLimited(descriptors=raise_descriptor_limit()))
    control.take_answer_times()
    began_ns = recorder.now_mono_ns()

    def record(load: Load) -> None:
        nonlocal began_ns
        lags, since_ns, began_ns = lags_ms.copy(), began_ns, recorder.now_mono_ns()
        lags_ms.clear()
        recorder.record(
            LkdiagSampled(
                began_mono_ns=since_ns,
                lags_ms=lags,
                cores=meter.cores,
                busy_ms=load.busy_ms,
                own_cores=load.own_cores,
                server_cores=load.server_cores,
                machine=load.machine,
                waited_ms=load.waited_ms,
                descriptors=open_descriptors(),
                answers_ms=_summed(control.take_answer_times()),
            )
        )

    taking: asyncio.Future[Load] | None = None
    try:
        while True:
            await asyncio.sleep(WINDOW_S)
            meter.tick()
            if recorder.now_mono_ns() - began_ns >= SAMPLE_S * 1e9:
                # in a thread: it reads one file per thread, which blocked the loop for 0.1 to 0.3 s
                taking = asyncio.ensure_future(asyncio.to_thread(meter.take))
                record(await asyncio.shield(taking))
                taking = None
    finally:
        record(meter.take() if taking is None else await taking)


def _summed(times_ms: list[float]) -> dict[str, float] | None:
    if not times_ms:
        return None
    figures = Quantiles.of(times_ms)
    assert figures.p50 is not None
    assert figures.p99 is not None
    assert figures.max is not None
    return {"count": figures.count, "p50": figures.p50, "p99": figures.p99, "max": figures.max}
