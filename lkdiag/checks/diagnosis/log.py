"""What the worker's own log adds where no job is listed: did it see the request, and was it fit to take one?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.checks.diagnosis.value import Cause, Weighing
from lkdiag.checks.worker_log import LINE, REQUEST, WorkerLog, quoted

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.checks.judged import JudgedTrial

ASKED = (Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE, Cause.WORKER_DECLINED, Cause.ASSIGNMENT_LOST)
"""What may be where the worker has seen the request."""
BEFORE_NS, AFTER_NS = 1_000_000_000, 4_000_000_000
"""Around the dispatch the log has to be known to be written, to say something by its silence. The server asks within
0.2 s; a worker whose event loop was blocked logs the request when it goes on."""
LATE_NS = 2_000_000_000
TELL = "--worker-log FILE: whether the worker ever saw the request, and whether it was full"


def narrow(trial: JudgedTrial, weighing: Weighing) -> None:
    """Rule out what the log rules out; without one, say that it would tell."""
    facts, log = trial.facts, trial.facts.run.log
    if log is None:
        weighing.would_tell.append(TELL)
        return
    mine, doubtful = _lines(facts)
    weighing.speaks_for += [quoted(line) for line in mine]
    what = {line["what"] for line in mine}
    if what & {REQUEST, "rejected", "accepted", "assignment-lost"}:
        _saw_it(what, weighing)
        _saw_it_late(facts, mine, weighing)
    elif doubtful:
        weighing.speaks_for += [f"{quoted(line)}, for this dispatch or the one after it" for line in doubtful]
    else:
        _did_not_see_it(trial, log, weighing)


def _lines(facts: DispatchFacts) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Those about the dispatch under test, and those that may as well be about a second one in the same room."""
    others = {
        job["job_id"]
        for listing in facts.listings
        for item in listing.data["dispatches"]
        if item["dispatch_id"] != facts.dispatch_id
        for job in item["jobs"]
    }
    second = facts.timeline.first("fallback.created", "retry.created")
    mine: list[dict[str, Any]] = []
    doubtful: list[dict[str, Any]] = []
    for event in facts.timeline.of(LINE):
        line = event.data
        if line.get("what", "other") == "other" or line.get("job_id") in others:
            continue
        if "dispatch_id" in line:
            mine += [line] if line["dispatch_id"] == facts.dispatch_id else []
        elif second is None or ("at_ns" in line and line["at_ns"] < second.at_ns - BEFORE_NS):
            mine.append(line)
        else:
            doubtful.append(line)
    return mine, doubtful


def _saw_it(what: set[str], weighing: Weighing) -> None:
    if "rejected" in what:
        weighing.narrow_to(Cause.WORKER_DECLINED)
    elif "accepted" in what:
        weighing.narrow_to(Cause.WORKER_NEVER_JOINED)
    elif "assignment-lost" in what:
        weighing.narrow_to(Cause.ASSIGNMENT_LOST, Cause.WORKER_ANSWERED_LATE)
    else:
        weighing.narrow_to(*ASKED)
        weighing.would_tell.append("the worker's log with the level debug: whether an assignment came")


def _saw_it_late(facts: DispatchFacts, mine: list[dict[str, Any]], weighing: Weighing) -> None:
    """Its clock is its own: only what is late by seconds is late."""
    asked_ns = _asked_ns(facts)
    seen_ns = min((line["at_ns"] for line in mine if line["what"] == REQUEST and "at_ns" in line), default=asked_ns)
    if seen_ns - asked_ns > LATE_NS:
        weighing.causes.append(Cause.SLOW_PLATFORM)
        weighing.speaks_for.append(
            f"the worker saw the request {(seen_ns - asked_ns) / 1e9:.1f} s after the dispatch: it came late, or the "
            "worker was blocked until then"
        )


def _asked_ns(facts: DispatchFacts) -> int:
    asked = facts.timeline.first("dispatch.created") or facts.room
    assert asked is not None, "a trial that could be judged had a room"
    return asked.at_ns


def _did_not_see_it(trial: JudgedTrial, log: WorkerLog, weighing: Weighing) -> None:
    at_ns = _asked_ns(trial.facts)
    states = log.steady_state_at(at_ns)
    if states is None:
        weighing.speaks_for += [quoted(event.data) for event in log.states_at(at_ns + BEFORE_NS).values()]
        return
    what = {event.data["what"] for event in states}
    weighing.speaks_for += [quoted(e.data) for e in states if e.data["what"] not in ("registered", "available-again")]
    if not _is_the_only_one(trial, log):
        weighing.speaks_against.append("the log is not of every worker of that name: its silence proves nothing")
    elif what == {"full"}:
        weighing.narrow_to(Cause.WORKER_FULL)
    elif what and what <= {"disconnected", "failed"}:
        weighing.narrow_to(Cause.NO_WORKER)
    elif what and what <= {"draining", "shutting-down"}:
        weighing.narrow_to(Cause.NO_WORKER, Cause.WORKER_DECLINED)
    elif what <= {"registered", "available-again"} and what and _would_have_told(log, at_ns):
        weighing.speaks_for.append("the worker's log covers that time, and has no job request for this room")
        weighing.rule_out(Cause.NO_WORKER, Cause.WORKER_FULL, *ASKED, Cause.WORKER_NEVER_JOINED)
    else:
        weighing.would_tell.append("a log of the worker that covers this trial, with the level info or debug")


def _would_have_told(log: WorkerLog, at_ns: int) -> bool:
    return log.shows_requests and log.covers(at_ns - BEFORE_NS, at_ns + AFTER_NS)


def _is_the_only_one(trial: JudgedTrial, log: WorkerLog) -> bool:
    """Whether every job of that name in this run went to a worker whose log this is."""
    jobs = [job for t in (trial, *trial.beside.alike(trial)) for job in _jobs_of_name(t.facts)]
    return all(job["job_id"] in log.jobs or job.get("worker_id") in log.worker_ids for job in jobs)


def _jobs_of_name(facts: DispatchFacts) -> list[dict[str, Any]]:
    listed = (item for listing in facts.listings for item in listing.data["dispatches"])
    return [job for item in listed if item["agent_name"] == facts.agent_name for job in item["jobs"]]
