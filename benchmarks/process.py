"""A command as a whole process: what it printed, and what it cost by the operating system's own account."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KIB_PER_RSS = 1024
"""`ru_maxrss` counts KiB on Linux (getrusage(2)); on macOS it counts bytes, and the figure is not comparable."""


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    stdout: str
    code: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    """On Linux it begins at what this process has at the start (the peak outlives exec): keep this process small."""


def run(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Cost:
    """Run it to its end; its stderr is dropped."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **(environ or {})}, text=True
    )
    assert process.stdout is not None
    stdout = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    return Cost(
        stdout,
        process.returncode,
        time.perf_counter() - began,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * KIB_PER_RSS,
    )
