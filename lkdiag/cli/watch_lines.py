"""The progress of a watch: a line on stderr for each thing that happens in a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.cli.messages import away_line, say
from lkdiag.journal.call_kinds import CallLeftOver
from lkdiag.journal.participant_kinds import AgentLeft, ParticipantJoined, ParticipantLeft
from lkdiag.journal.presence import people
from lkdiag.journal.run_kinds import ClockOff
from lkdiag.journal.trial_kinds import (
    ObservationEnded,
    RoomClosed,
    RoomCreated,
    RoomExisted,
    RoomOccupied,
    TrialCrashed,
)
from lkdiag.judge.live import WatchJudge
from lkdiag.text import utc

if TYPE_CHECKING:
    from lkdiag.facts.watched_call import WatchedCallFacts
    from lkdiag.journal.event import Event
    from lkdiag.journal.row import Row
    from lkdiag.judge.trial import JudgedTrial
    from lkdiag.scenario.watch import WatchScenario


def _words(row: Row) -> str:
    """The words for an event; empty: it is not shown."""
    match row:
        case RoomCreated():
            return f"room {row.sid} appeared"
        case RoomExisted():
            return f"room {row.sid} was there already"
        case ParticipantJoined():
            return f"{row.identity!r} ({row.kind}) is in the room"
        case ParticipantLeft():
            return f"{row.identity!r} has left"
        case AgentLeft():
            return f"agent {row.identity!r} has left"
        case CallLeftOver():
            return f"LEFT OVER: {row.identity!r} ({row.kind}) is alone since {row.left_by!r} had left"
        case RoomOccupied():
            return f"still there at the end, with {people(row.participants)}"
        case TrialCrashed():
            return f"lkdiag itself failed: {row.error}"
    return ""


class WatchLines:
    """A sink of the recorder. Says nothing with `quiet`."""

    def __init__(self, scenario: WatchScenario, *, quiet: bool) -> None:
        self._quiet = quiet
        self._judge = WatchJudge(scenario, scenario.agent_name)

    def note(self, event: Event) -> None:
        """Take an event."""
        if self._quiet:
            return
        ended = self._judge.note(event)
        if event.trial is None:
            self._note_run(event)
        elif text := self._text(event, event.trial):
            call = self._judge.call(event.trial)
            room = "?" if call is None else call.started.data.get("room", "?")
            say(f"{_clock(event)}  call {event.trial}, {room}: {text}")
        if ended is not None:
            self._judge.take(ended)

    def _note_run(self, event: Event) -> None:
        if isinstance(row := event.row, ClockOff):
            say(f"warning: {row.told}")
        elif line := away_line(event):
            say(f"{_clock(event)}  {line}")

    def _text(self, event: Event, number: int) -> str:
        row = event.row
        if isinstance(row, ObservationEnded):
            judged = self._judge.judge(number, row.dispatch_id)
            return "" if judged is None else _fate(judged)
        return _closing(self._judge.call(number)) if isinstance(row, RoomClosed) else _words(row)


def _fate(judged: JudgedTrial) -> str:
    """How a dispatch ended, as the report will judge it."""
    facts = judged.facts
    who = f"agent {facts.agent_name!r}" if facts.agent_name else "an agent without a name"
    came = f"joined after {facts.latency_ms / 1000:.2f} s" if facts.latency_ms is not None else "did not come"
    fate = judged.outcome + (f", {judged.mismatch}" if judged.mismatch else "")
    return f"{who} {came}, listDispatch says {judged.state}: {fate}"


def _closing(call: WatchedCallFacts | None) -> str:
    if call is None or call.closed_ns is None or call.emptied_ns is None or call.closed_ns < call.emptied_ns:
        return "the room is closed"
    return f"the room is closed, {(call.closed_ns - call.emptied_ns) / 1e9:.1f} s after the last one had left"


def _clock(event: Event) -> str:
    return f"{utc(event.at_ns)[11:19]}Z"
