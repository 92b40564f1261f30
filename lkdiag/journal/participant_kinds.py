"""Who is in a room: by looks at its participants, by lkdiag's own participants, by their clients, by webhooks."""

from __future__ import annotations

from typing import Annotated

from lkdiag.journal.row import (
    AgentName,
    DispatchId,
    Error,
    Identity,
    JobId,
    Lane,
    ParticipantSid,
    RoomName,
    RoomSid,
    Row,
    Seconds,
    ServerMs,
    ServerS,
    TrackSid,
    WorkerId,
)

# -- as listParticipants shows them ------------------------------------------------------------------------------------


class Shown(Row):
    """A participant as a look shows it."""

    hidden: Annotated[bool, "whether others can't see it"] | None = None
    agent_name: AgentName | None = None
    identity: Identity
    sid: ParticipantSid
    kind: Annotated[str, "LiveKit's: standard, agent, sip, egress, ingress, …"]
    state: Annotated[str, "LiveKit's: joining, joined, active or disconnected"]
    joined_at_ms: ServerMs
    tracks: Annotated[list[TrackSid], "that it publishes"]

    def _is_now(self) -> str:
        count = len(self.tracks)
        return f"{self.identity!r} is {self.state}, with {count} track{'' if count == 1 else 's'}"


class AgentJoined(Shown, kind="agent.joined", lane=Lane.AGENT):
    """The first look that shows an agent."""

    def words(self) -> str:
        about = f"{self.identity!r} ({self.sid}, {self.state}, joined_at_ms {self.joined_at_ms})"
        return f"listParticipants shows {about}"


class AgentChanged(Shown, kind="agent.changed", lane=Lane.AGENT):
    """A look shows it with another state, or with other tracks."""

    def words(self) -> str:
        return self._is_now()


class ParticipantJoined(Shown, kind="participant.joined", lane=Lane.CALLER):
    """The first look that shows a participant that is no agent."""

    def words(self) -> str:
        return f"listParticipants shows {self.identity!r} ({self.kind}, {self.state})"


class ParticipantChanged(Shown, kind="participant.changed", lane=Lane.CALLER):
    """A look shows it with another state, or with other tracks."""

    def words(self) -> str:
        return self._is_now()


class Gone(Row):
    """A look shows a participant no longer."""

    identity: Identity
    sid: ParticipantSid

    def words(self) -> str:
        return f"{self.identity!r} is gone from listParticipants"


class AgentLeft(Gone, kind="agent.left", lane=Lane.AGENT):
    """A look shows an agent no longer."""


class ParticipantLeft(Gone, kind="participant.left", lane=Lane.CALLER):
    """A look shows a participant no longer that is no agent."""


class AgentTrackPublished(Row, kind="agent.track_published", lane=Lane.AGENT):
    """lkdiag's caller sees a track of an agent's."""

    identity: Identity
    sid: TrackSid

    def words(self) -> str:
        return f"the caller sees track {self.sid} of {self.identity!r}"


class AgentTrackMissing(Row, kind="agent.track_missing", lane=Lane.AGENT):
    """lkdiag's caller has waited for the agent's track, and seen none."""

    waited_s: Seconds

    def words(self) -> str:
        return f"no track of the agent's in {self.waited_s} s"


# -- lkdiag's own participants -----------------------------------------------------------------------------------------

LANES = {"caller": Lane.CALLER, "human": Lane.HUMAN, "probe": Lane.AGENT}
"""Of these participants a story tells; a scenario may name others (`{who}`)."""
NAMES = {"caller": "the caller", "human": "the human", "probe": "the probe's agent"}


class OwnParticipant(Row, lanes=LANES):
    """What lkdiag's own participant `{who}` does: caller, human, probe (its worker's agent), or another name."""

    job_id: JobId | None = None
    dispatch_id: DispatchId | None = None
    room: RoomName | None = None
    worker_id: WorkerId | None = None

    def words(self) -> str:
        return f"{NAMES[self.WHO]} {self._does()}" if self.WHO in NAMES else self.KIND

    def _does(self) -> str:
        raise NotImplementedError


