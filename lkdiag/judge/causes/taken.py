"""Somebody else's worker took the job: it is listed, and its agent was not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.contract import Cause, Mismatch, Outcome, State
from lkdiag.facts.observation import longest_gap_ms
from lkdiag.facts.worker_log import log_lines, quoted
from lkdiag.judge.causes.diagnosis import Diagnosis, Elimination
from lkdiag.judge.wording import worker_of

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.worker_kinds import WorkerLogLine
    from lkdiag.judge.context import TrialInRun

REFERENCE = "https://github.com/livekit/agents/issues/1472"
DECLINED = "https://github.com/livekit/livekit/pull/3948"
BEFORE_JOINING = ("launch-failed", "not-connected")
FAILURES = (*BEFORE_JOINING, "process-failed", "entrypoint-crashed")
ENDS = (*FAILURES, "assignment-lost", "job-ended")
"""What ends a job, or keeps it from its room."""


def diagnose(trial: TrialInRun) -> Diagnosis | None:
    """RUNNING means that a worker accepted: what became of it afterwards only the worker knows."""
    facts = trial.facts
    if facts.on_probe or trial.outcome is not Outcome.DROPPED or facts.job is None or facts.agent is not None:
        return None
    if trial.state is State.CANCELLED:
        return Diagnosis(
            (),
            "the job was cancelled: somebody took the dispatch back.",
            (f"{worker_of(facts)} took job {facts.job['job_id']} ({facts.job['status']})",),
            would_tell=("what else in your project calls deleteDispatch",),
            reference=REFERENCE,
        )
    if facts.declined:
        return _declined(trial, facts.job)
    elimination = Elimination(Cause.WORKER_NEVER_JOINED, Cause.ASSIGNMENT_LOST, Cause.LEFT_EARLY)
    error = f", {facts.job['error']!r}" if facts.job.get("error") else ""
    elimination.speaks_for.append(
        f"{worker_of(facts)} took job {facts.job['job_id']} ({facts.job['status']}{error}), and its agent was not seen"
    )
    elimination.speaks_against.append(
        f"an agent that came and left again was there for less than {longest_gap_ms(facts) / 1000:.1f} s, the longest "
        "time between two looks"
    )
    if trial.state in (State.FAILED, State.SUCCESS):
        elimination.rule_out(Cause.ASSIGNMENT_LOST)  # only a worker that was given the job can report its end
    elif trial.mismatch is not Mismatch.FALSE_RUNNING:
        elimination.causes += [Cause.SLOW_JOIN, Cause.SLOW_ANSWER]
        elimination.would_tell.append("a longer --timeout: whether it only comes late")
    _by_its_start(trial, elimination)
    _by_webhooks(trial, elimination)
    _by_log(trial, elimination)
    if trial.context.is_odd_one(trial):
        elimination.causes.append(Cause.FOREIGN_WORKER)
        elimination.speaks_for.append("this worker took none of the jobs of this run whose agents came")
    return elimination.diagnosis("a worker accepted, and no agent is there", REFERENCE)


def _declined(trial: TrialInRun, job: dict[str, Any]) -> Diagnosis:
    """For good: the server asks nobody else then (`facts/unseen.py`). It needs no log to be known."""
    facts = trial.facts
    lines = log_lines(facts.timeline, "received-request", "request-failed", "rejected")
    return Diagnosis(
        (Cause.WORKER_DECLINED,),
        "the worker was asked and declined for good, as `req.reject()` does in Python: the server then asks no other "
        "worker, and lists the job as ended in the moment in which it began.",
        (
            f"{worker_of(facts)} declined job {job['job_id']} ({job['status']}): it has one moment for its start and "
            "its end, and no agent's identity",
            *(quoted(line) for line in lines if line.job_id == job["job_id"]),
        ),
        would_tell=(
            "what your worker's request function says no to; reject(terminate=False) lets another worker be asked",
        ),
        reference=DECLINED,
    )


def _by_its_start(trial: TrialInRun, elimination: Elimination) -> None:
    """A worker that was asked late can't have brought its agent early."""
    settings, asked_ms = trial.facts.run.settings, trial.facts.stages_ms.get("job_started")
    if asked_ms is None or asked_ms <= settings.delayed_after_s * 1000:
        return
    elimination.causes.insert(0, Cause.SLOW_PLATFORM)
    elimination.speaks_for.append(f"the worker was asked only {asked_ms / 1000:.2f} s after the dispatch")
    if asked_ms > settings.timeout_s * 1000:
        elimination.narrow_to(Cause.SLOW_PLATFORM)


def _by_webhooks(trial: TrialInRun, elimination: Elimination) -> None:
    if trial.facts.webhooks_are_whole:
        elimination.rule_out(Cause.LEFT_EARLY)
        elimination.speaks_against = [
            "the room's webhooks came from its beginning to its end, and none tells of an agent"
        ]


def of_jobs(facts: DispatchFacts) -> list[WorkerLogLine]:
    """What the worker's log says of the dispatch's jobs, once a worker had them."""
    job_ids = {job["job_id"] for job in facts.jobs}
    kinds = (*FAILURES, *ENDS, "no-idle-process", "accepted", "assignment-lost", "job-started")
    return [line for line in log_lines(facts.timeline, *dict.fromkeys(kinds)) if line.job_id in job_ids]


def _asks(facts: DispatchFacts) -> str:
    return f"what became of job {'?' if facts.job is None else facts.job['job_id']}: did its process start and connect?"


def _by_log(trial: TrialInRun, elimination: Elimination) -> None:
    facts = trial.facts
    about = of_jobs(facts)
    what = {line.what for line in about}
    elimination.speaks_for += [quoted(line) for line in about]
    crashes = [line.error for line in about if line.what == "entrypoint-crashed" and line.error]
    elimination.error = f"{crashes[0]}, in the agent's own code" if crashes else ""
    if facts.run.log is None:
        elimination.would_tell.append(f"--worker-log FILE: {_asks(facts)}")
    elif not about:
        elimination.would_tell.append(f"the log of {worker_of(facts)} (the one given does not name it): {_asks(facts)}")
    elif not what & set(ENDS):
        elimination.would_tell.append("the worker's log with the level debug: how far the job's process came")
    if "assignment-lost" in what:
        elimination.narrow_to(Cause.ASSIGNMENT_LOST)
    elif what & set(BEFORE_JOINING):
        elimination.narrow_to(Cause.WORKER_NEVER_JOINED)
    elif what:
        elimination.rule_out(Cause.ASSIGNMENT_LOST)
