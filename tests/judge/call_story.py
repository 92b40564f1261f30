"""Calls as tiny histories, made by hand: `Call().merged().agent_closed().hung_up(1.0).…`. Times are seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lkdiag.facts.teardown import TeardownFacts
from lkdiag.journal.event import Event
from lkdiag.journal.run_kinds import LkdiagStalled
from lkdiag.journal.timeline import Timeline
from lkdiag.judge.call import JudgedCall
from lkdiag.judge.tables import CALL_CHECKS
from lkdiag.scenario.call import TeardownScenario

if TYPE_CHECKING:
    from lkdiag.judge.finding import Finding

ROOM = "lkdiag-20260821-120000-abcd-001"
IDENTITIES = {"caller": "sip_+15550100", "human": "human-agent-sip"}


class Call:
    """One call's events, in the order in which they are told."""

    def __init__(
        self, cleanup: str = "late-context", agent_exit: str | None = "session-closed", hangup: str = "caller"
    ) -> None:
        self._events: list[Event] = []
        self._at_s = 0.0
        self.hangup = hangup
        self.survivor = "human" if hangup == "caller" else "caller"
        planned = {} if agent_exit is None else {"agent_exit": agent_exit}
        self.told("trial.started", room=ROOM, cleanup=cleanup, **planned, hangup=hangup, hangup_style="bye")
        self.told("room.created", room=ROOM, sid="RM_caller", creation_time_ms=0)
        for who in ("caller", "human"):
            self.told(f"{who}.joined", identity=IDENTITIES[who], sid=f"PA_{who}", by="media")

    def at(self, seconds: float) -> Self:
        """What follows happens then."""
        self._at_s = seconds
        return self

    def told(self, kind: str, **data: Any) -> Self:
        """Any event."""
        at_ns = int(self._at_s * 1e9)
        self._events.append(Event(len(self._events), kind, at_ns, at_ns, 1, data))
        return self

    def merged(self) -> Self:
        """The human left one room and joined the other."""
        self.told("human.disconnected", reason="CLIENT_INITIATED")
        self.told("human.joined", identity=IDENTITIES["human"], sid="PA_human2", by="media")
        return self.told("call.merged", by="rejoin")

    def hung_up(self) -> Self:
        """One side is gone."""
        self.told("call.hanging_up", side=self.hangup, identity=IDENTITIES[self.hangup])
        self.told(f"{self.hangup}.disconnected", reason="CLIENT_INITIATED")
        return self.told("call.hung_up", side=self.hangup, identity=IDENTITIES[self.hangup])

    def survivor_out(self, reason: str = "ROOM_DELETED") -> Self:
        """The other side is disconnected."""
        return self.told(f"{self.survivor}.disconnected", reason=reason)

    def room_closed(self) -> Self:
        """A look does not find the room any more."""
        return self.told("room.closed", room=ROOM)

    def room_occupied(self) -> Self:
        """The window ends, and the room is there."""
        return self.listed(IDENTITIES[self.survivor])

    def listed(self, *identities: str) -> Self:
        """The window ends, and these are in the room."""
        there = [{"identity": identity, "kind": "sip"} for identity in identities]
        return self.told("room.occupied", room=ROOM, participants=there)

    def closing(self) -> Self:
        """lkdiag closes what is left: nothing of it may count."""
        self.told("trial.closing")
        self.told("room.deleted", room=ROOM)
        self.told(f"{self.survivor}.disconnected", reason="ROOM_DELETED")
        self.told("cleanup.called", identity=IDENTITIES[self.survivor])
        self.told("cleanup.raised", error="NoJobContextError: late")
        self.told("error.unhandled", error="NoJobContextError: late", message="late")
        return self.told("trial.finished")

    def called(self) -> Self:
        """The cleanup begins its work."""
        return self.told("cleanup.called", identity=IDENTITIES[self.survivor])

    def judged(self, stalls: tuple[Event, ...] = (), **scenario: Any) -> JudgedCall:
        """The verdict on it."""
        return JudgedCall.of(
            TeardownFacts(1, TeardownScenario(**scenario), Timeline(self._events), Timeline(stalls).of(LkdiagStalled))
        )

    def findings(self, **scenario: Any) -> set[str]:
        """The checks that say something of it."""
        call = self.judged(**scenario)
        return {finding.check for check in CALL_CHECKS if (finding := check(call)) is not None}

    def finding(self, check: str) -> Finding:
        """What that check says of it."""
        call = self.judged()
        (found,) = (one for judge in CALL_CHECKS if (one := judge(call)) is not None and one.check == check)
        return found


class Subject(Call):
    """A call with the user's own agent."""

    def __init__(self) -> None:
        super().__init__("subject", None)

    def seen_before_hang_up(self, *agents: tuple[str, int, int]) -> Self:
        """The last look before the hang-up: identity, tracks, and how many of them are muted, of each agent."""
        names = ("identity", "tracks", "muted")
        return self.told("subject.seen", agents=[dict(zip(names, agent, strict=True)) for agent in agents])
