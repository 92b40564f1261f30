"""What happens in a trial: how it goes, its room, its dispatch, and the calls of LiveKit's API."""

from __future__ import annotations

from typing import Annotated, Any

from lkdiag.journal.attribution import Dispatch, Job, was_declined
from lkdiag.journal.presence import people
from lkdiag.journal.row import (
    AgentName,
    DispatchId,
    Error,
    Failure,
    Lane,
    MonoNs,
    Ms,
    RoomName,
    RoomSid,
    Row,
    Seconds,
    ServerMs,
    ServerNs,
    Unit,
    WallNs,
)

By = Annotated[str, "`look`: the call's answer was lost, and a look has found what it made"]

# -- how it goes -------------------------------------------------------------------------------------------------------


class TrialStarted(Row, kind="trial.started", lane=Lane.LKDIAG):
    """A trial, or a room that is watched, begins."""

    room: RoomName

    @property
    def counts_for_nothing(self) -> bool:
        """Whether it is a warm-up."""
        return isinstance(self, DispatchStarted) and bool(self.warmup)


class DispatchStarted(TrialStarted, mark="method"):
    """Of a dispatch."""

    role: Annotated[str, "subject, control or compare"]
    warmup: Annotated[bool, "whether it counts for nothing"]
    on_probe: Annotated[bool, "whether lkdiag's own worker is to take the job"]
    method: Annotated[str, "how it is dispatched; `observed`: by somebody else"]
    agent_name: AgentName
    caller: Annotated[str, "what lkdiag's caller does: none, join or publish"] | None = None
    case: Annotated[dict[str, Any], "which of the scenario's cases, by variable"] | None = None

    def words(self) -> str:
        if self.method == "observed":
            return f"room {self.room!r} is followed from here on"
        return f"trial began: {self.method}, agent {self.agent_name!r}"


class CallStarted(TrialStarted, mark="cleanup"):
    """Of a transferred call."""

    cleanup: Annotated[str, "how the agent's code cleans up"]
    agent_exit: Annotated[str, "how lkdiag's agent leaves; missing for the user's own"] | None = None
    hangup: Annotated[str, "who hangs up: caller or human"]
    hangup_style: Annotated[str, "bye or lost"]

    def words(self) -> str:
        leaves = "the agent goes as it likes" if self.agent_exit is None else f"the agent's exit {self.agent_exit}"
        return f"call began: cleanup {self.cleanup}, {leaves}, {self.hangup} hangs up"


class TrialDue(Row, kind="trial.due"):
    """With --rate: when it was to begin."""

    due_mono_ns: MonoNs

    def words(self) -> str:
        return "the trial was due, by --rate"


class TrialNotBegun(Row, kind="trial.not_begun"):
    """With --rate: too many trials were under way when it was due."""

    planned: Annotated[int, "its number"]
    role: str | None = None
    due_mono_ns: MonoNs
    in_flight: int


class TrialPrepared(Row, kind="trial.prepared"):
    """What came before is no part of what is judged."""

    def words(self) -> str:
        return "what is judged begins here"


class TrialPaused(Row, kind="trial.paused"):
    """An idle gap of the scenario's."""

    for_s: Seconds

    def words(self) -> str:
        return f"an idle gap of {self.for_s:g} s, on purpose"


class StepBegan(Row, kind="step.began"):
    """A step of the scenario's; the step's own settings stand beside `do`, under their names in the file."""

    do: Annotated[str, "the step's word"]
    by: Annotated[str, "of `dispatch`: the method, where the step names one"] | None = None

    def words(self) -> str:
        """`step wait-for: what agents, count 2, within 10 s`."""
        told = []
        for name, value in vars(self).items():
            if name.endswith("_s"):
                told.append(f"{name.removesuffix('_s')} {value:g} s")
            elif name != "do" and value is not False:
                told.append(name if value is True else f"{name} {value}")
        if self.do == "fallback":
            told.append("if nobody came")
        return f"step {self.do}" + (f": {', '.join(told)}" if told else "")


class ObservationEnded(Row, kind="observation.ended"):
    """The agent is there, or the time is up."""

    dispatch_id: Annotated[str, "in a watch: of which dispatch"] | None = None
    agent_came: bool

    def words(self) -> str:
        return "the agent is there" if self.agent_came else "time is up: no agent"


class TrialFailed(Row, kind="trial.failed"):
    """It could not be carried out any further."""

    step: Annotated[str, "what could not be done"]
    error: Error
    failure: Failure | None = None
    own: Annotated[bool, "whether lkdiag's own part failed, which says nothing of what is tried"] | None = None

    def words(self) -> str:
        return f"could not {self.step}: {self.error}"


