"""Who was in a room when, by the looks at its participants, and when somebody was left alone in it.

The watch says by it what it sees, and the checks judge by it: so the two can't disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.journal.participant_kinds import AgentJoined, Gone, ParticipantJoined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lkdiag.journal.event import Event

AGENT = "agent"
NOT_PEOPLE = frozenset({AGENT, "egress"})
"""They do not keep a room open (livekit-server 1.13.5, pkg/rtc/participant.go, IsDependent)."""
SEEN = (ParticipantJoined, AgentJoined)


@dataclass(frozen=True)
class Stay:
    """A participant, from the look that first showed it on. Times are this machine's, in monotonic nanoseconds."""

    identity: str
    sid: str
    kind: str
    joined_at_ms: int
    """The server's."""
    seen_ns: int
    left_ns: int | None
    """When a look showed it no longer; None as long as it is there."""

    @property
    def is_person(self) -> bool:
        """Neither an agent nor a recorder."""
        return self.kind not in NOT_PEOPLE

    def covers(self, at_ns: int) -> bool:
        """Whether it was there then."""
        return self.seen_ns <= at_ns and (self.left_ns is None or at_ns < self.left_ns)


@dataclass(frozen=True)
class Alone:
    """One was left alone in the room by everybody else."""

    identity: str
    sid: str
    kind: str
    since_ns: int
    """When a look first showed nobody else."""
    until_ns: int | None
    """When that one left, or somebody came; None as long as neither is so."""
    left_by: str
    """Who was the last to leave."""


def people(listed: Iterable[Mapping[str, str]]) -> str:
    """`sip_+15550100 (sip), agent-AJ_x (agent)`, or `nobody`: of events that list `identity` and `kind` of each."""
    return ", ".join(f"{one['identity']} ({one['kind']})" for one in listed) or "nobody"


def stays_of(events: Iterable[Event]) -> tuple[Stay, ...]:
    """Everybody whom the looks showed, in the order of their coming; hidden observers are left out."""
    joined: dict[str, tuple[int, ParticipantJoined | AgentJoined]] = {}
    left: dict[str, int] = {}
    for event in events:
        row = event.row
        if isinstance(row, SEEN) and not row.hidden:
            joined.setdefault(row.sid, (event.mono_ns, row))
        elif isinstance(row, Gone):
            left.setdefault(row.sid, event.mono_ns)
    return tuple(
        Stay(row.identity, sid, row.kind, row.joined_at_ms, seen_ns, left.get(sid))
        for sid, (seen_ns, row) in joined.items()
    )


def emptied_ns(stays: Sequence[Stay]) -> int | None:
    """When the last person had left; None while one is there, or where there was none."""
    people = [stay.left_ns for stay in stays if stay.is_person]
    gone = [at_ns for at_ns in people if at_ns is not None]
    return max(gone) if gone and len(gone) == len(people) else None


def alone_spells(stays: Sequence[Stay]) -> tuple[Alone, ...]:
    """Every time at which one person was left alone: neither an agent nor another person there, though there had been.

    Who waits for the first to come has not been left. One who leaves and comes back begins anew.
    """
    moments = sorted({at for stay in stays for at in (stay.seen_ns, stay.left_ns) if at is not None})
    found: list[Alone] = []
    for number, at_ns in enumerate(moments):
        there = [stay for stay in stays if stay.covers(at_ns) and stay.kind != "egress"]
        if len(there) != 1 or not there[0].is_person:
            continue
        one = there[0]
        if found and found[-1].sid == one.sid and found[-1].until_ns is None:
            continue
        leavers = [
            (other.left_ns, other.identity)
            for other in stays
            if other.identity != one.identity and other.kind != "egress" and other.left_ns is not None
            and one.seen_ns < other.left_ns <= at_ns
        ]  # fmt: skip
        if leavers:
            until_ns = _ends(stays, one, moments[number + 1 :])
            found.append(Alone(one.identity, one.sid, one.kind, at_ns, until_ns, max(leavers)[1]))
    return tuple(found)


def _ends(stays: Sequence[Stay], one: Stay, later: Sequence[int]) -> int | None:
    """When the one who is alone has left, or has company again."""
    for at_ns in later:
        there = {stay.sid for stay in stays if stay.covers(at_ns) and stay.kind != "egress"}
        if there != {one.sid}:
            return at_ns
    return None
