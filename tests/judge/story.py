"""Tiny trials made by hand: what was seen, when. Every time is in milliseconds since the room's creation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lkdiag.facts.dispatch import DispatchFacts
from lkdiag.facts.run import RunFacts
from lkdiag.journal.event import Event
from lkdiag.journal.timeline import Timeline
from lkdiag.judge.context import TrialSummary
from lkdiag.judge.diagnosed import DiagnosedTrial
from lkdiag.judge.tables import TRIAL_CHECKS
from lkdiag.scenario.dispatch import DispatchScenario

if TYPE_CHECKING:
    from lkdiag.judge.finding import Finding

WALL_MS = 1_800_000_000_000
MONO_MS = 50_000_000
NAME = "my-agent"
OURS = "AW_probe"
READ_AT = 10_000_000
"""A worker's log is read when the run is over."""


def job(name: str = "AJ_1", status: str = "JS_RUNNING", **more: Any) -> dict[str, Any]:
    """A job as listDispatch shows it; `started`, `updated` and `ended` are times, None leaves one out."""
    fields: dict[str, Any] = {
        "job_id": name,
        "status": status,
        "participant_identity": f"agent-{name}",
        "worker_id": OURS,
        "started": 200,
        **more,
    }
    for field in ("started", "updated", "ended"):
        at_ms = fields.pop(field, None)
        fields[f"{field}_at_ns"] = None if at_ms is None else int((WALL_MS + at_ms) * 1e6)
    return {key: value for key, value in fields.items() if value is not None}


def declined(name: str = "AJ_1", at: float = 200, **more: Any) -> dict[str, Any]:
    """A job that a worker declined for good, as livekit-server 1.13.5 lists it: of one moment, and nobody's."""
    moments = {"started": at, "updated": at, "ended": at}
    return job(name, "JS_SUCCESS", **{"participant_identity": None, "worker_id": "AW_theirs", **moments, **more})


def dispatch(name: str = "AD_1", *jobs: dict[str, Any], agent_name: str = NAME, created: float = 0) -> dict[str, Any]:
    """A dispatch as listDispatch shows it."""
    created_ns = int((WALL_MS + created) * 1e6)
    return {"dispatch_id": name, "agent_name": agent_name, "created_at_ns": created_ns, "jobs": list(jobs)}