class TrialInterrupted(Row, kind="trial.interrupted"):
    """The run was ended meanwhile."""

    def words(self) -> str:
        return "interrupted"


class TrialCrashed(Row, kind="trial.crashed"):
    """A fault of lkdiag's own."""

    error: Error

    def words(self) -> str:
        return f"lkdiag failed: {self.error}"


class TrialCloseFailed(Row, kind="trial.close_failed"):
    """A fault of lkdiag's own while it cleaned up; what was seen before stands."""

    error: Error

    def words(self) -> str:
        return f"lkdiag failed while it closed the trial: {self.error}"


class TrialClosing(Row, kind="trial.closing"):
    """The window of a call is over."""

    def words(self) -> str:
        return "the watch is over: lkdiag closes what is left"


class TrialFinished(Row, kind="trial.finished"):
    """The trial's last event."""

    def words(self) -> None:
        return None


# -- the room ----------------------------------------------------------------------------------------------------------


class RoomOpened(Row, lane=Lane.ROOM):
    """The room in which the dispatch is."""

    room: Annotated[str, "the room's name; missing in old journals"] = ""
    sid: RoomSid
    creation_time_ms: ServerMs
    by: By | None = None
    before_ns: Annotated[int, Unit("ns"), "since 1970, by this machine's clock: when CreateRoom was called"] | None = (
        None
    )
    empty_timeout_s: Annotated[int, Unit("s"), "after which the server closes it while nobody has come"] | None = None
    departure_timeout_s: Annotated[int, Unit("s"), "after which it closes it when the last one has left"] | None = None
    lacked_mono_ns: Annotated[int, Unit("ns"), "in a watch: the last look that did not show it"] | None = None

    @property
    def name(self) -> str:
        """By which it is told from other rooms."""
        return self.room or self.sid

    def words(self) -> str:
        was = "was there already" if isinstance(self, RoomExisted) else "created"
        return f"{was}: {self.sid}, creation_time_ms {self.creation_time_ms}{_by(self.by)}"


class RoomCreated(RoomOpened, kind="room.created"):
    """The trial's room was made, or has come up where a watch looks."""


class RoomExisted(RoomOpened, kind="room.existed"):
    """The room was there before the dispatch, or before the watch."""


class RoomReused(Row, kind="room.reused", lane=Lane.ROOM):
    """The server gave back a room of an earlier trial's instead of a new one."""

    sid: RoomSid
    earlier_trial: Annotated[int, "its number"]

    def words(self) -> str:
        return f"{self.sid} is the old room of trial {self.earlier_trial}"


class RoomWatchedClosely(Row, kind="room.watched_closely", lane=Lane.LKDIAG):
    """From here on the looks at the participants are dense."""

    first_after_s: Seconds

    def words(self) -> str:
        return "from now on the participants are looked at densely"


class RoomDoubtful(Row, lane=Lane.ROOM):
    """The trial's room may not be the one any more that was made."""

    room: RoomName
    sid: RoomSid


class RoomReplaced(RoomDoubtful, kind="room.replaced"):
    """Somebody else deleted the trial's room."""

    now_sid: Annotated[str, "of the room that has its name now"] | None = None

    def words(self) -> str:
        now = f"{self.now_sid} has its name now" if self.now_sid else "no room has its name now"
        return f"{self.sid} is gone, and lkdiag did not delete it: {now}"


class RoomUnconfirmed(RoomDoubtful, kind="room.unconfirmed"):
    """The server did not say whether the trial's room is still the one that was made."""

    error: Error

    def words(self) -> str:
        return f"whether it is still {self.sid} is not known: {self.error}"


class RoomDeleted(Row, kind="room.deleted", lane=Lane.ROOM):
    """lkdiag has deleted it."""

    room: RoomName

    def words(self) -> str:
        return "deleted by lkdiag"


class RoomDeleteFailed(Row, kind="room.delete_failed", lane=Lane.ROOM):
    """lkdiag could not delete it."""

    room: RoomName
    error: Error

    def words(self) -> str:
        return f"could not be deleted: {self.error}"


class RoomGone(Row, kind="room.gone", lane=Lane.ROOM):
    """After its deletion listRooms knows it no longer."""

    room: RoomName

    def words(self) -> str:
        return "listRooms knows it no longer"


class RoomStillThere(Row, kind="room.still_there", lane=Lane.ROOM):
    """listRooms has it long after its deletion."""

    room: RoomName

    def words(self) -> str:
        return "still listed after its deletion"


class RoomClosed(Row, kind="room.closed", lane=Lane.ROOM):
    """Somebody else, or the server, has closed the room that is watched."""

    room: RoomName
    missing_mono_ns: Annotated[int, Unit("ns"), "in a watch: the first look that lacked it"] | None = None

    def words(self) -> str:
        return "listRooms knows it no longer: somebody closed it"


