"""The table of dispatch trials: its columns, and how it is split where a terminal is too narrow for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from lkdiag.contract import Fallback, Outcome
from lkdiag.document.blocks import Column, Layout, Span, Table, TablePart, Tone
from lkdiag.document.selection import MOST_ROWS, failing, has_story, is_failing, room_prefix
from lkdiag.document.wording import NONE, OUTCOME_SYMBOL, duration, moment, plural, who
from lkdiag.report.value import TrialReport
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from lkdiag.document.blocks import Columns
    from lkdiag.report.value import DispatchReport

Trials = Column[TrialReport]
TrialLayout = Layout[TrialReport]

LISTED_TRIALS = 100
"""Above so many trials a terminal shows the failing ones only."""
TONE = {
    Outcome.DELIVERED: Tone.GOOD,
    Outcome.DELAYED: Tone.LATE,
    Outcome.DROPPED: Tone.LOST,
    Outcome.ERROR: Tone.BROKEN,
    Outcome.INCONCLUSIVE: Tone.UNSURE,
}


def outcome_tone(trial: TrialReport) -> Tone:
    """What its outcome looks like."""
    return TONE[trial.outcome]


def _bad(bad: bool) -> Tone:
    return Tone.BAD if bad else Tone.PLAIN


def _fallback(trial: TrialReport) -> str:
    if trial.fallback is Fallback.NOT_NEEDED:
        return NONE
    if trial.fallback is Fallback.RESCUED and trial.fallback_latency_ms is not None:
        return f"rescued in {trial.fallback_latency_ms / 1000:.2f} s"
    return trial.fallback.value


INDEX = Trials("#", "the trial's number", lambda trial: str(trial.index), right=True)
ROLE = Trials("role", "subject: the worker under test; control: lkdiag's own beside it", lambda trial: trial.role)
STARTED = Trials(
    "started (UTC)", "when the trial began", lambda trial: moment(trial.started_at), is_moment=True, on_pages_only=True
)
OUTCOME = Trials(
    "outcome",
    "what became of the dispatch: delivered, delayed (late), dropped (the agent never came), "
    "error (not carried out), inconclusive (lkdiag was not fit to judge)",
    lambda trial: f"{OUTCOME_SYMBOL[trial.outcome]} {trial.outcome.value}",
    tone=outcome_tone,
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
    tone=lambda trial: _bad(trial.mismatch is not None),
)
FALLBACK = Trials(
    "fallback",
    "what a second dispatch, by createDispatch, did for a trial whose agent never came",
    _fallback,
    tone=lambda trial: _bad(trial.fallback is Fallback.LOST),
)
ROOM = Trials("room", "the room's name", lambda trial: trial.room, on_pages_only=True)
ROOM_SID = Trials("room SID", "the server's id of the room", lambda trial: trial.room_sid or NONE, is_id=True)
DISPATCH = Trials("dispatch", "the id of the dispatch under test", lambda trial: trial.dispatch_id or NONE, is_id=True)
JOB = Trials("job", "the id of its job", lambda trial: trial.job_id or NONE, is_id=True)
WORKER = Trials(
    "worker", "the id of the worker that the job went to", lambda trial: trial.worker_id or NONE, is_id=True
)
PARTICIPANTS = Trials(
    "participants", "the server's ids of those who were in the room", lambda trial: who(trial.participant_ids)
)
FALLBACK_DISPATCH = Trials(
    "fallback dispatch",
    "the id of the second dispatch",
    lambda trial: trial.fallback_dispatch_id or NONE,
    is_id=True,
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


# -- the table ----------------------------------------------------------------------------------------------------


def trial_table(report: DispatchReport) -> Table[TrialReport]:
    """Every trial with every id."""
    verdicts, ids = verdict_columns(report), id_columns(report)
    return Table(
        "Trials",
        (*verdicts, STARTED, ROOM, *ids, PARTICIPANTS),
        report.trials,
        caption="Every trial and its ids; times in UTC",
        empty="No trial was finished.",
        fails=is_failing,
        told_at=lambda trial: trial.index if is_failing(trial) and has_story(trial) else None,
        layouts=lambda complete: layouts(report, complete=complete),
        legend=True,
    )


def layouts(report: DispatchReport, *, complete: bool) -> tuple[TrialLayout, ...]:
    """One table where it is wide enough, else verdicts first, then ids. With `complete` no trial's row is left out."""
    verdicts, ids = verdict_columns(report), id_columns(report)
    if len(report.trials) > MOST_ROWS:
        return _the_first_that_failed(report, verdicts, ids)
    failed = failing(report.trials)
    listed = report.trials if complete or len(report.trials) <= LISTED_TRIALS else failed
    notes = _passed(len(report.trials) - len(listed), "delivered without a finding: shown with --verbose")
    if not listed:
        return (Layout((TablePart((), (), notes),)),)
    room = short_room_column(report)
    with_room = (room, *ids) if room else ids
    people = (TablePart((INDEX, PARTICIPANTS), listed),) if complete else ()
    whole = ((*verdicts, *with_room, PARTICIPANTS), (*verdicts, *with_room), (*verdicts, *ids))
    found = [
        Layout((TablePart(shown, listed, notes), *(people if number else ()))) for number, shown in enumerate(whole)
    ]
    identified = report.trials if complete else failed
    unseen = "without a finding: --verbose, or a wider terminal"
    missing = tuple(f"Ids of {note}" for note in _passed(len(report.trials) - len(identified), unseen))
    if identified:
        below = tuple(Layout((TablePart(shown, identified, missing), *people)) for shown in _ways_to_identify(report))
        found.append(Layout((TablePart(verdicts, listed, notes),), below))
    else:
        found.append(Layout((TablePart(verdicts, listed, (*notes, *missing)),)))
    return tuple(found)


def _the_first_that_failed(
    report: DispatchReport, verdicts: Columns[TrialReport], ids: Columns[TrialReport]
) -> tuple[TrialLayout, ...]:
    """Of very many trials."""
    shown = tuple(islice((trial for trial in report.trials if is_failing(trial)), LISTED_TRIALS))
    rest = plural(len(report.trials) - len(shown), "more trial")
    notes = (f"{rest}, delivered or not: --format json has all of them",)
    if not shown:
        return (Layout((TablePart((), (), notes),)),)
    below = tuple(Layout((TablePart(columns, shown, notes),)) for columns in _ways_to_identify(report))
    return (
        Layout((TablePart((*verdicts, *ids), shown, notes),)),
        Layout((TablePart(verdicts, shown),), below),
    )


def _ways_to_identify(report: DispatchReport) -> tuple[Columns[TrialReport], ...]:
    """Index, room and ids. A fallback dispatch's id stands below the first one's where it has no column."""
    ids = id_columns(report)
    room = short_room_column(report)
    with_room = (room,) if room else ()
    two_lines = tuple(SECOND_LINE.get(column.header, column) for column in ids if column is not FALLBACK_DISPATCH)
    return ((INDEX, *with_room, *ids), (INDEX, *ids), (INDEX, *with_room, *two_lines), (INDEX, *two_lines))


FALLBACK_LABEL = Span("fallback", Tone.FAINT)
SECOND_LINE = {
    ROOM_SID.header: replace(ROOM_SID, below=lambda trial: FALLBACK_LABEL if trial.fallback_dispatch_id else ""),
    DISPATCH.header: replace(DISPATCH, below=lambda trial: trial.fallback_dispatch_id or ""),
}
"""The same columns, with the fallback dispatch below the one under test."""


def _passed(count: int, what: str) -> tuple[str, ...]:
    return (f"{plural(count, 'trial')} {what}",) if count else ()
