"""What lkdiag, a private server and everything else take of this machine's processors; descriptors that are open."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass

import psutil

BUSY = 0.9
"""From this share on the processors count as taken: whoever wants one has to wait for it."""
WINDOW_S = 0.2
"""Over which that share is measured: the kernel counts in ticks of 10 ms."""


@dataclass(frozen=True)
class Load:
    """Since the sample before."""

    busy_ms: float
    """For how long the processors were taken, by whomever."""
    machine: float
    """Their share that was in use, 0 to 1."""
    own_cores: float
    """Processors that lkdiag itself kept busy, all its threads together."""
    server_cores: float | None
    """The same of a private server; None without one."""
    waited_ms: float | None
    """For how long threads of lkdiag, or of a private server, were ready to run and had no processor, all together;
    None where the system does not say (Linux does)."""


class LoadMeter:
    """Only the processors that this process may run on are looked at (taskset, a container's cpuset)."""

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
        """To be called every `WINDOW_S`: it adds up how long the processors were taken."""
        now = time.monotonic()
        here = (now, *self._machine())
        if self._share(self._window, here) >= BUSY:
            self._busy_ms += (now - self._window[0]) * 1000
        self._window = here

    def take(self) -> Load:
        """What there was since this was asked last."""
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
        """Processor seconds in use, and all of them. What a hypervisor gave to others (steal) is in use."""
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
                # one that has ended since, or a kernel that does not keep account
                with contextlib.suppress(OSError, ValueError, IndexError), open(path, encoding="ascii") as file:
                    found[path] = int(file.read().split()[1])
        return found or None


def open_descriptors() -> int | None:
    """Files and sockets of this process; None where the system does not say."""
    try:
        return psutil.Process().num_fds()
    except (psutil.Error, AttributeError, OSError):
        return None