class Joining(OwnParticipant, kind="{who}.joining"):
    """It begins to join."""

    def _does(self) -> str:
        return "begins to join"


class Joined(OwnParticipant, kind="{who}.joined"):
    """It is in the room."""

    identity: Identity
    sid: ParticipantSid
    by: Annotated[str, "signal: by signalling alone; media: with its media connected"] | None = None

    def _does(self) -> str:
        return f"is in: {self.sid}"


class JoinFailed(OwnParticipant, kind="{who}.join_failed"):
    """It could not join."""

    error: Error

    def _does(self) -> str:
        return f"could not join: {self.error}"


class TrackPublished(OwnParticipant, kind="{who}.track_published"):
    """It publishes audio."""

    sid: TrackSid

    def _does(self) -> str:
        return f"publishes {self.sid}"


class Reconnecting(OwnParticipant, kind="{who}.reconnecting"):
    """Its connection is lost, and it tries again."""

    def _does(self) -> str:
        return "is reconnecting"


class Reconnected(OwnParticipant, kind="{who}.reconnected"):
    """It is connected again."""

    def _does(self) -> str:
        return "is back"


class Disconnected(OwnParticipant, kind="{who}.disconnected"):
    """It is out of the room."""

    reason: Annotated[str, "LiveKit's: CLIENT_INITIATED, ROOM_DELETED, …"]

    def _does(self) -> str:
        return f"is out: {self.reason}"


class LeaveTimedOut(OwnParticipant, kind="{who}.leave_timed_out"):
    """It was to leave, and is not known to have left."""

    timeout_s: Seconds

    def _does(self) -> str:
        return f"did not get out within {self.timeout_s:g} s"


class Killed(OwnParticipant, kind="{who}.killed"):
    """Its process is killed, on purpose."""

    returncode: int | None = None

    def words(self) -> str:
        if self.WHO == "probe":
            return "the agent crashes: its process is killed"
        return f"{NAMES[self.WHO]}'s line is cut: its process is killed" if self.WHO in NAMES else self.KIND


CallerJoining, CallerJoined = Joining.for_who("caller"), Joined.for_who("caller")
CallerTrackPublished, CallerDisconnected = TrackPublished.for_who("caller"), Disconnected.for_who("caller")
HumanJoined = Joined.for_who("human")
ProbeJoining, ProbeJoined = Joining.for_who("probe"), Joined.for_who("probe")
ProbeJoinFailed, ProbeDisconnected = JoinFailed.for_who("probe"), Disconnected.for_who("probe")
ProbeKilled = Killed.for_who("probe")


class ClientLooked(Row, kind="client.looked", lane=Lane.CLIENT):
    """Whom one of lkdiag's participants sees in the room, by its own client."""

    who: str
    sees: list[Identity]

    def words(self) -> str:
        return f"the {self.who}'s client sees {', '.join(self.sees) or 'nobody'}"


# -- webhooks ----------------------------------------------------------------------------------------------------------


class WebhookReceived(Row, kind="webhook.received", lane=Lane.WEBHOOK):
    """The server's webhook about the room, signed by the project's key. About a participant: with its fields."""

    event: Annotated[str, "LiveKit's: room_started, participant_joined, …"]
    id: Annotated[str, "the event's; the same when it is sent again"]
    created_at_s: ServerS | None = None
    room_sid: RoomSid | None = None
    room_created_ms: ServerMs | None = None
    hidden: Annotated[bool, "whether others can't see it"] | None = None
    agent_name: AgentName | None = None
    identity: Identity | None = None
    sid: ParticipantSid | None = None
    kind: Annotated[str, "LiveKit's: standard, agent, sip, …"] | None = None
    joined_at_ms: ServerMs | None = None

    def words(self) -> str:
        return self.event if self.identity is None else f"{self.event} of {self.identity!r}"
