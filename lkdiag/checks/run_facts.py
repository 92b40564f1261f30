"""What a trial's checks have to know of the run around it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.checks.moments import Moments
from lkdiag.checks.rooms import RoomsMade
from lkdiag.checks.stalls import Stall, Stalls
from lkdiag.checks.strain import Sample, Samples, is_here, sample_of
from lkdiag.checks.worker_log import WorkerLog
from lkdiag.timeline import Timeline
from lkdiag.timeline.clock import KINDS as CLOCK
from lkdiag.timeline.clock import Clocks, ClockTrack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkdiag.checks.terms import Terms
    from lkdiag.timeline import Event
    from lkdiag.timeline.clock import ClockSample

__all__ = ["RunFacts", "Stall"]

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
HEARD = ("clock.sampled", "job.offered", "job.assigned", "job.terminated")
"""What the server says on the probe's socket."""
LOG = ("worker_log.read", "worker_log.line")
KINDS = frozenset(
    {
        *HEARD,
        *CLOCK,
        *LOG,
        "lkdiag.sampled",
        "lkdiag.stalled",
        "probe.crashed",
        "run.started",
        "server.described",
        "server.started",
        "trial.started",
        "webhook.received",
        "worker.disconnected",
        "worker.registered",
    }
)
"""Of the events that all trials' checks have to know, whichever trial they belong to."""


@dataclass(frozen=True)
class RunFacts:
    """Times are monotonic nanoseconds."""

    scenario: Terms
    probe_worker_ids: frozenset[str] = frozenset()
    clock_samples: tuple[ClockSample, ...] | None = None
    stalls: tuple[Stall, ...] = ()
    samples: tuple[Sample, ...] = ()
    """lkdiag's own load; none in the journals of older versions."""
    shares_machine: bool = False
    """Whether the server runs on this machine."""
    disconnected_ns: tuple[int, ...] = ()
    """When the probe noticed that its socket was lost."""
    heard_ns: Moments | None = None
    """When the server said something on the probe's socket: its order proves that nothing said earlier was lost.
    None where no account was kept."""
    probe_crashed_ns: tuple[int, ...] = ()
    rooms: RoomsMade = field(default_factory=RoomsMade)
    """Every room's creation under a name that had more than one."""
    server_version: tuple[int, ...] | None = None
    """`(1, 13, 5)`; None where the server, or its version, is not known."""
    webhooks: bool = False
    """Whether they are judged: they were asked for, and not only taken as witnesses."""
    warmed_up: bool = False
    """Whether trials went before those that count."""
    log: WorkerLog | None = None
    """What the worker's own log says; None where none was given."""
    shard: int | None = None
    """Which of several processes the trial was played by: times are compared within one alone. None: there was one."""

    @classmethod
    def of(cls, scenario: Terms, events: Iterable[Event]) -> RunFacts:
        """From a whole run's events, or what there is of them so far."""
        gathered = RunFactsSoFar(scenario)
        for event in events:
            if event.kind in KINDS:
                gathered.note(event)
        return gathered.facts()

    @cached_property
    def clock_track(self) -> ClockTrack:
        """The exchanges, to be asked for those near a trial."""
        return ClockTrack(self.clock_samples or ())

    @cached_property
    def stood_still(self) -> Stalls:
        """The stalls, to be asked for those of a time."""
        return Stalls(self.stalls)

    @cached_property
    def strained(self) -> Samples:
        """lkdiag's own load, to be asked for that of a time."""
        return Samples(self.samples)


class RunFactsSoFar:
    """Gathers them, event by event: what it keeps of a trial is a few numbers."""

    def __init__(self, scenario: Terms) -> None:
        self._scenario = scenario
        self._counts: Counter[str] = Counter()
        self._probe_worker_ids: set[str] = set()
        self._clocks = Clocks()
        self._stalls: list[Stall] = []
        self._samples: list[Sample] = []
        self._shares_machine = False
        self._disconnected_ns: list[int] = []
        self._heard_ns = Moments()
        self._crashed_ns: list[int] = []
        self._rooms = RoomsMade()
        self._server_version: tuple[int, ...] | None = None
        self._warmed_up = False
        self._log: list[Event] = []

    def note(self, event: Event) -> None:
        """Take one of KINDS."""
        kind, data = event.kind, event.data
        self._counts[kind] += 1
        if kind in CLOCK:
            self._clocks.note(event)
        if kind in HEARD:
            self._heard_ns.add(event.mono_ns)
        if kind == "room.created":
            self._rooms.note(event)
        elif kind == "lkdiag.stalled":
            self._stalls.append(Stall(data["began_mono_ns"], event.mono_ns, data["late_ms"]))
        elif kind == "lkdiag.sampled":
            self._samples.append(sample_of(event))
        elif kind in ("run.started", "server.started"):
            self._shares_machine = self._shares_machine or is_here(event)
            self._note_version(data.get("version"))
        elif kind == "worker.registered":
            self._probe_worker_ids.add(data["worker_id"])
            self._note_version(data["server"].get("version"))
        elif kind == "server.described":
            self._note_version(data["server"].get("version"))
        elif kind == "worker.disconnected":
            self._disconnected_ns.append(event.mono_ns)
        elif kind == "probe.crashed":
            self._crashed_ns.append(event.mono_ns)
        elif kind == "trial.started":
            self._warmed_up = self._warmed_up or bool(data.get("warmup"))
        elif kind in LOG:
            self._log.append(event)

    def _note_version(self, text: object) -> None:
        found = _VERSION.match(str(text))
        if found is not None:
            self._server_version = tuple(int(number) for number in found.groups())

    def facts(self) -> RunFacts:
        """All that was gathered."""
        return RunFacts(
            scenario=self._scenario,
            probe_worker_ids=frozenset(self._probe_worker_ids),
            clock_samples=self._clocks.samples(),
            stalls=tuple(self._stalls),
            samples=tuple(self._samples),
            shares_machine=self._shares_machine,
            disconnected_ns=tuple(self._disconnected_ns),
            heard_ns=self._heard_ns,
            probe_crashed_ns=tuple(self._crashed_ns),
            rooms=self._rooms.without_single(),
            server_version=self._server_version,
            webhooks=self._scenario.webhooks is not None
            or (self._scenario.webhook_listen is not None and self._counts["webhook.received"] > 0),
            warmed_up=self._warmed_up,
            log=WorkerLog.of(Timeline(self._log)),
        )
