"""A little model of a server, its workers and lkdiag's watcher: random stories of which the truth is known.

Times are in milliseconds since the room's creation. The watcher is run/dispatch.py's, on a clock of numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lkdiag.journal.attribution import agents_of_dispatch, dispatch_under_test, identities_of, jobs_of

from .story import NAME, WALL_MS, Story, declined, dispatch, job

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

NEVER = float("inf")
CRASH_MS = 21_000
CLOSE_INTERVAL_MS = 50
LISTING_LAG_MS = 5_000


@dataclass
class Agent:
    """One stay in the room: listed from `joined` until `gone`."""

    identity: str
    sid: str
    joined: float
    gone: float = NEVER
    name: str | None = NAME


@dataclass
class Job:
    """Taken by a worker at `taken`; listed from `listed` on, with a status that may change."""

    name: str
    taken: float
    listed: float
    statuses: list[tuple[float, str, str]] = field(default_factory=lambda: [(0.0, "JS_RUNNING", "")])
    worker: str | None = "AW_theirs"
    identity_listed: bool = True
    declined: bool = False
    """For good: it is listed, and was never taken."""

    def shown(self, at: float) -> dict[str, Any]:
        """As listDispatch shows it."""
        if self.declined:
            return declined(self.name, self.taken, worker_id=self.worker)
        since, status, error = [entry for entry in self.statuses if entry[0] <= at or entry[0] == 0][-1]
        ended = since if status not in ("JS_RUNNING", "JS_PENDING") else None
        identity = f"agent-{self.name}" if self.identity_listed else None
        return job(
            self.name, status, started=self.taken, ended=ended, error=error or None, worker_id=self.worker,
            participant_identity=identity,
        )  # fmt: skip


@dataclass
class World:
    """What really happens."""

    on_probe: bool
    jobs: dict[str, list[Job]] = field(default_factory=dict)
    """By dispatch."""
    agents: list[Agent] = field(default_factory=list)
    dispatch_listed: float = 0
    blind: list[tuple[float, float]] = field(default_factory=list)
    """When calls are answered with 503."""
    call_ms: float = 2
    skew_ms: float = 0
    """By how much the node that dates the joins is ahead."""
    vanishes: float = NEVER
    offered: float = NEVER
    accepted: float = NEVER
    assigned: float = NEVER
    rejected: float = NEVER
    deaf: float = NEVER
    """When the probe's socket dies unnoticed."""
    fate: str = "honest"
    lasts: bool = False
    """Whether what is wrong is wrong for the fallback as well."""

    def came(self, job_name: str) -> float:
        """When the first agent of that job joined."""
        return min((a.joined for a in self.agents if a.identity == f"agent-{job_name}"), default=NEVER)


FATES = (
    "honest", "honest", "honest", "late", "late", "lost", "silent", "reject", "ghost", "ghost", "slow", "slow", "flash",
    "crash", "answers-late", "assignment-lost",
)  # fmt: skip
OUTSIDE = (
    "no-worker",
    "full",
    "other-name",
    "serves-participants",
    "reject-for-good",
    "reject-for-good",
    "full-unlogged",
)
"""What only somebody else's worker can have."""
UNSEEN = ("lost", "no-worker", "full", "other-name", "serves-participants", "full-unlogged")
"""The worker is never asked, or says nothing of it."""
NOT_TAKEN = (*UNSEEN, "silent", "reject", "reject-for-good", "answers-late", "assignment-lost")
LASTING = ("other-name", "serves-participants")


