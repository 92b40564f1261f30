"""What a trial's checks have to know of the run around it, and of the scenario: see `VerdictSettings`."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from lkdiag.facts.samples import Sample, Samples, Stall, Stalls, is_here, sample_of
from lkdiag.facts.worker_log import WorkerLogFacts
from lkdiag.journal.clock import EXCHANGES, Clocks, ClockTrack
from lkdiag.journal.participant_kinds import WebhookReceived
from lkdiag.journal.run_kinds import (
    ClockSampled,
    LkdiagSampled,
    LkdiagStalled,
    RunStarted,
    ServerDescribed,
    ServerStarted,
)
from lkdiag.journal.timeline import Timeline
from lkdiag.journal.trial_kinds import DispatchStarted, RoomCreated, TrialStarted
from lkdiag.journal.worker_kinds import (
    JobAssigned,
    JobOffered,
    JobTerminated,
    ProbeCrashed,
    WorkerDisconnected,
    WorkerLogLine,
    WorkerLogRead,
    WorkerRegistered,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkdiag.journal.clock import ClockSample
    from lkdiag.journal.event import Event

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
HEARD = (ClockSampled, JobOffered, JobAssigned, JobTerminated)
"""What the server says on the probe's socket."""
LOG = (WorkerLogRead, WorkerLogLine)
KINDS = frozenset(
    row.KIND
    for row in (
        *HEARD, *EXCHANGES, *LOG, LkdiagSampled, LkdiagStalled, ProbeCrashed, RunStarted, ServerDescribed,
        ServerStarted, TrialStarted, WebhookReceived, WorkerDisconnected, WorkerRegistered,
    )
)  # fmt: skip
"""Of the events that all trials' checks have to know, whichever trial they belong to."""


class VerdictSettings(Protocol):
    """The part of a DispatchScenario by which a trial is judged. All durations are in seconds.

    Checks are typed against this and import no scenario, so that neither what was broken on purpose nor which workers
    were simulated can reach a verdict.
    """

    @property
    def timeout_s(self) -> float:
        """An agent that has not joined by then is lost."""

    @property
    def delayed_after_s(self) -> float:
        """A later agent is late."""

    @property
    def settle_s(self) -> float:
        """How long a job may stay unlisted though its agent is there."""

    @property
    def fallback(self) -> bool:
        """Whether a second dispatch is tried for a trial whose agent never came."""

    @property
    def fallback_timeout_s(self) -> float:
        """How long its agent may take."""

    @property
    def gap_s(self) -> float:
        """The pause between two trials."""

    @property
    def job_type(self) -> str:
        """For which kind of job the probe registers: room, participant or publisher."""

    @property
    def webhooks(self) -> object:
        """None: no receiver of webhooks is part of the story. How one treats them is none of the judge's business."""

    @property
    def webhook_listen(self) -> object:
        """None: nobody said where a project's webhooks would come to."""


class Moments:
    """Many moments of a run, kept small, of which those in a span of time are found at once.

    Monotonic nanoseconds, recorded in their order but for those of a second machine.
    """

    def __init__(self) -> None:
        self._at_ns = array("q")
        self._sorted = True

    def __len__(self) -> int:
        return len(self._at_ns)

    def add(self, at_ns: int) -> None:
        """One more."""
        self._sorted = self._sorted and (not self._at_ns or self._at_ns[-1] <= at_ns)
        self._at_ns.append(at_ns)

    def first_after(self, at_ns: int) -> int | None:
        """The earliest that is later than that; None where there is none."""
        if not self._sorted:
            self._at_ns = array("q", sorted(self._at_ns))
            self._sorted = True
        found = bisect_right(self._at_ns, at_ns)
        return self._at_ns[found] if found < len(self._at_ns) else None


class RoomMade(msgspec.Struct, frozen=True, gc=False):
    """What is to be known of a room's creation."""

    seq: int
    mono_ns: int
    sid: str
    creation_time_ms: int


