"""F16: the API lists an agent as active, and a client that is in the same room does not know of it.

Only what was so for a while is found: the client's news may be on their way. A client that learns of the agent later,
is reconnecting, or came only just now, is not blind; nor is one that was asked while lkdiag itself stood still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.journal.participant_kinds import (
    AgentChanged,
    AgentJoined,
    AgentLeft,
    ClientLooked,
    Disconnected,
    Joined,
    Reconnected,
    Reconnecting,
    Shown,
)
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import seqs

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.event import Event
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.CLIENT_BLIND
REFERENCE = "https://github.com/livekit/client-sdk-unity/issues/342"
NEWS_S = 2.0
"""How long news of a participant may take to a client; it is some milliseconds to a tenth of a second (measured)."""


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding where a client missed an agent that was there."""
    facts = trial.facts
    missed = [(look, unseen) for look in facts.timeline.of(ClientLooked) if (unseen := _unseen(facts, look))]
    if not facts.finished or not missed:
        return None
    look, unseen = missed[-1]
    agent = unseen[0]
    known_s = (look.mono_ns - agent.mono_ns) / 1e9
    sees = ", ".join(repr(name) for name in look.row.sees) or "nobody"
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="a client does not see the agent",
        fact=(
            f"listParticipants had shown agent {agent.row.identity!r} as active for {known_s:.1f} s, and the "
            f"{look.row.who}'s client saw {sees}"
        ),
        hint=(
            "the agent is in the room, and this client was not told of it: either it joined hidden (its token says "
            "hidden, so that only the API shows it), or the client has missed the server's update"
        ),
        trial=trial.index,
        evidence=(agent.seq, *seqs(facts, ClientLooked)),
        reference=REFERENCE,
    )


def _unseen(facts: DispatchFacts, look: Event[ClientLooked]) -> list[Event[Shown]]:
    """The agents, as the API first showed them active, that this client should have known of and never did."""
    since_ns = _in_room_since(facts, look)
    if since_ns is None:
        return []
    later = [e for e in facts.timeline.of(ClientLooked) if e.seq >= look.seq and e.row.who == look.row.who]
    seen = {identity for event in later for identity in event.row.sees}
    found = []
    for agent in _active(facts):
        if agent.row.identity in seen or not _still_listed_after(facts, agent, look):
            continue
        from_ns = max(since_ns, agent.mono_ns)
        if look.mono_ns - from_ns - _stood_still_ns(facts, from_ns, look.mono_ns) >= NEWS_S * 1e9:
            found.append(agent)
    return found


def _in_room_since(facts: DispatchFacts, look: Event[ClientLooked]) -> int | None:
    """Since when that participant's client was connected; None where it was not, or came back in between."""
    who = look.row.who
    joined = [e for e in facts.story.of(Joined.for_who(who), Reconnected.for_who(who)) if e.seq < look.seq]
    broken = [e for e in facts.story.of(Reconnecting.for_who(who), Disconnected.for_who(who)) if e.seq < look.seq]
    if not joined or (broken and broken[-1].seq > joined[-1].seq):
        return None
    return joined[-1].mono_ns


def _active(facts: DispatchFacts) -> list[Event[Shown]]:
    """For each agent the first look that showed it with its media connected."""
    found: dict[str, Event[Shown]] = {}
    for event in facts.timeline.of(AgentJoined, AgentChanged):
        if event.row.state == "active":
            found.setdefault(event.row.sid, event)
    return list(found.values())


def _still_listed_after(facts: DispatchFacts, agent: Event[Shown], look: Event[ClientLooked]) -> bool:
    """Whether a look at the participants that began after the client's still showed it."""
    later = [e for e in facts.polls("participants") if e.row.began_mono_ns >= look.mono_ns]
    left = next((e for e in facts.timeline.of(AgentLeft) if e.row.sid == agent.row.sid), None)
    # a look's answer is recorded before what it changed
    return bool(later) and (left is None or any(e.seq > later[0].seq and e.seq < left.seq for e in later))


def _stood_still_ns(facts: DispatchFacts, from_ns: int, until_ns: int) -> float:
    return facts.run.stood_still.late_ms(from_ns, until_ns) * 1e6
