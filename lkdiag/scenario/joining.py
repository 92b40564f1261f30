"""How lkdiag's own participants join in a run: as it was asked for, else by what so many trials at a time can bear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.scenario import step as words
from lkdiag.scenario.dispatch import Caller, JoinBy

if TYPE_CHECKING:
    from lkdiag.scenario.script import DispatchScript

MEDIA_AT_A_TIME_MAX = 8
"""More trials at a time join by signalling, if nobody asked for media. A join with media costs 0.13 s of CPU: eight at
a time on two cores add 0.2 s to the median latency, a tenth of what makes a delivery late (measured); with more of them
lkdiag would report its own work."""
MEDIA_RATE_MAX = 8.0
"""Trials begun a second, likewise: that many joins with media are a whole core's work."""
HELD_MAX_S = 50.0
"""How long a participant without media can be counted on: livekit-server removes it after 60 s (v1.13.5
pkg/rtc/room.go, Join: whoever is not active by then has not joined)."""
LINGER_S = 5.0
"""Above its waits: what an agent may be watched for when its job has ended, and what the calls take."""


def join_of(script: DispatchScript, shards: int = 1) -> JoinBy:
    """How its participants join. Raises UsageError where signalling alone was asked for and can't do.

    Of so many `shards` each has its own concurrency, and a share of the rate.
    """
    settings = script.settings
    why = _needs_media(script)
    if settings.join is JoinBy.SIGNAL and why is not None:
        raise UsageError(f"--join signal does not go with {why}", "leave it out, or use --join media")
    if settings.join is not None:
        return settings.join
    at_a_time = max(settings.concurrency, settings.burst or 0)
    many = at_a_time > MEDIA_AT_A_TIME_MAX or (settings.rate or 0.0) / shards > MEDIA_RATE_MAX
    return JoinBy.SIGNAL if many and why is None and settings.webhooks is None else JoinBy.MEDIA


def _needs_media(script: DispatchScript) -> str | None:
    """What in it can't be done by signalling alone, in words."""
    settings = script.settings
    if settings.effective_caller is Caller.PUBLISH:
        return "a caller who publishes: that takes media"
    steps = [step for steps in script.steps_by_case for step in steps]
    if any(isinstance(step, words.Join) and step.publish for step in steps):
        return "a step in which somebody publishes: that takes media"
    if any(isinstance(step, words.AskClient) for step in steps):
        return "ask-client: only a client with media is told of others in time"
    held_s = settings.settle_s + script.waits_s + LINGER_S
    if settings.effective_caller is not Caller.NONE or any(isinstance(step, words.Join) for step in steps):
        held_s += settings.timeout_s + settings.settle_s + settings.fallback_timeout_s
    if held_s > HELD_MAX_S:
        return (
            f"trials in which a participant may have to stay for {held_s:.0f} s: the server removes one without media "
            "after a minute"
        )
    return None
