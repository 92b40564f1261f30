"""What a trial's checks have to know of the run around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.checks.worker_log import WorkerLog
from lkdiag.timeline.clock import clock_samples

if TYPE_CHECKING:
    from lkdiag.checks.terms import Terms
    from lkdiag.timeline import Event, Timeline
    from lkdiag.timeline.clock import ClockSample

HEARD = ("clock.sampled", "job.offered", "job.assigned", "job.terminated")
"""What the server says on the probe's socket."""


@dataclass(frozen=True)
class Stall:
    """lkdiag's own event loop stood still: between two times (monotonic nanoseconds), and by how much in all.

    `late_ms` may be more than lies between them: the monotonic clock does not go on while the machine sleeps.
    """

    began_ns: int
    ended_ns: int
    late_ms: float


@dataclass(frozen=True)
class RunFacts:
    """Times are monotonic nanoseconds."""

    scenario: Terms
    probe_worker_ids: frozenset[str] = frozenset()
    clock_samples: tuple[ClockSample, ...] | None = None
    stalls: tuple[Stall, ...] = ()
    disconnected_ns: tuple[int, ...] = ()
    """When the probe noticed that its socket was lost."""
    heard_ns: tuple[int, ...] | None = None
    """When the server said something on the probe's socket: its order proves that nothing said earlier was lost.
    None where no account was kept."""
    probe_crashed_ns: tuple[int, ...] = ()
    rooms: tuple[Event, ...] = ()
    """Every room's creation."""
    webhooks: bool = False
    """Whether webhooks were to be received, or one was."""
    warmed_up: bool = False
    """Whether trials went before those that count."""
    log: WorkerLog | None = None
    """What the worker's own log says; None where none was given."""

    @classmethod
    def of(cls, scenario: Terms, timeline: Timeline) -> RunFacts:
        """From a whole run's timeline, or what there is of it so far."""
        stalled = timeline.of("lkdiag.stalled")
        return cls(
            scenario=scenario,
            probe_worker_ids=frozenset(event.data["worker_id"] for event in timeline.of("worker.registered")),
            clock_samples=clock_samples(timeline),
            stalls=tuple(Stall(e.data["began_mono_ns"], e.mono_ns, e.data["late_ms"]) for e in stalled),
            disconnected_ns=tuple(event.mono_ns for event in timeline.of("worker.disconnected")),
            heard_ns=tuple(event.mono_ns for event in timeline.of(*HEARD)),
            probe_crashed_ns=tuple(event.mono_ns for event in timeline.of("probe.crashed")),
            rooms=timeline.of("room.created"),
            webhooks=scenario.webhooks is not None or bool(timeline.of("webhook.received")),
            warmed_up=any(event.data.get("warmup") for event in timeline.of("trial.started")),
            log=WorkerLog.of(timeline),
        )