def random_world(rng: random.Random, *, timeout: float) -> World:
    """A world in which one or several things may go wrong."""
    world = World(on_probe=rng.random() < 0.5, call_ms=rng.choice((1, 2, 5, 40, 150)))
    lag = rng.choice((0, 0, LISTING_LAG_MS, NEVER if rng.random() < 0.1 else 0))
    fate = rng.choice(FATES if world.on_probe else FATES + OUTSIDE)
    world.fate, world.lasts = fate, fate in LASTING
    ask = 200 if fate != "late" else rng.uniform(200, timeout * 1.3)
    take = ask + rng.choice((1, 1, rng.uniform(1, 2700)))
    join = take + rng.choice((5, 20, 100, rng.uniform(5, timeout * 1.3)))
    if fate != "slow" and rng.random() < 0.7:
        join = take + rng.uniform(5, 150)
    if fate == "answers-late":
        take = ask + rng.uniform(2_950, 9_000)
    if fate not in UNSEEN:
        world.offered = ask
    if fate == "reject":
        world.rejected = ask + rng.choice((1, 40))
    if fate in ("answers-late", "assignment-lost"):
        world.accepted = take
    if fate == "reject-for-good":
        world.jobs["AD_1"] = [Job("AJ_1", ask, max(ask + 5, lag), declined=True)]
    if fate not in NOT_TAKEN:
        world.accepted, world.assigned = take, take + 1
        made = Job("AJ_1", ask, max(take, lag) if lag != NEVER else NEVER, identity_listed=rng.random() < 0.9)
        world.jobs["AD_1"] = [made]
        if fate != "ghost":
            agent = Agent("agent-AJ_1", "PA_1", join)
            world.agents.append(agent)
            if fate == "flash" or rng.random() < 0.1:
                _leaves(rng, world, made, agent)
            if fate == "crash":
                died = join + rng.uniform(1, 3000)
                agent.gone = died + CRASH_MS
                if rng.random() < 0.5:
                    made.statuses.append((died + 50, "JS_FAILED", "the job's process died"))
        elif rng.random() < 0.3:
            made.statuses.append((take + rng.uniform(1, timeout), rng.choice(("JS_SUCCESS", "JS_FAILED")), ""))
    if world.on_probe:
        for made in world.jobs.get("AD_1", []):
            made.worker = rng.choice(("AW_probe", "AW_probe", None))
    _bystanders(rng, world, timeout)
    _troubles(rng, world, timeout)
    return world


def _leaves(rng: random.Random, world: World, made: Job, agent: Agent) -> None:
    agent.gone = agent.joined + rng.choice((rng.uniform(5, 900), rng.uniform(900, 8000)))
    if rng.random() < 0.5:
        made.statuses.append((agent.gone, "JS_FAILED", "agent worker left the room"))
    if rng.random() < 0.3:
        back = agent.gone + rng.uniform(1, 2000)
        world.agents.append(Agent(agent.identity, "PA_1b", back, name=agent.name))


def _bystanders(rng: random.Random, world: World, timeout: float) -> None:
    if rng.random() < 0.15:
        world.jobs["AD_0"] = [Job("AJ_0", 200, rng.choice((210, LISTING_LAG_MS)))]
        world.agents.append(Agent("agent-AJ_0", "PA_0", rng.uniform(210, timeout), name=""))
    if rng.random() < 0.1:
        for agent in world.agents:
            agent.name = None


def _troubles(rng: random.Random, world: World, timeout: float) -> None:
    if rng.random() < 0.3:
        began = rng.uniform(0, timeout * 1.2)
        world.blind.append((began, began + rng.choice((50, 500, 3000, timeout))))
    if rng.random() < 0.1:
        world.vanishes = rng.uniform(300, timeout)
    if rng.random() < 0.2:
        world.skew_ms = rng.choice((-3, 3, -40_000, 40_000))
    if world.on_probe and rng.random() < 0.1:
        world.deaf = rng.uniform(-5000, timeout)
        if world.deaf < world.assigned:
            # the server's words, or the probe's, are lost on the way
            world.jobs.pop("AD_1", None)
            world.agents = [a for a in world.agents if a.identity != "agent-AJ_1"]


