"""What a dispatch trial's timeline says, before anybody judges it. Every check reads these, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lkdiag.timeline.attribution import agents_of_dispatch, dispatch_under_test, identities_of, jobs_of

if TYPE_CHECKING:
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.timeline import Event, Timeline
    from lkdiag.timeline.clock import ClockEstimate

LOOKS = {"participants": "ListParticipants", "dispatches": "ListDispatch"}


@dataclass(frozen=True)
class Stall:
    """lkdiag's own event loop stood still (monotonic nanoseconds)."""

    began_ns: int
    late_ms: float


@dataclass(frozen=True)
class RunFacts:
    """What a trial has to know of the run around it."""

    scenario: DispatchScenario
    probe_worker_ids: frozenset[str]
    clock: ClockEstimate | None
    stalls: tuple[Stall, ...]
    disconnected_ns: tuple[int, ...]
    """When the probe lost its socket (monotonic nanoseconds)."""
    probe_crashes: tuple[Event, ...] = ()


@dataclass(frozen=True)
class DispatchFacts:
    """One trial's facts. Times ending in `_ms` without another word are the server's, Unix milliseconds."""

    index: int
    run: RunFacts
    timeline: Timeline

    # -- the trial itself ----------------------------------------------------------------------------------------

    @cached_property
    def started(self) -> Event:
        """How the trial began."""
        event = self.timeline.first("trial.started")
        assert event is not None, "a trial's timeline begins with trial.started"
        return event

    @property
    def on_probe(self) -> bool:
        """Whether lkdiag's own worker is the one that should come."""
        return bool(self.started.data["on_probe"])

    @property
    def agent_name(self) -> str:
        """The name that was dispatched; empty for automatic dispatch."""
        return str(self.started.data["agent_name"])

    @property
    def finished(self) -> bool:
        """Whether it went to its end: not interrupted, not killed."""
        return self.timeline.first("trial.finished") is not None and not self.timeline.of("trial.interrupted")

    @cached_property
    def failure(self) -> Event | None:
        """Why it could not be carried out, if so."""
        return self.timeline.first("trial.failed", "room.reused", "trial.crashed")

    @cached_property
    def room(self) -> Event | None:
        """The room's creation."""
        return self.timeline.first("room.created")

    @property
    def creation_ms(self) -> int | None:
        """Room.creation_time_ms."""
        return None if self.room is None else int(self.room.data["creation_time_ms"])

    @cached_property
    def closing_began_ns(self) -> int:
        """When lkdiag began to close the room; monotonic nanoseconds. What changes later is lkdiag's own doing."""
        closing = next(
            (e for e in self.timeline.of("api.called") if e.data["method"] == "DeleteRoom"),
            self.timeline.last("room.deleted", "trial.finished", "trial.interrupted"),
        )
        if closing is None:
            return max(event.mono_ns for event in self.timeline)
        return int(closing.data.get("began_mono_ns", closing.mono_ns))

    # -- the dispatch under test ---------------------------------------------------------------------------------

    @cached_property
    def listings(self) -> tuple[Event, ...]:
        """Every change of what listDispatch said, until lkdiag closed the room."""
        return tuple(e for e in self.timeline.of("dispatch.listed") if e.mono_ns <= self.closing_began_ns)

    @property
    def fallback_id(self) -> str | None:
        """The dispatch that was tried when nobody had come."""
        event = self.timeline.first("fallback.created")
        return None if event is None else str(event.data["dispatch_id"])

    def dispatch_in(self, listing: Event | None) -> dict[str, Any] | None:
        """The dispatch under test, in one answer of listDispatch."""
        if listing is None:
            return None
        created = self.timeline.first("dispatch.created")
        known_id = None if created is None else str(created.data["dispatch_id"])
        others = () if self.fallback_id is None else (self.fallback_id,)
        return dispatch_under_test(listing.data["dispatches"], self.agent_name, known_id, others)

    @cached_property
    def dispatch(self) -> dict[str, Any] | None:
        """As it was listed last; before it was listed at all, as CreateDispatch answered it."""
        listed = next((d for e in reversed(self.listings) if (d := self.dispatch_in(e)) is not None), None)
        created = self.timeline.first("dispatch.created")
        if listed is None and created is not None and not self.listings:
            return {**created.data, "jobs": []}
        return listed

    @cached_property
    def jobs(self) -> list[dict[str, Any]]:
        """The dispatch's jobs, as they were listed last."""
        return jobs_of(self.dispatch)

    @cached_property
    def job(self) -> dict[str, Any] | None:
        """The newest of them."""
        return max(self.jobs, key=lambda job: job.get("started_at_ns", 0), default=None)

    @cached_property
    def job_listed(self) -> Event | None:
        """The first answer of listDispatch with a job in it."""
        return next((e for e in self.listings if jobs_of(self.dispatch_in(e))), None)

    # -- who was in the room -------------------------------------------------------------------------------------

    @cached_property
    def joins(self) -> tuple[Event, ...]:
        """Agents as they were first seen, until lkdiag closed the room."""
        return tuple(e for e in self.timeline.of("agent.joined") if e.mono_ns <= self.closing_began_ns)

    @cached_property
    def own_identities(self) -> set[str]:
        """Under which the agents of the dispatch under test join: by listDispatch, and by the probe that accepted."""
        accepted = {
            str(e.data["identity"])
            for e in self.timeline.of("job.accepted")
            if self.dispatch is not None and e.data["dispatch_id"] == self.dispatch["dispatch_id"]
        }
        return identities_of(self.jobs) | accepted

    @cached_property
    def foreign_identities(self) -> set[str]:
        """Of the room's other dispatches: the fallback, or the unnamed one that brings automatic workers."""
        mine = None if self.dispatch is None else self.dispatch["dispatch_id"]
        listed = {
            identity
            for event in self.listings
            for item in event.data["dispatches"]
            if item["dispatch_id"] != mine
            for identity in identities_of(item["jobs"])
        }
        accepted = {str(e.data["identity"]) for e in self.timeline.of("job.accepted") if e.data["dispatch_id"] != mine}
        return listed | accepted

    @cached_property
    def agent(self) -> dict[str, Any] | None:
        """The first agent that joined for the dispatch under test.

        One that can be told only by its name does not count once the fallback was made: it may be the fallback's.
        """
        fallback = self.timeline.first("fallback.created")
        seen = [
            event.data
            for event in self.joins
            if fallback is None or event.seq < fallback.seq or event.data["identity"] in self.own_identities
        ]
        agents = agents_of_dispatch(seen, self.agent_name, self.own_identities, self.foreign_identities)
        return agents[0] if agents else None

    @cached_property
    def agent_seen(self) -> Event | None:
        """The look that first showed that agent."""
        agent = self.agent
        return None if agent is None else next(e for e in self.joins if e.data["sid"] == agent["sid"])

    @cached_property
    def agent_left(self) -> Event | None:
        """That agent was gone again, before lkdiag closed the room."""
        agent = self.agent
        if agent is None:
            return None
        return next(
            (
                e
                for e in self.timeline.of("agent.left")
                if e.data["sid"] == agent["sid"] and e.mono_ns <= self.closing_began_ns
            ),
            None,
        )

    @cached_property
    def strangers(self) -> tuple[dict[str, Any], ...]:
        """Agents in the room of which no dispatch of lkdiag's is known to have brought them."""
        known = self.own_identities | self.foreign_identities
        return tuple(
            e.data
            for e in self.joins
            if e.data["identity"] not in known and (self.agent is None or e.data["sid"] != self.agent["sid"])
        )

    @property
    def latency_ms(self) -> float | None:
        """`joined_at_ms - creation_time_ms`, both the server's."""
        if self.agent is None or self.creation_ms is None:
            return None
        return float(self.agent["joined_at_ms"] - self.creation_ms)

    # -- how well it was watched ---------------------------------------------------------------------------------

    def looks(self, what: str) -> tuple[Event, ...]:
        """Answered looks at the `participants` or the `dispatches`, until lkdiag closed the room."""
        return tuple(
            e
            for e in self.timeline.of("api.called")
            if e.data["method"] == LOOKS[what] and e.data["ok"] and e.mono_ns <= self.closing_began_ns
        )

    def looked_since(self, what: str, mono_ns: int) -> bool:
        """Whether such a look began at that time or later, and was answered."""
        return any(e.data["began_mono_ns"] >= mono_ns for e in self.looks(what))

    @cached_property
    def longest_gap_ms(self) -> float:
        """The longest time between two answered looks at the participants."""
        times = [e.mono_ns for e in self.looks("participants")]
        return max((after - before for before, after in pairwise(times)), default=0) / 1e6

    @cached_property
    def opened_ns(self) -> int | None:
        """When this machine asked for the room; monotonic nanoseconds."""
        if self.room is None:
            return None
        call = next((e for e in self.timeline.of("api.called") if e.data["method"] == "CreateRoom"), None)
        joining = self.timeline.first("caller.joining")
        if call is not None:
            return int(call.data["began_mono_ns"])
        return self.room.mono_ns if joining is None else joining.mono_ns

    @cached_property
    def stalled_ms(self) -> float:
        """For how long, in all, lkdiag itself stood still during the trial."""
        return sum(
            stall.late_ms
            for stall in self.run.stalls
            if stall.began_ns <= self.closing_began_ns and stall.began_ns + stall.late_ms * 1e6 >= self.started.mono_ns
        )

    @property
    def probe_was_lost(self) -> bool:
        """Whether the probe lost its socket during the trial."""
        return any(self.started.mono_ns <= at <= self.closing_began_ns for at in self.run.disconnected_ns)

    # -- the probe's own view ------------------------------------------------------------------------------------

    def probe_event(self, *kinds: str) -> Event | None:
        """The probe's first event of these kinds about a job of the dispatch under test."""
        if self.dispatch is None:
            return None
        mine = self.dispatch["dispatch_id"]
        return next((e for e in self.timeline.of(*kinds) if e.data.get("dispatch_id") == mine), None)

    # -- the fallback --------------------------------------------------------------------------------------------

    @cached_property
    def fallback_agent(self) -> dict[str, Any] | None:
        """The agent that the fallback brought."""
        if self.fallback_id is None:
            return None
        jobs = [
            job
            for event in self.listings
            for item in event.data["dispatches"]
            if item["dispatch_id"] == self.fallback_id
            for job in item["jobs"]
        ]
        own = identities_of(jobs) | {
            str(e.data["identity"])
            for e in self.timeline.of("job.accepted")
            if e.data["dispatch_id"] == self.fallback_id
        }
        return next((e.data for e in self.joins if e.data["identity"] in own), None)

    @cached_property
    def fallback_created_ms(self) -> float | None:
        """When the server made the fallback's dispatch."""
        for event in reversed(self.listings):
            for item in event.data["dispatches"]:
                if item["dispatch_id"] == self.fallback_id and item["created_at_ns"]:
                    return float(item["created_at_ns"] / 1e6)
        return None

    # -- stages --------------------------------------------------------------------------------------------------

    @cached_property
    def stages_ms(self) -> dict[str, float]:
        """Since the room's creation: every stage that was seen, in the order in which they follow each other.

        `dispatch`, `job_started` and `joined` are the server's own times; `offered`, `accepted`, `assigned`,
        `active` and `first_track` were seen by lkdiag, and are put on the server's clock by `RunFacts.clock`.
        """
        if self.creation_ms is None:
            return {}
        created = float(self.creation_ms)
        stages: dict[str, float | None] = {"created": created}
        if self.dispatch is not None and self.dispatch.get("created_at_ns"):
            stages["dispatch"] = self.dispatch["created_at_ns"] / 1e6
        if self.job is not None and self.job.get("started_at_ns"):
            stages["job_started"] = self.job["started_at_ns"] / 1e6
        for stage in ("offered", "accepted", "assigned"):
            stages[stage] = self._on_server_clock(self.probe_event(f"job.{stage}"))
        agent = self.agent
        if agent is not None:
            stages["joined"] = float(agent["joined_at_ms"])
            stages["active"] = self._on_server_clock(self._agent_active)
            stages["first_track"] = self._on_server_clock(
                next(
                    (e for e in self.timeline.of("agent.track_published") if e.data["identity"] == agent["identity"]),
                    None,
                )
            )
        return {name: round(at - created, 1) for name, at in stages.items() if at is not None}

    @cached_property
    def _agent_active(self) -> Event | None:
        """The agent's media were connected: by its own word where it is the probe's, else by the API's first."""
        agent = self.agent
        if agent is None:
            return None
        of_agent = (e for e in self.timeline.of("agent.joined", "agent.changed") if e.data["sid"] == agent["sid"])
        joined = next((e for e in self.timeline.of("probe.joined") if e.data["sid"] == agent["sid"]), None)
        return joined or next((e for e in of_agent if e.data["state"] == "active"), None)

    @property
    def state_lag_ms(self) -> float | None:
        """From the agent's joining until a look showed its job; 0 where the job was listed first.

        How late the look came counts in: it is an upper bound, by up to the time between two looks.
        """
        if self.agent is None or self.job_listed is None or self.agent_seen is None:
            return None
        if self.job_listed.seq < self.agent_seen.seq:
            return 0.0
        listed_ms = self._on_server_clock(self.job_listed)
        if listed_ms is not None:
            return round(max(0.0, listed_ms - float(self.agent["joined_at_ms"])), 1)
        return round((self.job_listed.mono_ns - self.agent_seen.mono_ns) / 1e6, 1)

    def _on_server_clock(self, event: Event | None) -> float | None:
        if event is None or self.run.clock is None:
            return None
        return self.run.clock.server_ms(event.at_ns)
