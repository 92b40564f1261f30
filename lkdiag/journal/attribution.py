"""Which agent came for which dispatch, when one is to be expected, and whether a job was declined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.journal.participant_kinds import ParticipantChanged, ParticipantJoined

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from lkdiag.journal.event import Event


# Which dispatch is the one under test, and which of a room's agents came for it.
#
# The trial uses it to know when to stop looking, and the checks to judge: so the two can't disagree.

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


# From when on an agent has to be expected: a worker that serves people or publishers is called only by these.

PEOPLE = (ParticipantJoined, ParticipantChanged)
ROOM, PARTICIPANT = "JT_ROOM", "JT_PARTICIPANT"


def expected_ns(types: Collection[str], made_ns: int, events: Iterable[Event]) -> int | None:
    """Monotonic nanoseconds; None where nobody was there for whom the agent would have to come.

    `types` are those of all jobs that were ever listed for the agent's name. Where none was, the worker may serve
    publishers: then it has to be expected only once somebody publishes.
    """
    if ROOM in types:
        return made_ns
    people = [(event, row) for event in events if isinstance(row := event.row, PEOPLE)]
    called_by = people if PARTICIPANT in types else [(event, row) for event, row in people if row.tracks]
    first_ns = min((event.mono_ns for event, _ in called_by), default=None)
    return None if first_ns is None else max(made_ns, first_ns)


# A job that is listed though its worker declined it: by what it is known.
#
# A worker may decline with `terminate`, as `req.reject()` of Python does (livekit-agents since #4173 of December 2025,
# livekit/agents/job.py: `terminate` is True by default). The server then asks no other worker, and lists the job as
# JS_SUCCESS with one moment for its start, its last change and its end, and with nobody's identity (livekit-server
# v1.13.5 pkg/agent/worker.go, AssignJob; since v1.9.2, #3948). A job that was given to a worker has an identity, and
# ends in a moment of its own (same file, UpdateJobStatus). An older server, and Node's `reject()`, leave no job at all.

DECLINED = "a job that was declined (JS_SUCCESS, and ended in the moment in which it began)"


def was_declined(job: Mapping[str, Any] | None) -> bool:
    """Whether a job, as listDispatch shows it, is exactly that; None is no job."""
    if job is None or job.get("status") != "JS_SUCCESS" or not job.get("worker_id"):
        return False
    if job.get("participant_identity") or job.get("error"):
        return False
    moments = {job.get(f"{what}_at_ns") for what in ("started", "updated", "ended")}
    return len(moments) == 1 and moments != {None}
