"""F10: two agents of the dispatched name in the room at the same time, mostly from calling createDispatch once more.

Not found: one that reconnects (its identity is the same), one whose job has ended while its participant is still listed
(a killed process stays for about 21 s), and workers that serve participants or publishers, of which each has an agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from lkdiag.checks.fitness import LEFT_THE_ROOM
from lkdiag.checks.sight import looks
from lkdiag.checks.verdict import Finding, Outcome, Severity
from lkdiag.checks.wording import seqs

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.timeline import Event

SLUG = "second-agent"
REFERENCE = "https://github.com/livekit/agents/issues/944"
AT_WORK = ("JS_PENDING", "JS_RUNNING", "JS_SUCCESS")


@dataclass(frozen=True)
class Stay:
    """An agent of the dispatched name, from the look that first showed it on."""

    seen: Event
    left: Event | None
    dispatch_id: str | None
    job: dict[str, Any] | None

    @property
    def identity(self) -> str:
        """Under which it joined."""
        return str(self.seen.data["identity"])

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
    again = [("the retry", e) for e in facts.retries] + [("the fallback", e) for e in facts.timeline.of(FALLBACK)]
    made = ", ".join(f"{who} made {event.data['dispatch_id']}" for who, event in again)
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
        evidence=(*seqs(facts, "dispatch.created", "retry.created", FALLBACK), first.seen.seq, second.seen.seq),
        reference=REFERENCE,
    )


FALLBACK = "fallback.created"


def together(facts: DispatchFacts) -> tuple[Stay, Stay] | None:
    """The first two of them that one look showed."""
    pairs = combinations(_stays(facts), 2)
    return next(((a, b) for a, b in pairs if _distinct(facts, a, b) and _overlap(facts, a, b)), None)


def _stays(facts: DispatchFacts) -> list[Stay]:
    owners = _owners(facts)
    found = []
    for join in facts.joins:
        data = join.data
        dispatch_id, job = owners.get(data["identity"], (None, None))
        if dispatch_id is None and data.get("agent_name") != facts.agent_name:
            continue  # an old server tells no names: then only a job does
        if data["identity"] in facts.foreign_identities and dispatch_id is None:
            continue
        if job is not None and job["status"] not in AT_WORK and job.get("error") != LEFT_THE_ROOM:
            continue
        left = (e for e in facts.leaves if e.data["sid"] == data["sid"] and e.seq > join.seq)
        found.append(Stay(join, next(left, None), dispatch_id, job))
    return found


def _owners(facts: DispatchFacts) -> dict[str, tuple[str, dict[str, Any] | None]]:
    """By identity: the dispatch of that agent name, and its job where it was listed."""
    ours = {facts.dispatch_id, *facts.other_ids} - {None}
    accepted = (e.data for e in facts.timeline.of("job.accepted") if e.data["dispatch_id"] in ours)
    owners: dict[str, tuple[str, dict[str, Any] | None]] = {d["identity"]: (d["dispatch_id"], None) for d in accepted}
    for listing in facts.listings:
        for item in listing.data["dispatches"]:
            if item["agent_name"] == facts.agent_name:
                jobs = (job for job in item["jobs"] if job.get("participant_identity"))
                owners |= {job["participant_identity"]: (item["dispatch_id"], job) for job in jobs}
    return owners


def _distinct(facts: DispatchFacts, one: Stay, other: Stay) -> bool:
    """Whether the two are two where there should be one."""
    if one.identity == other.identity:
        return False
    if one.dispatch_id and other.dispatch_id and one.dispatch_id != other.dispatch_id:
        return True
    types = {stay.job.get("type", "") for stay in (one, other) if stay.job is not None}
    people = {e.data["identity"] for e in facts.timeline.of("participant.joined")}
    return types <= {"", "JT_ROOM"} and len(people) < 2


def _overlap(facts: DispatchFacts, one: Stay, other: Stay) -> bool:
    """Whether an answered look showed both: what one and the same look ends and begins does not overlap."""
    began = max(one.seen, other.seen, key=lambda event: event.seq)
    ends = [stay.left for stay in (one, other) if stay.left is not None and stay.left.seq > began.seq]
    gone = [stay.left for stay in (one, other) if stay.left is not None and stay.left.seq < began.seq]
    if gone:
        return False
    if not ends:
        return True
    ended = min(ends, key=lambda event: event.seq)
    return any(began.seq < look.seq < ended.seq for look in looks(facts, "participants"))
