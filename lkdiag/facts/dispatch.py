"""What a dispatch trial's timeline says, before anybody judges it. Every check reads these, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from lkdiag.facts.dispatch_timing import DispatchTiming
from lkdiag.facts.unseen import joins_by_webhook, leaves_by_webhook
from lkdiag.journal.attribution import (
    agents_of_dispatch,
    bears_name,
    dispatch_under_test,
    identities_of,
    jobs_of,
    was_declined,
)
from lkdiag.journal.participant_kinds import (
    AgentChanged,
    AgentJoined,
    AgentLeft,
    AgentTrackPublished,
    OwnParticipant,
    ProbeJoined,
    WebhookReceived,
)
from lkdiag.journal.trial_kinds import (
    CreatedByCall,
    DispatchCreated,
    DispatchListed,
    FallbackCreated,
    FallbackFailed,
    RetryCreated,
    RoomWatchedClosely,
)
from lkdiag.journal.worker_kinds import JobAccepted, JobAssigned, JobOffered, JobRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.facts.run import RunFacts
    from lkdiag.journal.clock import ClockEstimate
    from lkdiag.journal.event import Event
    from lkdiag.journal.timeline import Timeline

AROUND_NS = 10_000_000_000
"""Exchanges so near to a trial tell its clock: later the clocks may have drifted, or been set."""
CLOCK_ERROR_MAX_MS = 250.0
"""A clock less well known would put a stage on the wrong side of another one."""
ABORTED_SINCE = (1, 10, 0)
"""`participant_connection_aborted` came with livekit/protocol#1166 (August 2025), after livekit-server 1.9.0: an older
server says nothing of an agent that leaves before its media are connected."""
MADE = (DispatchCreated, FallbackCreated, RetryCreated)
"""What CreateDispatch made."""

J = TypeVar("J", bound=JobRow | OwnParticipant)


@dataclass(frozen=True)
class ProbeJob:
    """What the probe, lkdiag's own worker, has to tell of the jobs of one dispatch, and since when it could."""

    timeline: Timeline = field(repr=False)
    dispatch_id: str | None
    asked_ns: int | None
    """When the server was asked for the dispatch."""
    made_ns: int | None
    """When lkdiag knew that the dispatch was made."""
    timeout_s: float
    """For how long from then its agent was waited for."""

    def event(self, *kinds: type[J]) -> Event[J] | None:
        """The first event of these kinds."""
        if not self.dispatch_id:
            return None
        return next((e for e in self.timeline.of(*kinds) if e.row.dispatch_id == self.dispatch_id), None)

    @property
    def awaits_word(self) -> bool:
        """Whether the next word is the server's: neither an assignment came, nor an offer that was not taken."""
        if self.event(JobAssigned) is not None:
            return False
        return self.event(JobAccepted) is not None or self.event(JobOffered) is None


