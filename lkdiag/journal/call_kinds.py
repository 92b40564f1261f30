"""What happens in a transferred call, and in a call that is watched: agent, merge, hang-up, cleanup."""

from __future__ import annotations

from typing import Annotated, Any

from lkdiag.journal.row import Error, Failure, Identity, Lane, MonoNs, RoomName, Row, Seconds

# -- the agent: lkdiag's own, or the user's (the subject) --------------------------------------------------------------


class SubjectCame(Row, kind="subject.came", lane=Lane.AGENT):
    """The user's agent is in the caller room."""

    identity: Identity
    by: Annotated[str, "what told of it first: look or webhook"]

    def words(self) -> str:
        return f"the subject is there: a {self.by} tells of {self.identity!r}"


class SubjectSeen(Row, kind="subject.seen", lane=Lane.AGENT):
    """What was there of the user's agent when one side was about to hang up."""

    agents: Annotated[list[dict[str, Any]], "identity, tracks, and how many of them are muted"]

    def words(self) -> str:
        told = [
            f"{one['identity']!r} with {one['tracks']} track{'' if one['tracks'] == 1 else 's'}, {one['muted']} muted"
            for one in self.agents
        ]
        return f"before the hang-up the subject is there: {'; '.join(told)}" if told else "the subject is not there"


class SubjectLeft(Row, kind="subject.left", lane=Lane.AGENT):
    """It has left by itself."""

    def words(self) -> str:
        return "the subject has left by itself"


class SubjectStayed(Row, kind="subject.stayed", lane=Lane.AGENT):
    """It has not left, and lkdiag does not remove it."""

    waited_s: Seconds

    def words(self) -> str:
        return f"the subject has not left within {self.waited_s:g} s: lkdiag leaves it alone"


class SubjectRemoved(Row, kind="subject.removed", lane=Lane.AGENT):
    """It has not left, and lkdiag removes it from the room."""

    identity: Identity

    def words(self) -> str:
        return f"the subject is still there: lkdiag removes {self.identity!r}"


class AgentSessionClosed(Row, kind="agent.session_closed", lane=Lane.AGENT):
    """The session of lkdiag's agent is closed; from here on it has no job context."""

    reason: str

    def words(self) -> str:
        return f"the agent's session is closed ({self.reason}), its job context gone"


class AgentLogged(Row, kind="agent.logged", lane=Lane.AGENT):
    """lkdiag's agent writes to its log."""

    text: str

    def words(self) -> str:
        return f"the agent logs: {self.text}"


# -- the cleanup -------------------------------------------------------------------------------------------------------


class CleanupAttached(Row, kind="cleanup.attached", lane=Lane.AGENT):
    """The agent has registered its cleanup."""

    cleanup: Annotated[str, "its name"]

    def words(self) -> str:
        return f"the cleanup {self.cleanup} is registered"


class CleanupLooked(Row, kind="cleanup.looked", lane=Lane.CLEANUP):
    """One outside the agent has looked who is in the room."""

    people: list[Identity]

    def words(self) -> str:
        return f"looked: {', '.join(self.people) or 'nobody'} is listed"


class CleanupFailed(Row, lane=Lane.CLEANUP):
    """A call of the cleanup's, or the cleanup itself, has failed."""

    error: Error
    failure: Failure | None = None


class CleanupLookFailed(CleanupFailed, kind="cleanup.look_failed"):
    """It could not look."""

    def words(self) -> str:
        return f"could not look: {self.error}"


class CleanupCalled(Row, kind="cleanup.called", lane=Lane.CLEANUP):
    """The cleanup runs, because somebody has left."""

    identity: Annotated[str, "of the one who has left, or of the one who is alone"]

    def words(self) -> str:
        return f"called, for {self.identity!r}"


class CleanupRaised(CleanupFailed, kind="cleanup.raised"):
    """The cleanup has failed."""

    def words(self) -> str:
        return f"failed: {self.error}"


class CleanupDeletedRoom(Row, kind="cleanup.deleted_room", lane=Lane.CLEANUP):
    """The cleanup has deleted the caller room."""

    room: RoomName

    def words(self) -> str:
        return "deleted the room"


class ErrorUnhandled(Row, kind="error.unhandled", lane=Lane.CLEANUP):
    """An exception of the agent's that nobody awaited."""

    error: Error
    message: Annotated[str, "the event loop's"]

    def words(self) -> str:
        return f"nobody handled {self.error} ({self.message})"


# -- the two sides -----------------------------------------------------------------------------------------------------


class CallMerged(Row, kind="call.merged", lane=Lane.LKDIAG):
    """Caller and human are in one room."""

    by: Annotated[str, "move: by moveParticipant; rejoin: the human joined anew"]

    def words(self) -> str:
        return f"the calls are merged, by {self.by}"


class CallHangingUp(Row, kind="call.hanging_up", lane=Lane.LKDIAG):
    """One side begins to hang up."""

    side: Annotated[str, "caller or human"]
    identity: Identity

    def words(self) -> str:
        return f"the {self.side} hangs up"


class CallHungUp(Row, kind="call.hung_up", lane=Lane.LKDIAG):
    """One side has hung up: from here on the room is due to close."""

    side: Annotated[str, "caller or human"]
    identity: Identity

    def words(self) -> str:
        return f"the {self.side} has hung up"


class CallLeftOver(Row, kind="call.left_over", lane=Lane.LKDIAG):
    """In a watch: one person has been alone in the room for too long."""

    identity: Identity
    kind: Annotated[str, "LiveKit's: standard, sip, …"]
    since_mono_ns: MonoNs
    left_by: Annotated[str, "the identity of the last one to leave"]

    def words(self) -> str:
        return f"{self.identity!r} was left alone too long, since {self.left_by!r} had left"
