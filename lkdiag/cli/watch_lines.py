"""What the user sees of a watch while it goes on: a line on stderr for each thing that was seen of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.wording import people
from lkdiag.cli.notes import say
from lkdiag.timeline import Event, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.scenario.watch import WatchScenario
    from lkdiag.timeline import Data

TOLD: dict[str, Callable[[Data], str]] = {
    "room.created": lambda d: f"room {d['sid']} appeared",
    "room.existed": lambda d: f"room {d['sid']} was there already",
    "participant.joined": lambda d: f"{d['identity']!r} ({d['kind']}) is in the room",
    "participant.left": lambda d: f"{d['identity']!r} has left",
    "agent.left": lambda d: f"agent {d['identity']!r} has left",
    "call.left_over": lambda d: f"LEFT OVER: {d['identity']!r} ({d['kind']}) is alone since {d['left_by']!r} had left",
    "room.occupied": lambda d: f"still there at the end, with {people(d['participants'])}",
    "trial.crashed": lambda d: f"lkdiag itself failed: {d['error']}",
}


class WatchLines:
    """A sink of the recorder. Says nothing with `quiet`."""

    def __init__(self, scenario: WatchScenario, *, quiet: bool) -> None:
        self._scenario = scenario
        self._quiet = quiet
        self._run: list[Event] = []
        self._calls: dict[int, list[Event]] = {}
        self._blind = False

    def note(self, event: Event) -> None:
        """Take an event."""
        if self._quiet:
            return
        if event.trial is None:
            self._note_run(event)
            return
        events = self._calls.setdefault(event.trial, [])
        events.append(event)
        told = self._tell(event, events)
        if told:
            room = events[0].data.get("room", "?")
            say(f"{_clock(event)}  call {event.trial}, {room}: {told}")
        if event.kind == "trial.finished":
            del self._calls[event.trial]

    def _note_run(self, event: Event) -> None:
        if event.kind == "clock.off":
            say(f"warning: {event.data['told']}")
        elif event.kind == "lkdiag.stalled":
            self._run.append(event)
        elif event.kind == "api.called" and event.data["ok"] is self._blind:
            self._blind = not self._blind
            why = f": {event.data['error']}" if self._blind else ""
            say(f"{_clock(event)}  the project {'does not answer' + why if self._blind else 'answers again'}")

    def _tell(self, event: Event, events: list[Event]) -> str:
        if event.kind == "observation.ended":
            return self._fate(event, events)
        if event.kind == "room.closed":
            return _closing(event, events)
        words = TOLD.get(event.kind)
        return "" if words is None else words(event.data)

    def _fate(self, event: Event, events: list[Event]) -> str:
        """What became of a dispatch, as the report will judge it."""
        from lkdiag.checks.run_facts import RunFacts
        from lkdiag.checks.watch.call import CallFacts
        from lkdiag.checks.watch.judged import judge_observed, observed

        call = CallFacts(event.trial or 0, Timeline(events))
        run = RunFacts.of(self._scenario, Timeline([*self._run, *events]))
        wanted = event.data["dispatch_id"]
        facts = next((f for f in observed([call], run, self._scenario.agent_name) if f.under_test == wanted), None)
        if facts is None:
            return ""
        judged = judge_observed(facts)
        who = f"agent {facts.agent_name!r}" if facts.agent_name else "an agent without a name"
        came = f"joined after {facts.latency_ms / 1000:.2f} s" if facts.latency_ms is not None else "did not come"
        fate = judged.outcome + (f", {judged.mismatch}" if judged.mismatch else "")
        return f"{who} {came}, listDispatch says {judged.state}: {fate}"


def _closing(event: Event, events: list[Event]) -> str:
    from lkdiag.checks.watch.call import CallFacts

    call = CallFacts(event.trial or 0, Timeline(events))
    if call.closed_ns is None or call.emptied_ns is None or call.closed_ns < call.emptied_ns:
        return "the room is closed"
    return f"the room is closed, {(call.closed_ns - call.emptied_ns) / 1e9:.1f} s after the last one had left"


def _clock(event: Event) -> str:
    from lkdiag.report.narrative import utc

    return f"{utc(event.at_ns)[11:19]}Z"
