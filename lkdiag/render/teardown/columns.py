"""The one owner of the columns in a table of teardown trials. Writers own only syntax."""

from __future__ import annotations

from lkdiag.render.column import Column
from lkdiag.render.teardown.wording import agent_exit, outcome, survived, survivor
from lkdiag.render.wording import NONE, moment, seconds, who
from lkdiag.report.teardown_value import TeardownTrial

Trials = Column[TeardownTrial]

INDEX = Trials("#", "the trial's number", lambda trial: str(trial.index), right=True)
STARTED = Trials("started (UTC)", "when the trial began", lambda trial: moment(trial.started_at))
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
ROOM_SID = Trials("room SID", "the server's id of the room", lambda trial: trial.room_sid or NONE)
HUMAN_ROOM_SID = Trials(
    "human's room",
    "the server's id of the second room, in which the human was called",
    lambda trial: trial.human_room_sid or NONE,
)
DISPATCH = Trials("dispatch", "the id of the agent's dispatch", lambda trial: trial.dispatch_id or NONE)
JOB = Trials("job", "the id of its job", lambda trial: trial.job_id or NONE)
PARTICIPANTS = Trials(
    "participants", "the server's ids of those who were in the caller room", lambda trial: who(trial.participant_ids)
)

PLAYED = (INDEX, CLEANUP, EXIT, HANGUP)
JUDGED = (OUTCOME, CLOSED, SURVIVOR)
"""What became of it. With `PLAYED` and the ids it is the whole table."""
ROOMS = (MERGE, ROOM, ROOM_SID)
IDS = (*ROOMS, HUMAN_ROOM_SID, DISPATCH, JOB, PARTICIPANTS)
