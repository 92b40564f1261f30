"""What the worker's own log says: whether it saw the request, and what state it was in. No API tells that.

The words of `what` are those of livekit-agents and @livekit/agents, as worker_log/vocabulary.py reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lkdiag.timeline import Event, Timeline

LINE = "worker_log.line"
REQUEST = "received-request"
GONE = ("shutting-down", "failed", "disconnected")
"""States in which a worker has no connection; one that registers takes the place of these."""
TAKES_NONE = ("full", "draining", *GONE)
"""States in which a worker takes no job."""
TAKES_JOBS = ("registered", "available-again")
BY_ITSELF = (
    REQUEST,
    "rejected",
    "unanswered",
    "request-failed",
    "assignment-lost",
    "accepted",
    *TAKES_NONE,
    *TAKES_JOBS,
)
"""What the worker's own event loop writes, and no process of a job."""
BREAKS = ("starting", "registered", *GONE)
"""After these a worker knows nothing more of a request."""
CLOCK_NS = 1_000_000_000
"""By how much the clock of the worker's machine may be off before a state is taken for the wrong moment's."""


@dataclass(frozen=True)
class WorkerLog:
    """Of one worker or several. Times are Unix nanoseconds of the clock on the worker's machine."""

    spans: tuple[tuple[int, int], ...] = ()
    """From when to when each file was written."""
    worker_ids: frozenset[str] = frozenset()
    sdks: frozenset[str] = frozenset()
    """What wrote it: `python`, `node`. Empty where it is not known."""
    states: tuple[Event, ...] = ()
    """The lines about a worker as a whole, in the file's order."""
    own: tuple[tuple[int, str], ...] = ()
    """When a worker's own event loop wrote something, or a worker began, and what."""
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
        what = [(e.data["at_ns"], e.data.get("what", "other")) for e in lines if "at_ns" in e.data]
        return cls(
            spans=tuple((data["first_at_ns"], data["last_at_ns"]) for data in timed),
            worker_ids=frozenset(name for e in read for name in e.data.get("worker_ids", ())),
            sdks=frozenset(name for e in read for name in e.data.get("sdks", ())),
            states=tuple(e for e in lines if e.data.get("what") in (*TAKES_NONE, *TAKES_JOBS) and "at_ns" in e.data),
            own=tuple((at_ns, word) for at_ns, word in what if word in (*BY_ITSELF, *BREAKS)),
            jobs=frozenset(e.data["job_id"] for e in lines if "job_id" in e.data),
            shows_requests=any(e.data.get("what") == REQUEST for e in lines)
            or any(e.data.get("requests") for e in read),
        )

    @property
    def names_every_request(self) -> bool:
        """Whether a request that reached the worker is in its log for certain: in Python a refusal may not be."""
        return self.sdks == {"node"}

    def covers(self, from_ns: int, until_ns: int) -> bool:
        """Whether it was being written all this time, and its worker was at work at the end of it or later.

        A worker with nothing to do writes nothing: False is no proof. The lines of a job's process don't count at the
        end: it writes on while the worker's event loop is blocked.
        """
        written = any(first <= from_ns and until_ns <= last for first, last in self.spans)
        return written and any(at_ns >= until_ns for at_ns, _ in self.own)

    def broken_between(self, from_ns: int, until_ns: int) -> bool:
        """Whether a worker began, ended, or lost the server in that time."""
        return any(from_ns < at_ns <= until_ns and what in BREAKS for at_ns, what in self.own)

    def states_at(self, at_ns: int) -> dict[str | None, Event]:
        """What each worker had last said of itself then, by its id."""
        found: dict[str | None, Event] = {}
        for event in self.states:
            if event.data["at_ns"] > at_ns:
                continue
            if event.data["what"] == "registered":
                found = {name: said for name, said in found.items() if said.data["what"] not in GONE}
            found[event.data.get("worker_id")] = event
        return found

    def states_around(self, at_ns: int) -> tuple[Event, ...]:
        """Every state that may have been in force then, as far as the worker's clock can be trusted."""
        found = list(self.states_at(at_ns - CLOCK_NS).values())
        found += [e for e in self.states if at_ns - CLOCK_NS < e.data["at_ns"] <= at_ns + CLOCK_NS]
        return tuple(found)

    def names_at(self, at_ns: int) -> dict[str | None, str | None]:
        """Under which name each worker that was there had registered, by its id; None: the log does not say it."""
        there = {name for name, said in self.states_at(at_ns).items() if said.data["what"] not in GONE}
        return {
            e.data.get("worker_id"): e.data.get("agent_name")
            for e in self.states
            if e.data["what"] == "registered" and e.data["at_ns"] <= at_ns and e.data.get("worker_id") in there
        }

    def names_until(self, at_ns: int) -> set[str | None]:
        """Every name under which a worker had registered by then; None: the log does not say one of them."""
        registered = (e.data for e in self.states if e.data["what"] == "registered")
        return {data.get("agent_name") for data in registered if data["at_ns"] <= at_ns}


def said(facts: Timeline, *what: str) -> tuple[dict[str, Any], ...]:
    """A trial's lines of these kinds."""
    return tuple(e.data for e in facts.of(LINE) if e.data.get("what") in what)


def quoted(line: dict[str, Any]) -> str:
    """A line in the report's words: message, load and error, and the ids."""
    about = [f"load {line['load']:.2f}" if "load" in line else "", line.get("error", ""), line.get("job_id", "")]
    about.append(line.get("worker_id", ""))
    if line.get("what") == "registered" and line.get("agent_name") is not None:
        about.append(f"as {line['agent_name']!r}")
    more = ", ".join(str(part) for part in about if part)
    return f"the worker's log: {line['message']!r}" + (f" ({more})" if more else "")


def steps(facts: Timeline) -> list[tuple[str, float]]:
    """How long the worker took from each of its words about the job to the next, in milliseconds."""
    timed = [e.data for e in facts.of(LINE) if "at_ns" in e.data and "job_id" in e.data]
    return [(str(after["what"]), (after["at_ns"] - before["at_ns"]) / 1e6) for before, after in pairwise(timed)]
