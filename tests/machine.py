"""How much the machine kept processes waiting: what a test on a real server needs to know of where it runs."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PRESSURE = Path("/proc/pressure/cpu")
BUSY_SHARE = 0.2
"""Of the time: beside nothing else, tests on a real server have up to 0.1; beside two busy loops 0.25 and more."""
BUSY_SHARE_OF_SEVERAL = 0.5
"""The same where several tests run at a time, which wait for one another as well."""


@dataclass(frozen=True)
class Waits:
    """For how long, since the machine started, something waited for a processor; in seconds. 0 where no one counts."""

    waited_s: float = field(default_factory=lambda: _waited_s())
    stolen_s: float = field(
        default_factory=lambda: getattr(psutil.cpu_times(), "steal", 0.0) / (psutil.cpu_count() or 1)
    )
    at_s: float = field(default_factory=time.monotonic)

    def was_busy(self) -> bool:
        """Whether since then more was waited than the tests alone make wait."""
        several = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1
        return self.share() > (BUSY_SHARE_OF_SEVERAL if several else BUSY_SHARE)

    def share(self) -> float:
        """Of the time since then in which a process of this machine, or the machine itself, waited."""
        now = Waits()
        return max(now.waited_s - self.waited_s, now.stolen_s - self.stolen_s) / (now.at_s - self.at_s)


def _waited_s() -> float:
    """Linux' own count (Documentation/accounting/psi.rst): the time in which at least one process had to wait."""
    try:
        some = re.search(r"^some .*total=(\d+)", PRESSURE.read_text("ascii"), re.MULTILINE)
    except OSError:
        return 0.0
    return int(some[1]) / 1e6 if some else 0.0
