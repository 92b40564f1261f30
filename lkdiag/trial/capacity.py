"""How many files and sockets this process may open, and whether as many trials at a time as are asked for fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.scenario.dispatch import Caller, DispatchScenario, JoinBy

if TYPE_CHECKING:
    from lkdiag.scenario.teardown import TeardownScenario

RESERVED = 100
"""For lkdiag itself: 30 when it is idle (measured)."""
A_MEDIA_JOIN = 150
"""Measured: up to 180 for each participant with media (livekit 1.1.21, one network interface), most of them for ICE."""
A_TRIAL = 4
"""Its API calls."""


def raise_descriptor_limit() -> int | None:
    """Raise the soft limit (often 1024) to the hard one, as any process may; what it is then. None: there is none."""
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
    """Raise the limit, and raise UsageError where the trials that go on at a time can't fit even so."""
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