@dataclass(frozen=True)
class DispatchFacts(DispatchTiming):
    """One trial's facts. Times ending in `_ms` without another word are the server's, Unix milliseconds."""

    index: int
    run: RunFacts = field(repr=False)
    story: Timeline = field(repr=False)

    # -- the trial itself ----------------------------------------------------------------------------------------

    @cached_property
    def on_probe(self) -> bool:
        """Whether lkdiag's own worker is the one that should come."""
        return bool(self.started.row.on_probe)

    @cached_property
    def agent_name(self) -> str:
        """The name that was dispatched; empty for automatic dispatch."""
        return self.started.row.agent_name

    @property
    def is_close(self) -> bool:
        """Whether the looks were to be so dense that they show an agent that stays for a moment.

        They are not where lkdiag's own worker, which knows whether its agent was there, is the one that should come.
        """
        return self.timeline.first(RoomWatchedClosely) is not None

    # -- the dispatch under test ---------------------------------------------------------------------------------

    @cached_property
    def listings(self) -> tuple[Event[DispatchListed], ...]:
        """Every change of what listDispatch said, until lkdiag closed the room."""
        return tuple(e for e in self.timeline.of(DispatchListed) if e.mono_ns <= self.closing_began_ns)

    @cached_property
    def fallback_id(self) -> str | None:
        """The dispatch that was tried when nobody had come."""
        event = self.timeline.first(FallbackCreated)
        return None if event is None else event.row.dispatch_id

    @cached_property
    def retries(self) -> tuple[Event[RetryCreated], ...]:
        """Dispatches that were made in addition, although the first might still have brought its agent."""
        return self.timeline.of(RetryCreated)

    @cached_property
    def other_ids(self) -> frozenset[str]:
        """Dispatches that are not the one under test: the fallback's, a retry's, those of the prelude."""
        made = (*self.timeline.of(FallbackCreated, RetryCreated), *self.prelude.of(*MADE))
        listed = (item for event in self.prelude.of(DispatchListed) for item in event.row.dispatches)
        return frozenset((*(event.row.dispatch_id for event in made), *(str(item["dispatch_id"]) for item in listed)))

    @cached_property
    def dispatch_id(self) -> str | None:
        """The dispatch under test: as CreateDispatch or the first listing names it, else the offer to the probe."""
        created = self.timeline.first(DispatchCreated)
        if created is not None:
            return created.row.dispatch_id
        others = self.other_ids
        for listing in self.listings:
            found = dispatch_under_test(listing.row.dispatches, self.agent_name, None, others)
            if found is not None:
                return str(found["dispatch_id"])
        listed = {item["dispatch_id"] for listing in self.listings for item in listing.row.dispatches}
        offered = (e.row.dispatch_id for e in self.timeline.of(JobOffered))
        return next((i for i in offered if i not in listed and i not in others), None)

    def dispatch_in(self, listing: Event[DispatchListed] | None) -> dict[str, Any] | None:
        """The dispatch under test, in one answer of listDispatch."""
        dispatches = [] if listing is None else listing.row.dispatches
        return next((item for item in dispatches if item["dispatch_id"] == self.dispatch_id), None)

    @cached_property
    def dispatch(self) -> dict[str, Any] | None:
        """As it was listed last; before listDispatch was asked at all, as CreateDispatch answered it."""
        created = self.timeline.first(DispatchCreated)
        if created is not None and not self.polls("dispatches"):
            return {**created.data, "jobs": []}
        return next((d for e in reversed(self.listings) if (d := self.dispatch_in(e)) is not None), None)

    @property
    def dispatch_vanished(self) -> bool:
        """It was listed, and then no longer, though lkdiag deletes none."""
        return bool(self.listings) and self.dispatch is not None and self.dispatch_in(self.listings[-1]) is None

    @cached_property
    def jobs(self) -> list[dict[str, Any]]:
        """The dispatch's jobs, as they were listed last."""
        return jobs_of(self.dispatch)

    @cached_property
    def job(self) -> dict[str, Any] | None:
        """The job of the agent that came, else the newest; one that was declined only where there is no other."""
        identity = "" if self.agent is None else self.agent["identity"]
        return max(
            self.jobs,
            key=lambda job: (
                job.get("participant_identity") == identity,
                not was_declined(job),
                job.get("started_at_ns", 0),
            ),
            default=None,
        )

    @property
    def declined(self) -> bool:
        """Whether a worker was asked and declined for good, and none took it."""
        return was_declined(self.job)

    @cached_property
    def job_listed(self) -> Event[DispatchListed] | None:
        """The first answer of listDispatch with a job in it."""
        return next((e for e in self.listings if jobs_of(self.dispatch_in(e))), None)

    # -- who was in the room -------------------------------------------------------------------------------------

    @cached_property
    def joins(self) -> tuple[Event[AgentJoined], ...]:
        """Agents as a look first showed them, or as a webhook told of them, until lkdiag closed the room.

        None that the prelude knew. One that came and went between two looks is known by its webhooks alone.
        """
        known = {event.row.sid for event in self.prelude.of(AgentJoined)}
        seen = [*self.timeline.of(AgentJoined), *joins_by_webhook(self.timeline)]
        return tuple(e for e in seen if e.mono_ns <= self.closing_began_ns and e.row.sid not in known)

    @cached_property
    def leaves(self) -> tuple[Event[AgentLeft], ...]:
        """Agents as they were first seen to be gone; by webhook, where no look had shown them at all."""
        return (*self.timeline.of(AgentLeft), *leaves_by_webhook(self.timeline))

    @cached_property
    def webhooks_are_whole(self) -> bool:
        """Whether the room's webhooks came from its beginning to its end: then they tell of everybody who was there.

        A room's webhooks are sent one after another (livekit protocol, webhook/url_notifier.go).
        """
        if self.room is None or self.run.server_version is None or self.run.server_version < ABORTED_SINCE:
            return False
        of_room = [e for e in self.story.of(WebhookReceived) if e.row.room_sid == self.room.row.sid]
        return {"room_started", "room_finished"} <= {event.row.event for event in of_room}

    @cached_property
    def own_identities(self) -> set[str]:
        """Under which the agents of the dispatch under test join: by listDispatch, and by the probe that accepted."""
        return self.identities_for(lambda dispatch_id: dispatch_id == self.dispatch_id)

    @cached_property
    def foreign_identities(self) -> set[str]:
        """Of the room's other dispatches: the fallback, or the unnamed one that brings automatic workers."""
        return self.identities_for(lambda dispatch_id: dispatch_id != self.dispatch_id)

    def identities_for(self, wanted: Callable[[str | None], bool]) -> set[str]:
        """Of the agents of certain dispatches: of every job that was ever listed, or accepted by the probe."""
        listed = {
            identity
            for listing in (*self.prelude.of(DispatchListed), *self.listings)
            for item in listing.row.dispatches
            if wanted(item["dispatch_id"])
            for identity in identities_of(item["jobs"])
        }
        accepted = self.timeline.of(JobAccepted)
        return listed | {e.row.identity for e in accepted if wanted(e.row.dispatch_id)}

    @cached_property
    def agent(self) -> dict[str, Any] | None:
        """The first agent that joined for the dispatch under test, of those that can be told.

        The probe knows whom it sent; under its name, which is its own, nobody else sends anyone.
        """
        doubtful = [event.row.sid for event in self.doubtful_joins]
        seen = [event.data for event in self.joins if event.row.sid not in doubtful]
        if self.on_probe and self.agent_name:
            seen = [join for join in seen if join["identity"] in self.own_identities]
        agents = agents_of_dispatch(seen, self.agent_name, self.own_identities, self.foreign_identities)
        return agents[0] if agents else None

    @cached_property
    def doubtful_joins(self) -> tuple[Event[AgentJoined], ...]:
        """Agents known by nothing but their name, which may as well have come for another dispatch.

        One that joined before the room was created (the dispatch, in a room that was there) belongs to an earlier one
        (or two of the server's clocks disagree); one that joined after a second dispatch was made may be that one's.
        """
        seconds = self.timeline.of(FallbackCreated, FallbackFailed, RetryCreated)
        known = self.own_identities | self.foreign_identities

        def doubtful(join: Event[AgentJoined]) -> bool:
            joined_ms = join.row.joined_at_ms
            if self.joined_before(join):
                return True
            made = [
                self.created_ms_of(e.row.dispatch_id if isinstance(e.row, CreatedByCall) else None)
                for e in seconds
                if e.seq < join.seq
            ]
            return any(made_ms is None or joined_ms >= made_ms for made_ms in made)

        return tuple(
            join
            for join in self.joins
            if join.row.identity not in known and bears_name(join.data, self.agent_name) and doubtful(join)
        )

    def joined_before(self, join: Event[AgentJoined]) -> bool:
        """Whether an agent joined before anything was dispatched here."""
        return self.origin_ms is not None and join.row.joined_at_ms < int(self.origin_ms)

    @cached_property
    def agent_seen(self) -> Event[AgentJoined] | None:
        """The look that first showed that agent."""
        agent = self.agent
        return None if agent is None else next(e for e in self.joins if e.row.sid == agent["sid"])

    @cached_property
    def agent_left(self) -> Event[AgentLeft] | None:
        """That agent was gone again, before lkdiag closed the room; one that came back (a new SID) is not."""
        if self.agent is None:
            return None
        identity = self.agent["identity"]
        left = [e for e in self.leaves if e.row.identity == identity and e.mono_ns <= self.closing_began_ns]
        came = sum(e.row.identity == identity for e in self.joins)
        return left[-1] if len(left) >= came else None

    @cached_property
    def strangers(self) -> tuple[Event[AgentJoined], ...]:
        """Agents in the room, as first seen, of which no dispatch is known to have brought them."""
        known = self.own_identities | self.foreign_identities
        mine = None if self.agent is None else self.agent["sid"]
        return tuple(e for e in self.joins if e.row.identity not in known and e.row.sid != mine)

    @property
    def latency_ms(self) -> float | None:
        """`joined_at_ms - creation_time_ms`, both the server's; from the dispatch on, in a room that was there."""
        if self.agent is None or self.origin_ms is None:
            return None
        return round(float(self.agent["joined_at_ms"]) - self.origin_ms, 1)

    # -- the probe's own view ------------------------------------------------------------------------------------

    @cached_property
    def probe_job(self) -> ProbeJob:
        """Of the dispatch under test."""
        return ProbeJob(self.timeline, self.dispatch_id, self.opened_ns, self.made_ns, self.run.settings.timeout_s)

    @cached_property
    def fallback_probe_job(self) -> ProbeJob:
        """Of the fallback."""
        attempted = self.timeline.first(FallbackCreated, FallbackFailed)
        made_ns = None if attempted is None else attempted.mono_ns
        return ProbeJob(
            self.timeline, self.fallback_id, self.fallback_asked_ns, made_ns, self.run.settings.fallback_timeout_s
        )

    def probe_event(self, *kinds: type[J]) -> Event[J] | None:
        """The probe's first event of these kinds about a job of the dispatch under test."""
        return self.probe_job.event(*kinds)

    # -- the fallback --------------------------------------------------------------------------------------------

    @property
    def fallback_asked_ns(self) -> int | None:
        """When lkdiag began to ask for the fallback; None without one."""
        attempted = self.timeline.first(FallbackCreated, FallbackFailed)
        if attempted is None:
            return None
        asked = [e for e in self.calls("CreateDispatch") if e.seq < attempted.seq]
        return asked[-1].row.began_mono_ns if asked else attempted.mono_ns

    @cached_property
    def fallback_agent(self) -> dict[str, Any] | None:
        """The agent that the fallback brought, as its job proves."""
        own = self.identities_for(lambda dispatch_id: dispatch_id == self.fallback_id)
        return next((e.data for e in self.joins if e.row.identity in own), None)

    @property
    def fallback_created_ms(self) -> float | None:
        """When the server made the fallback's dispatch."""
        return self.created_ms_of(self.fallback_id)

    def created_ms_of(self, dispatch_id: str | None) -> float | None:
        """When the server made a dispatch: by any listing, or by CreateDispatch's answer."""
        listed = [item for listing in self.listings for item in listing.row.dispatches]
        for item in (*listed, *(event.data for event in self.timeline.of(*MADE))):
            if dispatch_id is not None and item["dispatch_id"] == dispatch_id and item.get("created_at_ns"):
                return float(item["created_at_ns"] / 1e6)
        return None

    # -- times ---------------------------------------------------------------------------------------------------

    @cached_property
    def clock(self) -> ClockEstimate | None:
        """The server's clock during this trial; None where it is not known well enough."""
        began_ns, ended_ns = self.began_ns - AROUND_NS, self.closing_began_ns + AROUND_NS
        clock = self.run.clock_track.between(began_ns, ended_ns)
        return clock if clock is not None and clock.error_ms <= CLOCK_ERROR_MAX_MS else None

    @cached_property
    def origin_ms(self) -> float | None:
        """What delays count from: the room's creation, or the dispatch's where the room was there before."""
        return self.created_ms_of(self.dispatch_id) if self.room_existed else self.creation_ms

    @cached_property
    def stages_ms(self) -> dict[str, float]:
        """Every stage that was seen, in milliseconds since the room's creation, in the order in which they follow.

        In a room that was there before, since the dispatch's creation; there is no stage `created` then. `dispatch`,
        `job_started` and `joined` are the server's own times; `offered`, `accepted`, `assigned`, `active` and
        `first_track` were seen by lkdiag, and are put on the server's clock.
        """
        if self.origin_ms is None:
            return {}
        origin = float(self.origin_ms)
        stages: dict[str, float | None] = {} if self.room_existed else {"created": origin}
        if self.dispatch is not None and self.dispatch.get("created_at_ns"):
            stages["dispatch"] = self.dispatch["created_at_ns"] / 1e6
        if self.job is not None and self.job.get("started_at_ns"):
            stages["job_started"] = self.job["started_at_ns"] / 1e6
        stages["offered"] = self._on_server_clock(self.probe_event(JobOffered))
        stages["accepted"] = self._on_server_clock(self.probe_event(JobAccepted))
        stages["assigned"] = self._on_server_clock(self.probe_event(JobAssigned))
        agent = self.agent
        if agent is not None:
            tracks = (e for e in self.timeline.of(AgentTrackPublished) if e.row.identity == agent["identity"])
            stages["joined"] = float(agent["joined_at_ms"])
            stages["active"] = self._on_server_clock(self._agent_active(agent["sid"]))
            stages["first_track"] = self._on_server_clock(next(tracks, None))
        return {name: round(at - origin, 1) for name, at in stages.items() if at is not None}

    @property
    def state_lag_ms(self) -> float | None:
        """Milliseconds from the agent's joining until a look showed its job; 0 where the job was listed first.

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

    def _agent_active(self, sid: str) -> Event | None:
        """The agent's media were connected: by its own word where it is the probe's, else by the API's first."""
        own = (e for e in self.timeline.of(ProbeJoined) if e.row.sid == sid and e.row.by != "signal")
        joined = next(own, None)
        seen = (e for e in self.timeline.of(AgentJoined, AgentChanged) if e.row.sid == sid)
        return joined or next((e for e in seen if e.row.state == "active"), None)

    def _on_server_clock(self, event: Event | None) -> float | None:
        return None if event is None or self.clock is None else self.clock.server_ms(event.mono_ns)
