"""What the worker's own log adds where no job is listed: did it see the request, and what became of it there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Cause
from lkdiag.facts.worker_log import REQUEST, quoted
from lkdiag.journal.trial_kinds import FallbackCreated, RetryCreated
from lkdiag.journal.worker_kinds import WorkerLogLine
from lkdiag.judge.causes import silence
from lkdiag.judge.causes.diagnosis import MOST_IN_A_SENTENCE, WORDS, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.facts.worker_log import WorkerLogFacts
    from lkdiag.judge.causes.diagnosis import Elimination
    from lkdiag.judge.context import TrialInRun, TrialSummary

SEEN = frozenset({REQUEST, "rejected", "unanswered", "accepted", "assignment-lost"})
SECOND_NS = 1_000_000_000
"""A line so much older than a second dispatch in the same room is not about that one."""
LATE_NS = 2_000_000_000
ASSIGNMENT_NS = 11_000_000_000
"""When a worker that accepted in time, and got no assignment, has said so: it waits 7.5 s (ASSIGNMENT_TIMEOUT of
livekit-agents 1.8.9 worker.py and @livekit/agents 1.9.0 worker.ts) from its answer, for which it has 2.8 s."""
TELL = "--worker-log FILE: whether the worker ever saw the request, and whether it was full"


def narrow(trial: TrialInRun, elimination: Elimination) -> None:
    """Rule out what the log rules out; without one, say that it would tell."""
    facts, log = trial.facts, trial.facts.run.log
    if log is None:
        elimination.would_tell.append(TELL)
        return
    elimination.outside = False
    mine, doubtful = _lines(facts)
    elimination.speaks_for += [quoted(line) for line in mine]
    what = {line.what for line in mine}
    if what & SEEN:
        _saw_it(what, elimination)
        if not what - {REQUEST}:
            _by_what_it_did_not_say(log, mine, elimination)
        _saw_it_late(facts, mine, elimination)
    elif doubtful:
        elimination.speaks_for += [f"{quoted(line)}, for this dispatch or the one after it" for line in doubtful]
        silence.by_name(trial, log, elimination)
    else:
        silence.narrow(trial, log, elimination)
    errors = [line.error for line in mine if line.what in ("request-failed", "rejected") and line.error]
    elimination.error = f"{errors[0]}, in the worker's request function" if errors else ""


def _lines(facts: DispatchFacts) -> tuple[list[WorkerLogLine], list[WorkerLogLine]]:
    """Those about the dispatch under test, and those that may as well be about a second one in the same room."""
    others = {
        job["job_id"]
        for listing in facts.listings
        for item in listing.row.dispatches
        if item["dispatch_id"] != facts.dispatch_id
        for job in item["jobs"]
    }
    dispatches = {e.row.job_id: e.row.dispatch_id for e in facts.timeline.of(WorkerLogLine)
                  if e.row.job_id is not None and e.row.dispatch_id is not None}  # fmt: skip
    second = facts.timeline.first(FallbackCreated, RetryCreated)
    mine: list[WorkerLogLine] = []
    doubtful: list[WorkerLogLine] = []
    for event in facts.timeline.of(WorkerLogLine):
        line = event.row
        if (line.what or "other") == "other" or line.job_id in others:
            continue
        dispatch_id = line.dispatch_id or dispatches.get(line.job_id or "")
        if dispatch_id is not None:
            mine += [line] if dispatch_id == facts.dispatch_id else []
        elif second is None or (line.at_ns is not None and line.at_ns < second.at_ns - SECOND_NS):
            mine.append(line)
        else:
            doubtful.append(line)
    return mine, doubtful


def _saw_it(what: set[str | None], elimination: Elimination) -> None:
    if "assignment-lost" in what:
        # before a rejection: a request function that waits for its accept() fails when that does
        elimination.narrow_to(Cause.ASSIGNMENT_LOST, Cause.WORKER_ANSWERED_LATE)
    elif "accepted" in what:
        elimination.narrow_to(Cause.WORKER_NEVER_JOINED)
    elif "rejected" in what:
        elimination.narrow_to(Cause.WORKER_DECLINED)
    elif "unanswered" in what:
        # something that the function has left behind may answer yet
        elimination.narrow_to(Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE, Cause.WORKER_DECLINED)
        elimination.speaks_for.append("its request function ended without an answer, and Node sends none for it")
    else:
        elimination.narrow_to(*silence.ASKED)


def _by_what_it_did_not_say(log: WorkerLogFacts, mine: list[WorkerLogLine], elimination: Elimination) -> None:
    """One that accepted and was not given the job says so; one whose function did not answer too."""
    asked_ns = min((line.at_ns for line in mine if line.what == REQUEST and line.at_ns is not None), default=None)
    until_ns = (asked_ns or 0) + ASSIGNMENT_NS
    if asked_ns is None or not log.covers(asked_ns, until_ns) or log.broken_between(asked_ns, until_ns):
        elimination.would_tell.append("the worker's log with the level debug: whether an assignment came")
        return
    elimination.rule_out(Cause.ASSIGNMENT_LOST)
    elimination.would_tell.append("the worker's request function: does it answer every request, and within 2.8 s?")
    if log.names_every_request:
        elimination.first(Cause.WORKER_DECLINED)  # in Python most rejections are listed (`journal/attribution.py`)
    elimination.speaks_for.append(
        f"the worker's log goes on for {ASSIGNMENT_NS / 1e9:.0f} s after the request, and tells of no assignment that "
        "did not come: if the worker declined, its own request function did (that is not logged)"
    )


def _saw_it_late(facts: DispatchFacts, mine: list[WorkerLogLine], elimination: Elimination) -> None:
    """Its clock is its own: only what is late by seconds is late."""
    asked_ns = silence.asked_ns(facts)
    seen_ns = min((line.at_ns for line in mine if line.what == REQUEST and line.at_ns is not None), default=asked_ns)
    if seen_ns - asked_ns > LATE_NS:
        elimination.causes.append(Cause.SLOW_PLATFORM)
        elimination.speaks_for.append(
            f"the worker saw the request {(seen_ns - asked_ns) / 1e9:.1f} s after the dispatch: it came late, or the "
            "worker was blocked until then"
        )


# -- of a whole run --------------------------------------------------------------------------------------------------


def causes_of(trials: Sequence[TrialSummary]) -> tuple[Cause, ...]:
    """Every cause that one of them may have had, in the order of the trials'."""
    found = (cause for t in trials for cause in t.causes)
    return tuple(dict.fromkeys(found))


def by_the_log(trials: Sequence[TrialSummary]) -> str:
    """What the worker's own log leaves of their causes, as a sentence; empty without one, or where it tells little."""
    causes = causes_of(trials)
    if not causes or trials[0].run.log is None:
        return ""
    if len(causes) <= MOST_IN_A_SENTENCE:
        return f"By the worker's log: {in_words(causes)}."
    if Cause.WRONG_NAME in causes:
        return ""
    first = (t.causes[0] for t in trials if t.causes)
    return f"By the worker's log, most likely {', or '.join(WORDS[cause] for cause in dict.fromkeys(first))}."