class RoomsMade:
    """Every creation, by the room's name, in the order in which they were seen."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[RoomMade]] = {}
        self._newest_ms: dict[str, list[int]] = {}
        """By name, the newest creation up to each of them."""

    def note(self, event: Event, made: RoomCreated) -> None:
        """Take a `room.created`, and what it says."""
        room = RoomMade(event.seq, event.mono_ns, made.sid, made.creation_time_ms or 0)
        self._by_name.setdefault(made.name, []).append(room)

    def without_single(self) -> Self:
        """The same, less the names that had one room only: nobody asks for those."""
        self._by_name = {name: rooms for name, rooms in self._by_name.items() if len(rooms) > 1}
        return self

    def not_older_before(self, name: str, seq: int, creation_time_ms: int) -> Iterator[RoomMade]:
        """The rooms of that name made before that event which claim to be as new as one of that time, or newer."""
        rooms = self._by_name.get(name, [])
        until = bisect_left(rooms, seq, key=lambda room: room.seq)
        newest_ms = self._newest_ms_of(name)
        # in a run in which each room is newer than the last, none is looked at
        if until and newest_ms[until - 1] >= creation_time_ms:
            yield from (room for room in rooms[:until] if room.creation_time_ms >= creation_time_ms)

    def _newest_ms_of(self, name: str) -> list[int]:
        if name not in self._newest_ms:
            newest_ms: list[int] = []
            for room in self._by_name.get(name, []):
                newest_ms.append(max(room.creation_time_ms, newest_ms[-1] if newest_ms else 0))
            self._newest_ms[name] = newest_ms
        return self._newest_ms[name]


@dataclass(frozen=True)
class RunFacts:
    """Times are monotonic nanoseconds."""

    settings: VerdictSettings
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
    log: WorkerLogFacts | None = None
    """What the worker's own log says; None where none was given."""
    shard: int | None = None
    """Which of several processes ran the trial: times are compared only within one. None: there was only one."""

    @classmethod
    def of(cls, settings: VerdictSettings, events: Iterable[Event]) -> RunFacts:
        """From a whole run's events, or what there is of them so far."""
        gathered = RunFactsSoFar(settings)
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
    def load(self) -> Samples:
        """lkdiag's own load, to be asked for that of a time."""
        return Samples(self.samples)


class RunFactsSoFar:
    """Gathers them, event by event: what it keeps of a trial is a few numbers."""

    def __init__(self, settings: VerdictSettings) -> None:
        self._settings = settings
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
        row = event.row
        self._counts[event.kind] += 1
        if isinstance(row, EXCHANGES):
            self._clocks.note(event)
        if isinstance(row, HEARD):
            self._heard_ns.add(event.mono_ns)
        if isinstance(row, RoomCreated):
            self._rooms.note(event, row)
        elif isinstance(row, LkdiagStalled):
            self._stalls.append(Stall(row.began_mono_ns, event.mono_ns, row.late_ms))
        elif isinstance(row, LkdiagSampled):
            self._samples.append(sample_of(row, event.mono_ns))
        elif isinstance(row, RunStarted | ServerStarted):
            self._shares_machine = self._shares_machine or is_here(row)
            self._note_version(row.version if isinstance(row, ServerStarted) else None)
        elif isinstance(row, WorkerRegistered):
            self._probe_worker_ids.add(row.worker_id)
            self._note_version(row.server.get("version"))
        elif isinstance(row, ServerDescribed):
            self._note_version(row.server.get("version"))
        elif isinstance(row, WorkerDisconnected):
            self._disconnected_ns.append(event.mono_ns)
        elif isinstance(row, ProbeCrashed):
            self._crashed_ns.append(event.mono_ns)
        elif isinstance(row, DispatchStarted):
            self._warmed_up = self._warmed_up or bool(event.data.get("warmup"))
        elif isinstance(row, LOG):
            self._log.append(event)

    def _note_version(self, text: object) -> None:
        found = _VERSION.match(str(text))
        if found is not None:
            self._server_version = tuple(int(number) for number in found.groups())

    def facts(self) -> RunFacts:
        """All that was gathered."""
        return RunFacts(
            settings=self._settings,
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
            webhooks=self._settings.webhooks is not None
            or (self._settings.webhook_listen is not None and self._counts[WebhookReceived.KIND] > 0),
            warmed_up=self._warmed_up,
            log=WorkerLogFacts.of(Timeline(self._log)),
        )
