"""The worker's log has no request for the dispatch: what that says, by the state in which the worker was then.

A log's clock is another machine's: each state that may have been in force counts, and the one that was by its own clock
comes first. Which causes fit which state: a worker that is full or drains has told the server so, which then asks
others (livekit-server v1.13.5 pkg/service/agentservice.go, selectWorkerWeightedByLoad); one that is shutting down
closes its connection (livekit-agents 1.8.9 worker.py, `aclose`; up to 0.12 only once its jobs are closed).

A Python worker's silence does not tell "never asked" from "asked, and full": `_answer_availability` (1.8.9 worker.py)
measures the load again, adds what it has reserved for jobs that are accepted and not yet begun, and answers "not
available" without a line, while its state is logged every 2.5 s only. Node logs the request before any check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Cause
from lkdiag.facts.worker_log import CLOCK_NS, GONE, TAKES_JOBS, quoted
from lkdiag.journal.trial_kinds import DispatchCreated
from lkdiag.judge.context import is_in_log

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.facts.worker_log import WorkerLogFacts
    from lkdiag.journal.event import Event
    from lkdiag.journal.worker_kinds import WorkerLogLine
    from lkdiag.judge.causes.diagnosis import Elimination
    from lkdiag.judge.context import TrialInRun

ASKED = (Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE, Cause.WORKER_DECLINED, Cause.ASSIGNMENT_LOST)
"""What may be where the worker has seen the request."""
BY_STATE = {
    "full": (Cause.WORKER_FULL,),
    "disconnected": (Cause.NO_WORKER,),
    "failed": (Cause.NO_WORKER,),
    "draining": (Cause.NO_WORKER, Cause.WORKER_DECLINED),
    "shutting-down": (Cause.NO_WORKER, Cause.WORKER_DECLINED),
}
AFTER_NS = 4_000_000_000
"""So long after the dispatch the log has to go on, to say something by its silence. The server asks within 0.2 s; a
worker whose event loop was blocked logs the request when it goes on."""
ASKED_NS = 200_000_000
"""After the dispatch the server asks a worker: it gathers their answers first (measured)."""
CLOSED_NS = 10_000_000_000
"""So long after it began to shut down a worker has closed its connection."""
WAITS = (Cause.WAITS_FOR_PARTICIPANT, Cause.WAITS_FOR_TRACK)
FULL_IN_PYTHON = (
    'a Python worker that is full answers "not available" without a line, and measures its load anew for each request: '
    "its log can't tell that from a request that never came"
)


def asked_ns(facts: DispatchFacts) -> int:
    """When the dispatch was made, by this machine's clock."""
    made = facts.timeline.first(DispatchCreated) or facts.room
    assert made is not None, "a trial that could be judged had a room"
    return made.at_ns


def narrow(trial: TrialInRun, log: WorkerLogFacts, elimination: Elimination) -> None:
    """Rule out what neither the silence nor any state that may have been in force leaves possible."""
    at_ns = asked_ns(trial.facts) + ASKED_NS
    by_name(trial, log, elimination)
    around = log.states_around(at_ns)
    now = [e for e in log.states_at(at_ns).values() if e in around]
    elimination.speaks_for += [quoted(e.row) for e in around if len(around) > 1 or e.row.what not in TAKES_JOBS]
    if not _is_the_only_one(trial):
        elimination.speaks_against.append("the log is not of every worker of that name: its silence proves nothing")
        return
    if elimination.causes == [Cause.WRONG_NAME]:
        return
    fits: list[Cause] = []
    known = bool(around)
    for event in (*now, *(e for e in around if e not in now)):
        state = event.row.what
        if state in TAKES_JOBS and _would_have_told(log, at_ns):
            fits += _unasked(trial, log)
        elif state in TAKES_JOBS:
            known = False
        elif state == "shutting-down" and at_ns - event.row.written_ns >= CLOSED_NS:
            fits += [Cause.NO_WORKER]
        else:
            fits += BY_STATE[str(state)]
    if not log.states_at(at_ns - CLOCK_NS):
        fits += [Cause.NO_WORKER]  # nothing is known of a worker that was there already
    first = [cause for event in now for cause in BY_STATE.get(str(event.row.what), ())]
    if known:
        _keep(fits, around, elimination)
    else:
        elimination.would_tell.append("a log of the worker that covers this trial, with the level info or debug")
        if not first:
            return
        elimination.likely = first[0]
    elimination.first(*(fits if known else first))
    if known and any(e.row.what in TAKES_JOBS for e in around):
        _explain(trial, log, elimination)