class RoomOccupied(Row, kind="room.occupied", lane=Lane.ROOM):
    """The room that is watched is still there when the watch ends."""

    room: RoomName
    participants: Annotated[list[dict[str, str]], "who is in it: identity, kind"]

    def words(self) -> str:
        return f"still there when the window ends, with {people(self.participants)}"


# -- the dispatch ------------------------------------------------------------------------------------------------------


class CreatedByCall(Row, lane=Lane.DISPATCH):
    """What createDispatch made."""

    dispatch_id: DispatchId
    agent_name: AgentName
    created_at_ns: ServerNs | None = None
    before_ns: WallNs | None = None
    by: By | None = None

    def _made(self) -> str:
        return f"{self.dispatch_id} created by createDispatch{_by(self.by)}"


class DispatchCreated(CreatedByCall, kind="dispatch.created"):
    """The dispatch under test."""

    def words(self) -> str:
        return self._made()


class FallbackCreated(CreatedByCall, kind="fallback.created"):
    """A second dispatch, because nobody came."""

    def words(self) -> str:
        return f"fallback {self._made()}"


class RetryCreated(CreatedByCall, kind="retry.created"):
    """A second dispatch, whether somebody came or not."""

    def words(self) -> str:
        return f"retry: {self._made()}"


class FallbackFailed(Row, kind="fallback.failed", lane=Lane.DISPATCH):
    """createDispatch failed."""

    error: Error
    failure: Failure | None = None

    def words(self) -> str:
        return f"the fallback could not be created: {self.error}"


class FallbackEnded(Row, kind="fallback.ended", lane=Lane.LKDIAG):
    """The fallback's agent is there, or the time is up."""

    agent_came: bool

    def words(self) -> str:
        return f"the fallback brought {'an agent' if self.agent_came else 'nobody'}"


class DispatchListed(Row, kind="dispatch.listed", lane=Lane.DISPATCH):
    """What listDispatch shows, whenever that has changed."""

    dispatches: Annotated[list[Dispatch], "dispatch_id, agent_name, created_at_ns, jobs"]

    def words(self) -> str:
        if not self.dispatches:
            return "listDispatch shows nothing"
        parts = []
        for item in self.dispatches:
            jobs = ", ".join(_job(job) for job in item["jobs"]) or "no job"
            parts.append(f"{item['dispatch_id']} for {item['agent_name']!r}: {jobs}")
        return "listDispatch shows " + "; ".join(parts)


# -- calls of LiveKit's API --------------------------------------------------------------------------------------------

CHANGES = ("CreateRoom", "CreateDispatch", "DeleteRoom")
"""Of these calls a story tells even if they succeed."""


class ApiCalled(Row, kind="api.called", lane=Lane.API):
    """A call was answered, or has failed. Further keys say what it was about, such as `identity`."""

    method: Annotated[str, "CreateRoom, ListDispatch, …"]
    room: RoomName | None = None
    began_mono_ns: MonoNs
    duration_ms: Ms
    attempts: int
    ok: bool
    failure: Failure | None = None
    code: Annotated[str, "LiveKit's word, as `not_found`"] | None = None
    status: Annotated[int, "of HTTP"] | None = None
    error: Error | None = None
    retry_after_s: Seconds | None = None
    rooms: Annotated[int, "of listRooms for several rooms at a time: for how many"] | None = None

    def words(self) -> str | None:
        if not self.ok:
            status = "" if self.status is None else f", HTTP {self.status}"
            word = self.code or self.failure
            return f"{self.method} failed after {self.duration_ms:.0f} ms: {self.error} ({word}{status})"
        return f"{self.method} answered in {self.duration_ms:.0f} ms" if self.method in CHANGES else None


class ApiHeld(Row, kind="api.held", lane=Lane.API):
    """A call waits before it is made, because the server refused others as too many."""

    method: str
    for_s: Seconds

    def words(self) -> str:
        return f"{self.method} waits {self.for_s:g} s: the server refused calls as too many"


def _by(by: str | None) -> str:
    """What was made by a call whose answer was lost was found by looking for it."""
    return "; its answer was lost, a look found it" if by == "look" else ""


def _job(job: Job) -> str:
    about = [job["status"], *([f"by {job['worker_id']}"] if "worker_id" in job else [])]
    about += [repr(job["error"])] if "error" in job else []
    about += [job["reason"]] if "reason" in job else []
    about += ["(declined)"] if was_declined(job) else []
    return f"{job['job_id']} {' '.join(about)}"