class Story:
    """One trial's events, in any order; `judge` sorts them by time. Options are the scenario's.

    `on_probe`: lkdiag's own worker is the one that is called; else the user's.
    """

    def __init__(
        self,
        *,
        on_probe: bool = False,
        index: int = 1,
        role: str = "subject",
        agent_name: str = NAME,
        room: bool = True,
        creation: float | None = 0,
        **options: Any,
    ) -> None:
        external = None if on_probe or not agent_name else agent_name
        self.scenario = DispatchScenario(**{"agent_name": external, **options})
        self.on_probe = on_probe
        self.index = index
        self.events: list[tuple[float, int, Event]] = []
        self.run: list[tuple[float, int, Event]] = []
        self.event(
            -10,
            "trial.started",
            role=role,
            warmup=index <= 0,
            on_probe=on_probe,
            method=str(self.scenario.method),
            room=f"lkdiag-test-{index:03d}",
            agent_name=agent_name,
            caller=str(self.scenario.effective_caller),
        )
        if on_probe:
            self.run_event(-900, "worker.registered", worker_id=OURS, agent_name=agent_name, server={})
        if room:
            self.call(-2, "CreateRoom", ms=4)
            made_ms = 0 if creation is None else WALL_MS + creation
            before_ns = int((WALL_MS - 2) * 1e6)
            self.event(2, "room.created", room="r", sid=f"RM_{index}", creation_time_ms=made_ms, before_ns=before_ns)

    # -- anything ------------------------------------------------------------------------------------------------

    def event(self, at: float, kind: str, /, **data: Any) -> Self:
        """An event of the trial's."""
        self.events.append((at, len(self.events), _event(kind, at, self.index, data)))
        return self

    def run_event(self, at: float, kind: str, /, **data: Any) -> Self:
        """An event of the run's own."""
        self.run.append((at, len(self.run), _event(kind, at, None, data)))
        return self

    def call(self, at: float, method: str, *, ok: bool = True, ms: float = 2, **data: Any) -> Self:
        """An API call that began then."""
        began_ns = int((MONO_MS + at) * 1e6)
        return self.event(at + ms, "api.called", method=method, began_mono_ns=began_ns, duration_ms=ms, ok=ok, **data)

    def prepared(self, at: float) -> Self:
        """The prelude ends."""
        return self.event(at, "trial.prepared")

    def webhook(
        self, at: float, event: str, *, name: str | None = None, created: float | None = None, **data: Any
    ) -> Self:
        """A webhook is received; it was made then, or when `created` says (the server's clock, in whole seconds)."""
        made_s = int((WALL_MS + (at if created is None else created)) // 1000)
        return self.event(at, "webhook.received", event=event, id=name or f"EV_{event}", created_at_s=made_s, **data)

    def logged(self, at: float, what: str, *, trial: bool = False, **data: Any) -> Self:
        """A line of the worker's log, about the worker or (`trial`) about this trial; it was written then."""
        line = {"at_ns": int((WALL_MS + at) * 1e6), "level": "info", "message": what, "what": what, **data}
        return (
            self.event(READ_AT, "worker_log.line", **line)
            if trial
            else self.run_event(READ_AT + at / 1e6, "worker_log.line", **line)
        )

    def log(self, first: float = -60_000, last: float = 60_000, **data: Any) -> Self:
        """A worker's log was read that was written from then to then."""
        span = {"first_at_ns": int((WALL_MS + first) * 1e6), "last_at_ns": int((WALL_MS + last) * 1e6)}
        return self.run_event(READ_AT - 1, "worker_log.read", file="worker.log", lines=9, **span, **data)

    # -- what the watcher saw ------------------------------------------------------------------------------------

    def look(self, at: float, *, dispatches: bool = True, participants: bool = True) -> Self:
        """One look, answered or not."""
        self.call(at, "ListDispatch", ok=dispatches)
        return self.call(at + 3, "ListParticipants", ok=participants)

    def looks(self, start: float, end: float, every: float = 400) -> Self:
        """Looks from `start` on, the last one at `end`."""
        at = start
        while at < end:
            self.look(at)
            at += every
        return self.look(end)

    def listed(self, at: float, *dispatches: dict[str, Any]) -> Self:
        """From then on listDispatch says that."""
        return self.event(at, "dispatch.listed", dispatches=list(dispatches))

    def agent(self, at: float, identity: str = "agent-AJ_1", *, joined: float | None = None, **data: Any) -> Self:
        """An agent is seen for the first time; it joined then, or when `joined` says (the server's clock)."""
        fields = {
            "identity": identity,
            "sid": f"PA_{identity}",
            "kind": "agent",
            "state": "active",
            "joined_at_ms": WALL_MS + (at if joined is None else joined),
            "agent_name": NAME,
            "tracks": [],
            **data,
        }
        return self.event(at, "agent.joined", **{key: value for key, value in fields.items() if value is not None})

    def left(self, at: float, identity: str = "agent-AJ_1", sid: str | None = None) -> Self:
        """An agent is seen to be gone."""
        return self.event(at, "agent.left", identity=identity, sid=sid or f"PA_{identity}")

    # -- the probe, and the rest -----------------------------------------------------------------------------------

    def probe(self, at: float, what: str, job: str = "AJ_1", dispatch: str | None = "AD_1", **data: Any) -> Self:
        """What the probe saw or did: `offered`, `accepted`, … (about a job), `joining`, `joined`, … (its agent)."""
        jobs = ("offered", "accepted", "rejected", "assigned", "answer_lost", "terminated")
        if what == "accepted":
            data["identity"] = f"agent-{job}"
        return self.event(at, f"{'job' if what in jobs else 'probe'}.{what}", job_id=job, dispatch_id=dispatch, **data)

    def heard(self, at: float, *, server_ahead: float = 0) -> Self:
        """The server answered a ping on the probe's socket."""
        sent_ns, got_ns = (int((WALL_MS + at - before) * 1e6) for before in (1, 0))
        server_ms = int(WALL_MS + at + server_ahead)
        return self.run_event(at, "clock.sampled", before_ns=sent_ns, after_ns=got_ns, server_ms=server_ms)

    def fallback(self, at: float, name: str = "AD_2") -> Self:
        """CreateDispatch in the same room, as a fallback."""
        created_ns = int((WALL_MS + at) * 1e6)
        return self.event(at, "fallback.created", dispatch_id=name, agent_name=NAME, created_at_ns=created_ns)

    def closed(self, at: float, **data: Any) -> Self:
        """The room is deleted, and the trial is over."""
        self.call(at, "DeleteRoom", **data)
        return self.event(at + 5, "trial.finished")

    # -- the verdict -----------------------------------------------------------------------------------------------

    def timeline(self) -> Timeline:
        """Run and trial together, in order."""
        told = sorted([*self.run, *self.events], key=lambda item: (item[0], item[1]))
        return Timeline(
            Event(seq, event.kind, event.at_ns, event.mono_ns, event.trial, event.data)
            for seq, (_, _, event) in enumerate(told)
        )

    def facts(self) -> DispatchFacts:
        """What the checks read."""
        timeline = self.timeline()
        mine = Timeline(event for event in timeline if event.trial == self.index)
        return DispatchFacts(self.index, RunFacts.of(self.scenario, timeline), mine)

    def judge(self) -> DiagnosedTrial:
        """The trial's verdict."""
        return DiagnosedTrial.of(self.facts())

    def findings(self) -> dict[str, Finding]:
        """Every check's finding, by the check's name."""
        judged = self.judge()
        return {found.check: found for check in TRIAL_CHECKS if (found := check(judged)) is not None}


def summary_of(trial: DiagnosedTrial) -> TrialSummary:
    """As the rest of its run knows it, when it is judged to its end."""
    known = TrialSummary.of(trial)
    known.causes = () if trial.diagnosis is None else trial.diagnosis.causes
    return known


def _event(kind: str, at: float, trial: int | None, data: dict[str, Any]) -> Event:
    return Event(0, kind, int((WALL_MS + at) * 1e6), int((MONO_MS + at) * 1e6), trial, data)
