"""The one owner of the columns in a table of dispatch trials. Writers own only syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Fallback
from lkdiag.render.column import Column
from lkdiag.render.selection import room_prefix
from lkdiag.render.wording import NONE, OUTCOME_SYMBOL, duration, moment, who
from lkdiag.report.value import TrialReport
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from lkdiag.report.value import DispatchReport

Trials = Column[TrialReport]


def _fallback(trial: TrialReport) -> str:
    if trial.fallback is Fallback.NOT_NEEDED:
        return NONE
    if trial.fallback is Fallback.RESCUED and trial.fallback_latency_ms is not None:
        return f"rescued in {trial.fallback_latency_ms / 1000:.2f} s"
    return trial.fallback.value


INDEX = Trials("#", "the trial's number", lambda trial: str(trial.index), right=True)
ROLE = Trials("role", "subject: the worker under test; control: lkdiag's own beside it", lambda trial: trial.role)
STARTED = Trials("started (UTC)", "when the trial began", lambda trial: moment(trial.started_at))
OUTCOME = Trials(
    "outcome",
    "what became of the dispatch: delivered, delayed (late), dropped (the agent never came), "
    "error (not carried out), inconclusive (lkdiag was not fit to judge)",
    lambda trial: f"{OUTCOME_SYMBOL[trial.outcome]} {trial.outcome.value}",
)
LATENCY = Trials(
    "latency",
    "from the room's creation to the agent's joining, both on the server's clock",
    lambda trial: duration(trial.latency_ms),
    right=True,
)
STATE = Trials("state", "what listDispatch said at the end", lambda trial: trial.state.value)
MISMATCH = Trials(
    "mismatch",
    "where state and room contradict: false-running (running or done, agent never there), unreported (agent "
    "there, no job listed), failed-present (failed, agent there), wrong-worker (another worker took the job)",
    lambda trial: trial.mismatch.value if trial.mismatch else NONE,
)
FALLBACK = Trials(
    "fallback",
    "what a second dispatch, by createDispatch, did for a trial whose agent never came",
    _fallback,
)
ROOM = Trials("room", "the room's name", lambda trial: trial.room)
ROOM_SID = Trials("room SID", "the server's id of the room", lambda trial: trial.room_sid or NONE)
DISPATCH = Trials("dispatch", "the id of the dispatch under test", lambda trial: trial.dispatch_id or NONE)
JOB = Trials("job", "the id of its job", lambda trial: trial.job_id or NONE)
WORKER = Trials("worker", "the id of the worker that the job went to", lambda trial: trial.worker_id or NONE)
PARTICIPANTS = Trials(
    "participants", "the server's ids of those who were in the room", lambda trial: who(trial.participant_ids)
)
FALLBACK_DISPATCH = Trials(
    "fallback dispatch",
    "the id of the second dispatch",
    lambda trial: trial.fallback_dispatch_id or NONE,
)


AGENT_NAME = Trials(
    "agent", "the name that was dispatched", lambda trial: getattr(trial, "agent_name", "") or "(no name)"
)
CALL = Trials("call", "the call in which it was seen", lambda trial: str(getattr(trial, "call", NONE)), right=True)


def verdict_columns(report: DispatchReport) -> tuple[Trials, ...]:
    """What was judged. The role only where there are two."""
    if isinstance(report, WatchReport):
        return (INDEX, CALL, AGENT_NAME, OUTCOME, LATENCY, STATE, MISMATCH)
    role = (ROLE,) if any(trial.role == "control" for trial in report.trials) else ()
    return (INDEX, *role, OUTCOME, LATENCY, STATE, MISMATCH, FALLBACK)


def id_columns(report: DispatchReport) -> tuple[Trials, ...]:
    """The ids that maintainers ask for. The fallback's only where there was one."""
    return (ROOM_SID, DISPATCH, JOB, WORKER, *fallback_columns(report))


def fallback_columns(report: DispatchReport) -> tuple[Trials, ...]:
    """The fallback dispatch's id, if any trial has one."""
    return (FALLBACK_DISPATCH,) if any(trial.fallback_dispatch_id for trial in report.trials) else ()


def short_room_column(report: DispatchReport) -> Trials | None:
    """What tells the room names apart, behind their common prefix; None where all are the same."""
    prefix = room_prefix(report.trials)
    if all(trial.room == prefix for trial in report.trials):
        return None
    return Trials(
        "room",
        f"the room's name; … stands for {prefix}" if prefix else ROOM.meaning,
        lambda trial: f"…{trial.room.removeprefix(prefix)}" if prefix else trial.room,
    )