class Watch:
    """lkdiag, watching that world; `story` holds what it recorded."""

    def __init__(
        self, rng: random.Random, world: World, *, closely: bool = False, told: bool = False, **options: Any
    ) -> None:
        self.rng, self.world = rng, world
        self.story = Story(on_probe=world.on_probe, **options)
        self.scenario = self.story.scenario
        self.now = 2.0
        self.interval = 150.0
        self.dispatches: list[dict[str, Any]] = []
        self.participants: dict[str, Agent] = {}
        self.seen: dict[str, Agent] = {}
        self.jobs_seen: set[str] = set()
        self.closely = closely and not world.on_probe
        self.told = told and not world.on_probe
        self.close_until = 0.0
        self.fallback_at = NEVER
        self.pinged_at = NEVER

    def run(self) -> Story:
        """The whole trial, as DispatchTrial does it."""
        if self.closely:
            self.story.event(0, "room.watched_closely", first_after_s=0.15)
            self.now = 150.0
            self._watch_closely()
        scenario = self.scenario
        deadline, settle = scenario.timeout_s * 1000 - 2, scenario.settle_s * 1000
        came = self.wait(self._came, deadline)
        if came:
            self.wait(self._listed, self.now + settle)
        else:
            self.wait(self._came, settle)
            if any(item["status"] == "JS_RUNNING" for item in jobs_of(self._mine())):
                came = self.wait(self._came, self.now + settle)
        self.pinged_at = self.now if not came else NEVER
        if not came and scenario.fallback:
            self._fall_back()
        self._tell_probe()
        self._tell_by_webhook()
        gone = self.now > self.world.vanishes
        self.story.closed(self.now, **({"ok": False, "code": "not_found"} if gone else {}))
        return self.story

    def wait(self, done: Callable[[], bool], deadline: float) -> bool:
        """RoomWatcher.wait_until."""
        while True:
            late = self.now >= deadline
            self.look()
            if done():
                return True
            if late:
                return False
            self._pause(min(self.interval, max(0.0, deadline - self.now)) + self.rng.uniform(0.1, 2))
            self.interval = min(max(self.interval, 100) * 1.05, 500)

    def _pause(self, ms: float) -> None:
        """RoomWatcher._look_closely meanwhile, which wakes the watcher when it has seen a new agent."""
        until, known = self.now + ms, len(self.seen)
        while self.now < min(until, self.close_until) and len(self.seen) == known:
            began = self.now
            self._ask("ListParticipants", self._see_participants)
            self.now = max(self.now, began + CLOSE_INTERVAL_MS)
        if len(self.seen) == known:
            self.now = max(self.now, until)

    def _watch_closely(self) -> None:
        if self.closely:
            self.close_until = self.now + self.scenario.delayed_after_s * 1000 + 1000

    def look(self) -> None:
        """RoomWatcher.look: the dispatches, then the participants."""
        self._ask("ListDispatch", self._see_dispatches, alive=self.now < self.world.vanishes)
        self._ask("ListParticipants", self._see_participants)

    def _ask(self, method: str, see: Callable[[float], None], *, alive: bool = True) -> None:
        ms = self.world.call_ms * self.rng.uniform(0.5, 2)
        ok = alive and not any(start <= self.now <= end for start, end in self.world.blind)
        self.story.call(self.now, method, ok=ok, ms=ms)
        seen_at, self.now = self.now + ms * self.rng.random(), self.now + ms
        if ok:
            see(seen_at)
        self.now += 0.05

    def _see_dispatches(self, at: float) -> None:
        names = [("AD_0", "", 0.0)] if "AD_0" in self.world.jobs else []
        names += [("AD_1", NAME, 0.0)] if self.world.dispatch_listed <= at else []
        names += [("AD_2", NAME, self.fallback_at)] if self.fallback_at <= at else []
        seen = [
            dispatch(
                name,
                *(made.shown(at) for made in self.world.jobs.get(name, ()) if made.listed <= at),
                agent_name=called,
                created=created,
            )
            for name, called, created in names
        ]
        if seen != self.dispatches:
            self.dispatches = seen
            self.story.listed(self.now, *seen)
        jobs = {made["job_id"] for item in seen for made in item["jobs"]}
        if jobs - self.jobs_seen:
            self.jobs_seen |= jobs
            self._watch_closely()

    def _see_participants(self, at: float) -> None:
        gone = at > self.world.vanishes
        now = {a.sid: a for a in self.world.agents if a.joined <= at < a.gone and not gone}
        for sid, agent in now.items():
            if sid not in self.participants:
                joined = round(agent.joined + self.world.skew_ms)
                self.story.agent(self.now, agent.identity, joined=joined, sid=sid, agent_name=agent.name)
        for sid, agent in self.participants.items():
            if sid not in now:
                self.story.left(self.now, agent.identity, sid)
        self.participants = now
        self.seen |= now

    def _mine(self) -> dict[str, Any] | None:
        return dispatch_under_test(self.dispatches, NAME, None)

    def _came(self) -> bool:
        mine = self._mine()
        foreign = identities_of(item for other in self.dispatches if other is not mine for item in other["jobs"])
        listed = [
            {"kind": "agent", "identity": a.identity, "joined_at_ms": a.joined}
            | ({} if a.name is None else {"agent_name": a.name})
            for a in self.seen.values()
        ]
        return bool(agents_of_dispatch(listed, NAME, identities_of(jobs_of(mine)), foreign))

    def _listed(self) -> bool:
        return bool(jobs_of(self._mine()))

    def _fall_back(self) -> None:
        """The fallback's worker comes, or not, with a listing lag of its own."""
        self.fallback_at = self.now
        self.story.call(self.now, "CreateDispatch", ms=self.world.call_ms)
        self.now += self.world.call_ms
        self._watch_closely()
        self.story.fallback(self.now)
        deaf = self.world.on_probe and self.world.deaf < self.fallback_at + 200
        if self.rng.random() < 0.6 and not deaf and not self.world.lasts:
            lag = self.rng.choice((210, 210, LISTING_LAG_MS))
            made = Job("AJ_2", self.fallback_at + 200, self.fallback_at + lag)
            made.worker = "AW_probe" if self.world.on_probe else made.worker
            self.world.jobs["AD_2"] = [made]
            if self.rng.random() < 0.8:
                joined = self.fallback_at + self.rng.choice((250, self.rng.uniform(250, 12_000)))
                self.world.agents.append(Agent("agent-AJ_2", "PA_2", joined))
        self.interval = 100
        self.wait(
            lambda: any(a.identity == "agent-AJ_2" for a in self.seen.values()) and self._fallback_listed(),
            self.now + self.scenario.fallback_timeout_s * 1000,
        )

    def _fallback_listed(self) -> bool:
        return bool(jobs_of(next((d for d in self.dispatches if d["dispatch_id"] == "AD_2"), None)))

    def _tell_by_webhook(self) -> None:
        """All of the room's webhooks, where there are any, and the room was there to its end."""
        if not self.told or self.now > self.world.vanishes:
            return
        self.story.run_event(-900, "server.described", server={"version": "1.13.5"})
        self.story.webhook(1, "room_started", room_sid="RM_1")
        for agent in self.world.agents:
            if agent.joined >= self.now:
                continue
            joined_ms = round(WALL_MS + agent.joined + self.world.skew_ms)
            about: dict[str, Any] = {
                "identity": agent.identity,
                "sid": agent.sid,
                "kind": "agent",
                "joined_at_ms": joined_ms,
            }
            about |= {} if agent.name is None else {"agent_name": agent.name}
            self.story.webhook(agent.joined + 1, "participant_joined", name=f"EV_{agent.sid}", room_sid="RM_1", **about)
            if agent.gone < self.now:
                name = f"EV_{agent.sid}_left"
                self.story.webhook(agent.gone + 1, "participant_left", name=name, room_sid="RM_1", **about)
        self.story.webhook(self.now + 2, "room_finished", room_sid="RM_1")

    def _tell_probe(self) -> None:
        """What the probe recorded meanwhile; a dead socket tells it nothing."""
        world, story = self.world, self.story
        if not world.on_probe:
            return
        for ping in sorted((*range(-5000, int(self.now), 2500), self.pinged_at)):
            if ping < world.deaf and ping <= self.now:
                story.heard(ping)
        # what is said into a dead socket is recorded as said
        told = {
            "offered": world.offered,
            "rejected": world.rejected,
            "accepted": world.accepted,
            "assigned": world.assigned,
        }
        for what, at in told.items():
            heard = world.offered if what in ("accepted", "rejected") else at
            if at < self.now and heard < world.deaf:
                story.probe(at, what)
        if "AJ_2" in {made.name for made in world.jobs.get("AD_2", ())}:
            for what in ("offered", "accepted", "assigned"):
                at = self.fallback_at + 200
                if at < min(self.now, world.deaf):
                    story.probe(at, what, job="AJ_2", dispatch="AD_2")
        for agent in world.agents:
            number = agent.identity.removeprefix("agent-AJ_")
            if number == "0" or agent.joined - 4 >= self.now:
                continue
            about = {"job": f"AJ_{number}", "dispatch": f"AD_{number}"}
            story.probe(agent.joined - 4, "joining", **about)
            if agent.joined + 1 < self.now:
                story.probe(agent.joined + 1, "joined", sid=agent.sid, **about)
