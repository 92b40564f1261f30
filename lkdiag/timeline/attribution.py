"""Which dispatch is the one under test, and which of a room's agents came for it.

The trial uses it to know when to stop looking, and the checks to judge: so the two can't disagree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Dispatch = dict[str, Any]
Participant = dict[str, Any]
Job = dict[str, Any]


def dispatch_under_test(
    dispatches: Sequence[Dispatch], agent_name: str, known_id: str | None, others: Collection[str] = ()
) -> Dispatch | None:
    """The dispatch with the id that CreateDispatch gave, else the oldest one for that agent name.

    `others` are ids that it can't be (the fallback's).
    """
    if known_id is not None:
        return next((item for item in dispatches if item["dispatch_id"] == known_id), None)
    fitting = [d for d in dispatches if d["agent_name"] == agent_name and d["dispatch_id"] not in others]
    return min(fitting, key=lambda item: item["created_at_ns"], default=None)


def jobs_of(dispatch: Dispatch | None) -> list[Job]:
    """Its jobs; none without a dispatch."""
    return [] if dispatch is None else list(dispatch["jobs"])


def identities_of(jobs: Iterable[Job]) -> set[str]:
    """Under which identities the agents of these jobs join."""
    return {job["participant_identity"] for job in jobs if job.get("participant_identity")}


def bears_name(agent: Participant, agent_name: str) -> bool:
    """Whether an agent may be one of that name, by the attribute that the server gives it.

    livekit-server writes `lk.agent_name` since 1.9 (pkg/agent/worker.go, AgentNameAttributeKey; empty for workers
    without a name); an older one writes none, and there any agent may be.
    """
    return bool(agent.get("agent_name", agent_name) == agent_name)


def agents_of_dispatch(
    participants: Iterable[Participant],
    agent_name: str,
    own: Collection[str],
    foreign: Collection[str],
) -> list[Participant]:
    """The agents in the room that came for the dispatch, the first to join first.

    `own` are the identities of its jobs (by listDispatch, or by the probe that accepted them), `foreign` those of
    the room's other dispatches. The identity is fixed by the token that the server gives out with the job, so once
    a job's is known nobody else can be its agent; until then an agent of the right name is taken for it.
    """
    agents = [p for p in participants if p["kind"] == "agent" and p["identity"] not in foreign]
    fitting = [p for p in agents if (p["identity"] in own if own else bears_name(p, agent_name))]
    return sorted(fitting, key=lambda item: item["joined_at_ms"])
