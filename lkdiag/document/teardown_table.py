"""The table of calls and their ends: its words, its columns, and how it is split where a terminal is too narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import TeardownOutcome
from lkdiag.document.blocks import Column, Layout, Table, TablePart, Tone
from lkdiag.document.selection import MOST_ROWS, has_story, is_failing
from lkdiag.document.wording import NONE, moment, seconds, who
from lkdiag.report.teardown_value import TeardownTrial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.document.blocks import Columns
    from lkdiag.report.teardown_value import Survivor, TeardownReport

Trials = Column[TeardownTrial]
CallLayout = Layout[TeardownTrial]

LISTED_TRIALS = 12
"""So many trials are listed with their ids on a terminal too; of more the grid stands for them."""

SYMBOL = {
    TeardownOutcome.CLOSED: "✓",
    TeardownOutcome.SLOW: "!",
    TeardownOutcome.LEFTOVER: "✗",
    TeardownOutcome.ERROR: "error",
    TeardownOutcome.INCONCLUSIVE: "?",
}
"""What stands in a cell of the grid."""
TONE = {
    TeardownOutcome.CLOSED: Tone.GOOD,
    TeardownOutcome.SLOW: Tone.LATE,
    TeardownOutcome.LEFTOVER: Tone.LOST,
    TeardownOutcome.ERROR: Tone.BROKEN,
    TeardownOutcome.INCONCLUSIVE: Tone.UNSURE,
}


def outcome(trial: TeardownTrial) -> str:
    """`✗ leftover`; an error needs no symbol."""
    symbol = SYMBOL[trial.outcome]
    return trial.outcome.value if symbol == trial.outcome.value else f"{symbol} {trial.outcome.value}"


def survived(found: Survivor | None) -> str:
    """`alone for 8.0 s`, or `disconnected after 0.02 s`."""
    if found is None:
        return NONE
    if found.disconnected:
        return "disconnected" + ("" if found.disconnected_ms is None else f" after {seconds(found.disconnected_ms)}")
    return "alone" + ("" if found.stranded_ms is None else f" for {seconds(found.stranded_ms)}")


def survivor(found: Survivor | None) -> str:
    """`human-agent-sip: alone for 8.0 s`, or when and why it was disconnected."""
    if found is None:
        return NONE
    reason = f" ({found.reason})" if found.disconnected and found.reason else ""
    return f"{found.identity}: {survived(found)}{reason}"


def company(trial: TeardownTrial) -> str:
    """Everybody who was left in the room, where that is not just the survivor; empty otherwise."""
    alone = trial.survivor is not None and trial.left_in_room == (trial.survivor.identity,)
    return "" if alone else ", ".join(trial.left_in_room)


def agent_exit(trial: TeardownTrial) -> str:
    """`left-room`, or of the user's own agent `stays, silent` and `left-room, put out by lkdiag`."""
    told = [trial.agent_exit]
    if trial.subject is not None:
        told += ["silent"] if trial.subject.silent else []
        told += ["put out by lkdiag"] if trial.subject.put_out else []
    return ", ".join(told)


def played(trial: TeardownTrial) -> str:
    """`late-context · agent session-closed · caller hung up`."""
    return f"{trial.cleanup} · agent {agent_exit(trial)} · {trial.hangup} hung up"


# -- the columns --------------------------------------------------------------------------------------------------

