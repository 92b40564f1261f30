"""What the worker's own log adds where no job is listed: did it see the request, and what became of it there?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.checks.diagnosis import silence
from lkdiag.checks.diagnosis.value import Cause, Weighing
from lkdiag.checks.worker_log import LINE, REQUEST, quoted

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.checks.worker_log import WorkerLog

SEEN = frozenset({REQUEST, "rejected", "unanswered", "accepted", "assignment-lost"})
SECOND_NS = 1_000_000_000
"""A line so much older than a second dispatch in the same room is not about that one."""
LATE_NS = 2_000_000_000
ASSIGNMENT_NS = 11_000_000_000
"""When a worker that accepted in time, and got no assignment, has said so: it waits 7.5 s (ASSIGNMENT_TIMEOUT of
livekit-agents 1.8.9 worker.py and @livekit/agents 1.9.0 worker.ts) from its answer, for which it has 2.8 s."""
TELL = "--worker-log FILE: whether the worker ever saw the request, and whether it was full"


def narrow(trial: JudgedTrial, weighing: Weighing) -> None:
    """Rule out what the log rules out; without one, say that it would tell."""
    facts, log = trial.facts, trial.facts.run.log
    if log is None:
        weighing.would_tell.append(TELL)
        return
    weighing.outside = False
    mine, doubtful = _lines(facts)
    weighing.speaks_for += [quoted(line) for line in mine]
    what = {line["what"] for line in mine}
    if what & SEEN:
        _saw_it(what, weighing)
        if not what - {REQUEST}:
            _by_what_it_did_not_say(log, mine, weighing)
        _saw_it_late(facts, mine, weighing)
    elif doubtful:
        weighing.speaks_for += [f"{quoted(line)}, for this dispatch or the one after it" for line in doubtful]
        silence.by_name(trial, log, weighing)
    else:
        silence.narrow(trial, log, weighing)
    errors = [line["error"] for line in mine if line["what"] in ("request-failed", "rejected") and line.get("error")]
    weighing.error = f"{errors[0]}, in the worker's request function" if errors else ""


def _lines(facts: DispatchFacts) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Those about the dispatch under test, and those that may as well be about a second one in the same room."""
    others = {
        job["job_id"]
        for listing in facts.listings
        for item in listing.data["dispatches"]
        if item["dispatch_id"] != facts.dispatch_id
        for job in item["jobs"]
    }
    dispatches = {e.data["job_id"]: e.data["dispatch_id"] for e in facts.timeline.of(LINE)
                  if "job_id" in e.data and "dispatch_id" in e.data}  # fmt: skip
    second = facts.timeline.first("fallback.created", "retry.created")
    mine: list[dict[str, Any]] = []
    doubtful: list[dict[str, Any]] = []
    for event in facts.timeline.of(LINE):
        line = event.data
        if line.get("what", "other") == "other" or line.get("job_id") in others:
            continue
        dispatch_id = line.get("dispatch_id", dispatches.get(line.get("job_id", "")))
        if dispatch_id is not None:
            mine += [line] if dispatch_id == facts.dispatch_id else []
        elif second is None or ("at_ns" in line and line["at_ns"] < second.at_ns - SECOND_NS):
            mine.append(line)
        else:
            doubtful.append(line)
    return mine, doubtful


def _saw_it(what: set[str], weighing: Weighing) -> None:
    if "assignment-lost" in what:
        # before a rejection: a request function that waits for its accept() fails when that does
        weighing.narrow_to(Cause.ASSIGNMENT_LOST, Cause.WORKER_ANSWERED_LATE)
    elif "accepted" in what:
        weighing.narrow_to(Cause.WORKER_NEVER_JOINED)
    elif "rejected" in what:
        weighing.narrow_to(Cause.WORKER_DECLINED)
    elif "unanswered" in what:
        # something that the function has left behind may answer yet
        weighing.narrow_to(Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE, Cause.WORKER_DECLINED)
        weighing.speaks_for.append("its request function ended without an answer, and Node sends none for it")
    else:
        weighing.narrow_to(*silence.ASKED)


def _by_what_it_did_not_say(log: WorkerLog, mine: list[dict[str, Any]], weighing: Weighing) -> None:
    """One that accepted and was not given the job says so; one whose function did not answer too."""
    asked_ns = min((line["at_ns"] for line in mine if line["what"] == REQUEST and "at_ns" in line), default=None)
    until_ns = (asked_ns or 0) + ASSIGNMENT_NS
    if asked_ns is None or not log.covers(asked_ns, until_ns) or log.broken_between(asked_ns, until_ns):
        weighing.would_tell.append("the worker's log with the level debug: whether an assignment came")
        return
    weighing.rule_out(Cause.ASSIGNMENT_LOST)
    weighing.would_tell.append("the worker's request function: does it answer every request, and within 2.8 s?")
    if log.names_every_request:
        weighing.first(Cause.WORKER_DECLINED)  # in Python most rejections are listed (`declines.py`)
    weighing.speaks_for.append(
        f"the worker's log goes on for {ASSIGNMENT_NS / 1e9:.0f} s after the request, and tells of no assignment that "
        "did not come: if the worker declined, its own request function did (that is not logged)"
    )


def _saw_it_late(facts: DispatchFacts, mine: list[dict[str, Any]], weighing: Weighing) -> None:
    """Its clock is its own: only what is late by seconds is late."""
    asked_ns = silence.asked_ns(facts)
    seen_ns = min((line["at_ns"] for line in mine if line["what"] == REQUEST and "at_ns" in line), default=asked_ns)
    if seen_ns - asked_ns > LATE_NS:
        weighing.causes.append(Cause.SLOW_PLATFORM)
        weighing.speaks_for.append(
            f"the worker saw the request {(seen_ns - asked_ns) / 1e9:.1f} s after the dispatch: it came late, or the "
            "worker was blocked until then"
        )