def _keep(fits: list[Cause], around: tuple[Event[WorkerLogLine], ...], elimination: Elimination) -> None:
    """What fits a state, and what no state of a worker rules out: it may serve somebody else, under another name."""
    states = {event.row.what for event in around}
    besides: tuple[Cause, ...] = ()
    if states & set(TAKES_JOBS):
        besides = (Cause.WRONG_NAME, Cause.SLOW_PLATFORM, *WAITS)
    elif not states <= set(GONE):
        besides = (Cause.WRONG_NAME,)
    elimination.narrow_to(*fits, *besides)


def _unasked(trial: TrialInRun, log: WorkerLogFacts) -> list[Cause]:
    """It was there, its log would have told, and has no request."""
    return [Cause.LOST_BEFORE_WORKER] if log.names_every_request else _python_order(trial)


def _python_order(trial: TrialInRun) -> list[Cause]:
    """What is over in a moment is more likely; unless the platform loses dispatches of the control as well."""
    full, lost = Cause.WORKER_FULL, Cause.LOST_BEFORE_WORKER
    return [lost, full] if trial.context.lost_on_the_way else [full, lost]


def _explain(trial: TrialInRun, log: WorkerLogFacts, elimination: Elimination) -> None:
    """In words, what the silence of a worker that takes jobs means."""
    elimination.speaks_for.append("the worker's log covers that time, and has no job request for this room")
    if Cause.WORKER_FULL not in elimination.causes or log.names_every_request:
        return
    elimination.speaks_for.append(FULL_IN_PYTHON)
    facts = trial.facts
    others = trial.context.peers(trial).at_the_same_time(facts.began_ns, facts.closing_began_ns)
    if others:
        elimination.would_tell.append(
            f"-c 1: this trial ran beside {others} other{'s' if others > 1 else ''}, and a worker takes few at once: "
            "while it accepts one job it may refuse the next (num_idle_processes, load_threshold)"
        )
    else:
        elimination.would_tell.append(
            "the worker's own load at that time: job_request_fnc is not called while it is over"
        )


def by_name(trial: TrialInRun, log: WorkerLogFacts, elimination: Elimination) -> None:
    """A worker says under which name it registers: the right one rules a wrong one out, only others prove it."""
    name, at_ns = trial.facts.agent_name, asked_ns(trial.facts) + ASKED_NS
    if Cause.WRONG_NAME not in elimination.causes:
        return
    before, after = log.names_at(at_ns - CLOCK_NS), log.names_at(at_ns + CLOCK_NS)
    ever = log.names_until(at_ns + CLOCK_NS)
    if name in after.values() and (name in before.values() or ever == {name}):
        elimination.rule_out(Cause.WRONG_NAME)
        elimination.speaks_against.append(f"a wrong name: by its log the worker is registered as {name!r}")
    others = {other for other in (*before.values(), *after.values()) if other is not None}
    if before and None not in (*before.values(), *after.values()) and name not in others:
        elimination.narrow_to(Cause.WRONG_NAME)
        elimination.speaks_for.append(
            f"by its log the worker is registered as {', '.join(sorted(map(repr, others)))}, and {name!r} was called"
        )


def _would_have_told(log: WorkerLogFacts, at_ns: int) -> bool:
    until_ns = at_ns + AFTER_NS
    unbroken = log.covers(at_ns - CLOCK_NS, until_ns) and not log.broken_between(at_ns, until_ns)
    return log.shows_requests and unbroken


def _is_the_only_one(trial: TrialInRun) -> bool:
    """Whether every job of that name in this run went to a worker whose log this is."""
    return is_in_log(trial.facts) and trial.context.peers(trial).are_in_log