INDEX = Trials("#", "the trial's number", lambda trial: str(trial.index), right=True)
STARTED = Trials(
    "started (UTC)", "when the trial began", lambda trial: moment(trial.started_at), is_moment=True, on_pages_only=True
)
CLEANUP = Trials("cleanup", "who was to delete the room", lambda trial: trial.cleanup)
EXIT = Trials(
    "agent exit",
    "how the agent left the call; of your own agent what was seen right before the hang-up (stays: it was still "
    "listed; silent: it had no track, or muted ones only)",
    agent_exit,
)
HANGUP = Trials("hangs up", "the side that hung up after that", lambda trial: trial.hangup)
OUTCOME = Trials(
    "outcome",
    "what became of the room: closed, slow (closed late), leftover (still there when the window ended), "
    "error (not carried out), inconclusive (lkdiag was not fit to judge)",
    outcome,
    tone=lambda trial: TONE[trial.outcome],
)
CLOSED = Trials(
    "closed",
    "from the hang-up until listRooms knew the room no longer",
    lambda trial: NONE if trial.closed_ms is None else seconds(trial.closed_ms),
    right=True,
)
SURVIVOR = Trials("survivor", "the side that did not hang up", lambda trial: survivor(trial.survivor))
SURVIVED = Trials("survivor", SURVIVOR.meaning, lambda trial: survived(trial.survivor))
"""The same in short, for narrow terminals."""
MERGE = Trials("merge", "how the human's call got into the room", lambda trial: trial.merge or NONE)
ROOM = Trials("room", "the room's name", lambda trial: trial.room)
ROOM_SID = Trials("room SID", "the server's id of the room", lambda trial: trial.room_sid or NONE, is_id=True)
HUMAN_ROOM_SID = Trials(
    "human's room",
    "the server's id of the second room, in which the human was called",
    lambda trial: trial.human_room_sid or NONE,
    is_id=True,
)
DISPATCH = Trials("dispatch", "the id of the agent's dispatch", lambda trial: trial.dispatch_id or NONE, is_id=True)
JOB = Trials("job", "the id of its job", lambda trial: trial.job_id or NONE, is_id=True)
PARTICIPANTS = Trials(
    "participants", "the server's ids of those who were in the caller room", lambda trial: who(trial.participant_ids)
)

PLAYED = (INDEX, CLEANUP, EXIT, HANGUP)
JUDGED = (OUTCOME, CLOSED, SURVIVOR)
"""What became of it. With `PLAYED` and the ids it is the whole table."""
ROOMS = (MERGE, ROOM, ROOM_SID)
IDS = (*ROOMS, HUMAN_ROOM_SID, DISPATCH, JOB, PARTICIPANTS)


# -- the table ----------------------------------------------------------------------------------------------------


def call_table(report: TeardownReport) -> Table[TeardownTrial]:
    """Every call with every id."""
    return Table(
        "Trials",
        (*PLAYED, *JUDGED, STARTED, *IDS),
        report.trials,
        caption="Every trial and its ids; times in UTC",
        empty="No trial was finished.",
        fails=is_failing,
        told_at=lambda trial: trial.index if is_failing(trial) and has_story(trial) else None,
        layouts=lambda complete: layouts(report.trials, complete=complete),
        legend=True,
    )


def layouts(trials: Sequence[TeardownTrial], *, complete: bool) -> tuple[CallLayout, ...]:
    """One table where it fits, else what became of the calls first, then their ids; all of these where `complete`.

    What was the same in every call stands in the grid already, and gives way first.
    """
    if len(trials) > (MOST_ROWS if complete else LISTED_TRIALS):
        return ()
    index, *rest = PLAYED
    varied = (index, *(column for column in rest if len({column.cell(trial) for trial in trials}) > 1))

    def layout(*tables: Columns[TeardownTrial], below: tuple[CallLayout, ...] = ()) -> CallLayout:
        return Layout(tuple(TablePart(columns, trials) for columns in tables), below)

    ids = (INDEX, HUMAN_ROOM_SID, DISPATCH, JOB)
    more = (layout((*ids, PARTICIPANTS)), layout(ids, (INDEX, PARTICIPANTS))) if complete else ()
    return (
        layout((*PLAYED, *JUDGED, *IDS)),
        layout((*PLAYED, *JUDGED, *ROOMS), below=more),
        layout((*varied, *JUDGED, ROOM_SID), below=more),
        layout((*varied, OUTCOME, CLOSED, SURVIVED, ROOM_SID), below=more),
        layout((*varied, OUTCOME, CLOSED), (INDEX, SURVIVOR, ROOM_SID), below=more),
    )
