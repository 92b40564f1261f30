"""What the worker's own log says: whether it saw the request, and what state it was in. No API tells that.

The words of `what` are those of livekit-agents and @livekit/agents, as worker_log/vocabulary.py reads them. A worker
that is full says so once, and then answers "not available" without a line (Python, worker.py `_answer_availability`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lkdiag.timeline import Event, Timeline

LINE = "worker_log.line"
REQUEST = "received-request"
TAKES_NONE = ("full", "draining", "shutting-down", "failed", "disconnected")
"""States in which a worker takes no job."""
TAKES_JOBS = ("registered", "available-again")
CLOCK_NS = 1_000_000_000
"""By how much the clock of the worker's machine may be off before a state is taken for the wrong moment's."""


@dataclass(frozen=True)
class WorkerLog:
    """Of one worker or several. Times are Unix nanoseconds of the clock on the worker's machine."""

    spans: tuple[tuple[int, int], ...] = ()
    """From when to when each file was written."""
    worker_ids: frozenset[str] = frozenset()
    states: tuple[Event, ...] = ()
    """The lines about a worker as a whole, in the file's order."""
    jobs: frozenset[str] = frozenset()
    """The jobs of this run that it names."""
    shows_requests: bool = False
    """Whether it logs a request at all: else its silence says nothing."""

    @classmethod
    def of(cls, timeline: Timeline) -> WorkerLog | None:
        """From a whole run's timeline; None where no log was read."""
        read = timeline.of("worker_log.read")
        if not read:
            return None
        lines = timeline.of(LINE)
        timed = [e.data for e in read if "first_at_ns" in e.data and "last_at_ns" in e.data]
        return cls(
            spans=tuple((data["first_at_ns"], data["last_at_ns"]) for data in timed),
            worker_ids=frozenset(name for e in read for name in e.data.get("worker_ids", ())),
            states=tuple(e for e in lines if e.data.get("what") in (*TAKES_NONE, *TAKES_JOBS) and "at_ns" in e.data),
            jobs=frozenset(e.data["job_id"] for e in lines if "job_id" in e.data),
            shows_requests=any(e.data.get("what") == REQUEST for e in lines),
        )

    def covers(self, from_ns: int, until_ns: int) -> bool:
        """Whether it was being written all this time. A worker with nothing to do writes nothing: False is no proof."""
        return any(first <= from_ns and until_ns <= last for first, last in self.spans)

    def states_at(self, at_ns: int) -> dict[str | None, Event]:
        """What each worker had last said of itself then, by its id."""
        found: dict[str | None, Event] = {}
        for event in self.states:
            if event.data["at_ns"] <= at_ns:
                found[event.data.get("worker_id")] = event
        return found

    def steady_state_at(self, at_ns: int) -> tuple[Event, ...] | None:
        """The same, where it was so a second earlier and later as well; None where it changed just then."""
        before, after = self.states_at(at_ns - CLOCK_NS), self.states_at(at_ns + CLOCK_NS)
        return tuple(after.values()) if before == after else None


def said(facts: Timeline, *what: str) -> tuple[dict[str, Any], ...]:
    """A trial's lines of these kinds."""
    return tuple(e.data for e in facts.of(LINE) if e.data.get("what") in what)


def quoted(line: dict[str, Any]) -> str:
    """A line in the report's words: message, load and error, and the ids."""
    about = [f"load {line['load']:.2f}" if "load" in line else "", line.get("error", ""), line.get("job_id", "")]
    about.append(line.get("worker_id", ""))
    more = ", ".join(str(part) for part in about if part)
    return f"the worker's log: {line['message']!r}" + (f" ({more})" if more else "")


def steps(facts: Timeline) -> list[tuple[str, float]]:
    """How long the worker took from each of its words about the job to the next, in milliseconds."""
    timed = [e.data for e in facts.of(LINE) if "at_ns" in e.data and "job_id" in e.data]
    return [(str(after["what"]), (after["at_ns"] - before["at_ns"]) / 1e6) for before, after in pairwise(timed)]
