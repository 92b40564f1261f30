"""F10: two agents of the dispatched name in the room at the same time, mostly from calling createDispatch once more.

Not found: one that reconnects (its identity is the same), one whose job has ended while its participant is still listed
(a killed process stays for about 21 s), and workers that serve participants or publishers, of which each has an agent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from lkdiag.contract import CheckSlug, Outcome, Severity
from lkdiag.facts.validity import LEFT_THE_ROOM
from lkdiag.journal.participant_kinds import AgentJoined, AgentLeft, ParticipantJoined
from lkdiag.journal.trial_kinds import CreatedByCall, DispatchCreated, FallbackCreated, RetryCreated
from lkdiag.journal.worker_kinds import JobAccepted
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import seqs

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.event import Event
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.SECOND_AGENT
REFERENCE = "https://github.com/livekit/agents/issues/944"
AT_WORK = ("JS_PENDING", "JS_RUNNING", "JS_SUCCESS")


@dataclass(frozen=True)
class AgentStay:
    """An agent of the dispatched name, from the look that first showed it on."""

    seen: Event[AgentJoined]
    left: Event[AgentLeft] | None
    dispatch_id: str | None
    job: dict[str, Any] | None

    @property
    def identity(self) -> str:
        """Under which it joined."""
        return self.seen.row.identity

    @property
    def words(self) -> str:
        """`'agent-AJ_…' (dispatch AD_…)`."""
        return f"{self.identity!r} ({f'dispatch {self.dispatch_id}' if self.dispatch_id else 'no listed job'})"


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding where two agents were listed at once."""
    if trial.outcome in (Outcome.ERROR, Outcome.INCONCLUSIVE):
        return None
    pair = together(trial.facts)
    if pair is None:
        return None
    facts, (first, second) = trial.facts, pair
    again: list[tuple[str, Event[CreatedByCall]]] = [("the retry", e) for e in facts.retries]
    again += [("the fallback", e) for e in facts.timeline.of(FallbackCreated)]
    made = ", ".join(f"{who} made {event.row.dispatch_id}" for who, event in again)
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="two agents were in the room",
        fact=(
            f"{first.words} and {second.words} were in the room at the same time, both as {facts.agent_name!r}"
            + (f"; {made}" if made else "")
        ),
        hint=(
            "each createDispatch brings an agent of its own, also when the first one is only late: before you call it "
            "again ask listParticipants and listDispatch, and afterwards remove what came too much. A worker process "
            "that is killed stays listed for about 21 s beside its successor."
            if first.dispatch_id != second.dispatch_id
            else "one dispatch has brought two agents: its job was taken twice. Their workers' logs name the job ids."
        ),
        trial=trial.index,
        evidence=(*seqs(facts, DispatchCreated, RetryCreated, FallbackCreated), first.seen.seq, second.seen.seq),
        reference=REFERENCE,
    )


def judge_watched(trial: JudgedTrial) -> Finding | None:
    """A note, in a call that others made: who calls for two on purpose is not to be told of a failure."""
    found = judge(trial)
    return None if found is None else replace(found, severity=Severity.NOTE)


def together(facts: DispatchFacts) -> tuple[AgentStay, AgentStay] | None:
    """The first two of them that one look showed."""
    pairs = combinations(_stays(facts), 2)
    return next(((a, b) for a, b in pairs if _distinct(facts, a, b) and _overlap(facts, a, b)), None)


def _stays(facts: DispatchFacts) -> list[AgentStay]:
    owners = _owners(facts)
    found = []
    for join in facts.joins:
        row = join.row
        dispatch_id, job = owners.get(row.identity, (None, None))
        if dispatch_id is None and row.agent_name != facts.agent_name:
            continue  # an old server tells no names: then only a job does
        if row.identity in facts.foreign_identities and dispatch_id is None:
            continue
        if job is not None and job["status"] not in AT_WORK and job.get("error") != LEFT_THE_ROOM:
            continue
        left = (e for e in facts.leaves if e.row.sid == row.sid and e.seq > join.seq)
        found.append(AgentStay(join, next(left, None), dispatch_id, job))
    return found


def _owners(facts: DispatchFacts) -> dict[str, tuple[str, dict[str, Any] | None]]:
    """By identity: the dispatch of that agent name, and its job where it was listed."""
    ours = {facts.dispatch_id, *facts.other_ids} - {None}
    accepted = (e.row for e in facts.timeline.of(JobAccepted) if e.row.dispatch_id in ours)
    owners: dict[str, tuple[str, dict[str, Any] | None]] = {
        row.identity: (str(row.dispatch_id), None) for row in accepted
    }
    for listing in facts.listings:
        for item in listing.row.dispatches:
            if item["agent_name"] == facts.agent_name:
                jobs = (job for job in item["jobs"] if job.get("participant_identity"))
                owners |= {job["participant_identity"]: (item["dispatch_id"], job) for job in jobs}
    return owners


def _distinct(facts: DispatchFacts, one: AgentStay, other: AgentStay) -> bool:
    """Whether the two are two where there should be one."""
    if one.identity == other.identity:
        return False
    if one.dispatch_id and other.dispatch_id and one.dispatch_id != other.dispatch_id:
        return True
    types = {stay.job.get("type", "") for stay in (one, other) if stay.job is not None}
    people = {e.row.identity for e in facts.timeline.of(ParticipantJoined)}
    return types <= {"", "JT_ROOM"} and len(people) < 2


def _overlap(facts: DispatchFacts, one: AgentStay, other: AgentStay) -> bool:
    """Whether an answered look showed both: what one and the same look ends and begins does not overlap."""
    began = max(one.seen, other.seen, key=lambda event: event.seq)
    ends = [stay.left for stay in (one, other) if stay.left is not None and stay.left.seq > began.seq]
    gone = [stay.left for stay in (one, other) if stay.left is not None and stay.left.seq < began.seq]
    if gone:
        return False
    if not ends:
        return True
    ended = min(ends, key=lambda event: event.seq)
    return any(began.seq < look.seq < ended.seq for look in facts.polls("participants"))
