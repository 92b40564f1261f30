"""A trial's stages, all on the server's clock: how long each took, and how far they can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.timeline import Event
    from lkdiag.timeline.clock import ClockEstimate

AROUND_NS = 10_000_000_000
"""Exchanges so near to a trial tell its clock: later the clocks may have drifted, or been set."""
CLOCK_ERROR_MAX_MS = 250.0
"""A clock less well known would put a stage on the wrong side of another one."""


def clock_during(facts: DispatchFacts) -> ClockEstimate | None:
    """The server's clock during a trial; None where it is not known well enough."""
    began_ns, ended_ns = facts.began_ns - AROUND_NS, facts.closing_began_ns + AROUND_NS
    clock = facts.run.clock_track.between(began_ns, ended_ns)
    return clock if clock is not None and clock.error_ms <= CLOCK_ERROR_MAX_MS else None


def stages_of(facts: DispatchFacts) -> dict[str, float]:
    """Milliseconds since the room's creation: every stage that was seen, in the order in which they follow each other.

    In a room that was there before, since the dispatch's creation; there is no stage `created` then. `dispatch`,
    `job_started` and `joined` are the server's own times; `offered`, `accepted`, `assigned`, `active` and `first_track`
    were seen by lkdiag, and are put on the server's clock.
    """
    if facts.origin_ms is None:
        return {}
    origin = float(facts.origin_ms)
    stages: dict[str, float | None] = {} if facts.room_existed else {"created": origin}
    if facts.dispatch is not None and facts.dispatch.get("created_at_ns"):
        stages["dispatch"] = facts.dispatch["created_at_ns"] / 1e6
    if facts.job is not None and facts.job.get("started_at_ns"):
        stages["job_started"] = facts.job["started_at_ns"] / 1e6
    for stage in ("offered", "accepted", "assigned"):
        stages[stage] = _on_server_clock(facts, facts.probe_event(f"job.{stage}"))
    agent = facts.agent
    if agent is not None:
        tracks = (e for e in facts.timeline.of("agent.track_published") if e.data["identity"] == agent["identity"])
        stages["joined"] = float(agent["joined_at_ms"])
        stages["active"] = _on_server_clock(facts, _agent_active(facts, agent["sid"]))
        stages["first_track"] = _on_server_clock(facts, next(tracks, None))
    return {name: round(at - origin, 1) for name, at in stages.items() if at is not None}


def state_lag_of(facts: DispatchFacts) -> float | None:
    """Milliseconds from the agent's joining until a look showed its job; 0 where the job was listed first.

    How late the look came counts in: it is an upper bound, by up to the time between two looks.
    """
    if facts.agent is None or facts.job_listed is None or facts.agent_seen is None:
        return None
    if facts.job_listed.seq < facts.agent_seen.seq:
        return 0.0
    listed_ms = _on_server_clock(facts, facts.job_listed)
    if listed_ms is not None:
        return round(max(0.0, listed_ms - float(facts.agent["joined_at_ms"])), 1)
    return round((facts.job_listed.mono_ns - facts.agent_seen.mono_ns) / 1e6, 1)


def _agent_active(facts: DispatchFacts, sid: str) -> Event | None:
    """The agent's media were connected: by its own word where it is the probe's, else by the API's first."""
    own = (e for e in facts.timeline.of("probe.joined") if e.data["sid"] == sid and e.data.get("by") != "signal")
    joined = next(own, None)
    seen = (e for e in facts.timeline.of("agent.joined", "agent.changed") if e.data["sid"] == sid)
    return joined or next((e for e in seen if e.data["state"] == "active"), None)


def _on_server_clock(facts: DispatchFacts, event: Event | None) -> float | None:
    return None if event is None or facts.clock is None else facts.clock.server_ms(event.mono_ns)
