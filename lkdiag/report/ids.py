"""The ids that a maintainer looks things up by, of everybody and everything in a trial: PA_…, AJ_…, AD_…, RM_…."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.checks.teardown.facts import TeardownFacts

AGENT_IDENTITY = "agent-"
"""What the SDKs' workers put before the job's id, to make their agent's identity."""


def dispatch_participants(facts: DispatchFacts) -> dict[str, str]:
    """PA_… ids of a dispatch trial: the agent, the one that the fallback brought, the caller."""
    caller = facts.timeline.last("caller.joined")
    called = None if caller is None else caller.data
    fallback = facts.fallback_agent
    if fallback is not None and facts.agent is not None and fallback["sid"] == facts.agent["sid"]:
        fallback = None
    seen = (("agent", facts.agent), ("fallback agent", fallback), ("caller", called))
    return {who: str(data["sid"]) for who, data in seen if data is not None and data.get("sid")}


def call_participants(facts: TeardownFacts) -> dict[str, str]:
    """PA_… ids in the caller room, as listParticipants showed them; else as each client was told itself."""
    found = {}
    for who, own in (("caller", "caller.joined"), ("agent", "probe.joined"), ("human", "human.joined")):
        joined = facts.timeline.last(own)
        kind = "agent.joined" if who == "agent" else "participant.joined"
        identity = None if joined is None else joined.data["identity"]
        listed = [e for e in facts.timeline.of(kind) if identity is None or e.data["identity"] == identity]
        event = listed[-1] if listed and (who == "agent" or joined is not None) else joined
        if event is not None and event.data.get("sid"):
            found[who] = str(event.data["sid"])
    return found


def call_job(facts: TeardownFacts) -> tuple[str | None, str | None]:
    """The agent's dispatch and job: as the probe was offered it, else by its identity."""
    offered = facts.timeline.last("job.assigned", "job.offered")
    if offered is not None:
        return str(offered.data["dispatch_id"]), str(offered.data["job_id"])
    came = facts.timeline.first("agent.joined")
    identity = "" if came is None else str(came.data["identity"])
    job_id = identity.removeprefix(AGENT_IDENTITY)
    return None, job_id if identity != job_id and job_id.startswith("AJ_") else None


def human_room_sid(facts: TeardownFacts) -> str | None:
    """Of the second room, in which the human was called; None where none was made."""
    made = [e for e in facts.timeline.of("room.created") if e.data["room"] != facts.room]
    return str(made[-1].data["sid"]) if made else None
