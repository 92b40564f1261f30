"""What the worker's own log says: whether it saw the request, and what state it was in. No API tells that.

The words of `what` are those of livekit-agents and @livekit/agents, as worker_log/lines.py reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lkdiag.journal.worker_kinds import WorkerLogLine, WorkerLogRead

if TYPE_CHECKING:
    from lkdiag.journal.event import Event
    from lkdiag.journal.timeline import Timeline

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
class WorkerLogFacts:
    """Of one worker or several. Times are Unix nanoseconds of the clock on the worker's machine."""

    spans: tuple[tuple[int, int], ...] = ()
    """From when to when each file was written."""
    worker_ids: frozenset[str] = frozenset()
    sdks: frozenset[str] = frozenset()
    """What wrote it: `python`, `node`. Empty where it is not known."""
    states: tuple[Event[WorkerLogLine], ...] = ()
    """The lines about a worker as a whole, in the file's order."""
    own: tuple[tuple[int, str], ...] = ()
    """When a worker's own event loop wrote something, or a worker began, and what."""
    jobs: frozenset[str] = frozenset()
    """The jobs of this run that it names."""
    shows_requests: bool = False
    """Whether it logs a request at all: else its silence says nothing."""

    @classmethod
    def of(cls, timeline: Timeline) -> WorkerLogFacts | None:
        """From a whole run's timeline; None where no log was read."""
        read = timeline.of(WorkerLogRead)
        if not read:
            return None
        lines = timeline.of(WorkerLogLine)
        spans = ((e.row.first_at_ns, e.row.last_at_ns) for e in read)
        what = [(e.row.at_ns, e.row.what or "other") for e in lines if e.row.at_ns is not None]
        return cls(
            spans=tuple((first, last) for first, last in spans if first is not None and last is not None),
            worker_ids=frozenset(name for e in read for name in e.row.worker_ids or ()),
            sdks=frozenset(name for e in read for name in e.row.sdks or ()),
            states=tuple(e for e in lines if e.row.what in (*TAKES_NONE, *TAKES_JOBS) and e.row.at_ns is not None),
            own=tuple((at_ns, word) for at_ns, word in what if word in (*BY_ITSELF, *BREAKS)),
            jobs=frozenset(e.row.job_id for e in lines if e.row.job_id is not None),
            shows_requests=any(e.row.what == REQUEST for e in lines) or any(e.row.requests for e in read),
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

    def states_at(self, at_ns: int) -> dict[str | None, Event[WorkerLogLine]]:
        """What each worker had last said of itself then, by its id."""
        found: dict[str | None, Event[WorkerLogLine]] = {}
        for event in self.states:
            if event.row.written_ns > at_ns:
                continue
            if event.row.what == "registered":
                found = {name: said for name, said in found.items() if said.row.what not in GONE}
            found[event.row.worker_id] = event
        return found

    def states_around(self, at_ns: int) -> tuple[Event[WorkerLogLine], ...]:
        """Every state that may have been in force then, as far as the worker's clock can be trusted."""
        found = list(self.states_at(at_ns - CLOCK_NS).values())
        found += [e for e in self.states if at_ns - CLOCK_NS < e.row.written_ns <= at_ns + CLOCK_NS]
        return tuple(found)

    def names_at(self, at_ns: int) -> dict[str | None, str | None]:
        """Under which name each worker that was there had registered, by its id; None: the log does not say it."""
        there = {name for name, said in self.states_at(at_ns).items() if said.row.what not in GONE}
        return {
            e.row.worker_id: e.row.agent_name
            for e in self.states
            if e.row.what == "registered" and e.row.written_ns <= at_ns and e.row.worker_id in there
        }

    def names_until(self, at_ns: int) -> set[str | None]:
        """Every name under which a worker had registered by then; None: the log does not say one of them."""
        registered = (e.row for e in self.states if e.row.what == "registered")
        return {row.agent_name for row in registered if row.written_ns <= at_ns}


def log_lines(facts: Timeline, *what: str) -> tuple[WorkerLogLine, ...]:
    """A trial's lines of these kinds."""
    return tuple(e.row for e in facts.of(WorkerLogLine) if e.row.what in what)


def quoted(line: WorkerLogLine) -> str:
    """A line in the report's words: message, load and error, and the ids."""
    about = ["" if line.load is None else f"load {line.load:.2f}", line.error, line.job_id, line.worker_id]
    if line.what == "registered" and line.agent_name is not None:
        about.append(f"as {line.agent_name!r}")
    more = ", ".join(str(part) for part in about if part)
    return f"the worker's log: {line.message!r}" + (f" ({more})" if more else "")


def steps(facts: Timeline) -> list[tuple[str, float]]:
    """How long the worker took from each of its words about the job to the next, in milliseconds."""
    timed = [e.row for e in facts.of(WorkerLogLine) if e.row.at_ns is not None and e.row.job_id is not None]
    return [(str(after.what), (after.written_ns - before.written_ns) / 1e6) for before, after in pairwise(timed)]
