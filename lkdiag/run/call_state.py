"""The state of a call in progress, and the merge of two calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from livekit import api

from lkdiag.client.api_client import ApiCallError
from lkdiag.client.media import MediaParticipant
from lkdiag.client.participant import JoinError
from lkdiag.contract import CallFailure
from lkdiag.journal.call_kinds import SubjectCame
from lkdiag.run.call_participants import Agent, ChildParticipant
from lkdiag.run.engine import fail
from lkdiag.run.room_watcher import CloseWatch, RoomWatcher
from lkdiag.scenario.call import AgentExit, HangupStyle, Side

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.client.api_client import Control
    from lkdiag.client.behaviours import Assignment, Offer
    from lkdiag.client.webhooks import WebhookListener
    from lkdiag.client.workers import Probe
    from lkdiag.journal.recorder import Recorder, TrialRecorder
    from lkdiag.run.call_session import UnhandledErrors
    from lkdiag.run.plan import PlannedCall
    from lkdiag.run.room_watcher import RoomView
    from lkdiag.scenario.call import TeardownScenario
    from lkdiag.settings import Credentials


MOVE, REJOIN = "move-participant", "rejoin"


@dataclass
class MergeMethod:
    """How this server merges calls: found out once a run, then remembered."""

    known: str | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


async def merge_calls(
    way: MergeMethod,
    control: Control,
    recorder: TrialRecorder,
    from_room: str,
    identity: str,
    to_room: str,
    rejoin: Callable[[], Awaitable[None]],
) -> str:
    """Bring the participant into the other room. Returns the method. Raises ApiCallError and JoinError.

    With MoveParticipant if the server has it; else the participant leaves one room and joins the other. The open-source
    server does not: livekit-server 1.13.5 answers 500 `unknown`, 'not implemented'.
    """
    if way.known != REJOIN:
        async with way.asking:
            if way.known != REJOIN:
                try:
                    await control.move_participant(recorder, from_room, identity, to_room)
                except ApiCallError as error:
                    if not ("not implemented" in error.reason or error.code in ("unimplemented", "bad_route")):
                        raise
                    way.known = REJOIN
                else:
                    way.known = MOVE
                    return MOVE
    await rejoin()
    return REJOIN


CALLER, HUMAN = "sip_+15550100", "human-agent-sip"
"""Identities as LiveKit's SIP service gives them; the human's is the warm-transfer task's (livekit-agents)."""
STEP_TIMEOUT_S = 20.0
"""For each step of the set-up. A join takes 0.1 s, and seconds when there are many at the same time."""
LOOK_INTERVAL_S = 0.1
LAST_LOOK_FAILED = "the last look at the caller room failed"
EMPTY_TIMEOUT_S = 120
DEPARTURE_TIMEOUT_S = 20
SIP_ATTRIBUTES = {"sip.callStatus": "active", "sip.phoneNumber": "+15550100", "sip.trunkID": "lkdiag"}


@dataclass
class CallContext:
    """What all calls of a run share."""

    scenario: TeardownScenario
    credentials: Credentials
    control: Control
    recorder: Recorder
    run_id: str
    probe: Probe | None
    webhooks: WebhookListener | None
    unhandled: UnhandledErrors
    merge: MergeMethod
    on_unreachable: Callable[[], None]
    close: CloseWatch = field(init=False)
    """The caller rooms that are watched closely now."""

    def __post_init__(self) -> None:
        self.close = CloseWatch(self.control)


@dataclass
class Party:
    """A person in the call: in this process, or in a separate one if its connection will be lost."""

    recorder: TrialRecorder
    who: str
    identity: str
    own_process: bool
    media: MediaParticipant | ChildParticipant = field(init=False)

    def __post_init__(self) -> None:
        self.new_line()

    @property
    def is_gone(self) -> bool:
        """Whether it is known to be disconnected."""
        return isinstance(self.media, MediaParticipant) and self.media.gone.is_set()

    def new_line(self) -> None:
        """Replace the connection by a new one."""
        kind = ChildParticipant if self.own_process else MediaParticipant
        self.media = kind(self.recorder, self.who)


class CallState:
    """The state of one call, and the probe's behaviour in it: honest, with an agent that has a session."""

    def __init__(self, context: CallContext, planned: PlannedCall) -> None:
        scenario = context.scenario
        self.context = context
        self.scenario = scenario
        self.control = context.control
        self.planned = planned
        self.recorder: TrialRecorder = context.recorder.for_trial(planned.index)
        self.room = f"lkdiag-{context.run_id}-{planned.index:03d}"
        self.human_room = f"{self.room}-human"
        self.watcher = RoomWatcher(context.control, self.recorder, self.room, close=context.close)
        lost = scenario.hangup_style is HangupStyle.LOST
        self.caller = Party(self.recorder, "caller", CALLER, lost and planned.hangup is Side.CALLER)
        self.human = Party(self.recorder, "human", HUMAN, lost and planned.hangup is Side.HUMAN)
        self.agent: Agent | ChildParticipant | None = None
        self.agent_joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outside: asyncio.Task[None] | None = None
        """A cleanup that runs outside the agent."""
        self.lookouts: list[asyncio.Task[None]] = []
        """They listen for the user's agent while the call is set up."""
        self.agent_came = False
        """Whether the user's agent was ever seen, by a look or by a webhook."""
        self.webhook_joins = 0
        """Joins of the caller room that webhooks reported. With none, the lack of one about the agent is no proof."""
        self.human_room_open = False
        self.room_sid = ""
        self.hung_up_ns: int | None = None
        self.join_error: JoinError | None = None

    # -- the probe's agent ---------------------------------------------------------------------------------------

    async def on_offer(self, offer: Offer) -> None:
        """Accept the caller room's job."""
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Let the call's agent join: with a session, and in a separate process if it will crash."""
        try:
            await self._join_agent(assignment)
        except JoinError as error:
            self.join_error = error
            raise

    async def _join_agent(self, assignment: Assignment) -> None:
        context = self.context
        agent: Agent | ChildParticipant
        if self.planned.agent_exit is AgentExit.CRASHED:
            self.agent = agent = ChildParticipant(self.recorder, "probe")
            credentials = context.credentials
            await agent.join(
                assignment.url,
                assignment.token,
                room=self.room,
                api_key=credentials.api_key,
                api_secret=credentials.api_secret,
            )
        else:
            self.agent = agent = Agent(self.recorder, context.control, self.room)
            await agent.join(assignment.url, assignment.token)
        if not self.agent_joined.done():
            self.agent_joined.set_result(None)

    # -- the room, and who is seen in it -----------------------------------------------------------------------------

    async def room_is_there(self) -> bool:
        """Whether the room that the caller joined exists, and not a new one of the same name. Raises ApiCallError."""
        room = await self.context.control.find_room(self.recorder, self.room, known=True)
        return room is not None and room.sid == self.room_sid

    async def join(self, party: Party, room: str) -> None:
        """Let a person join as a SIP participant, with sound. Raises JoinError."""
        credentials = self.context.credentials
        token = (
            api.AccessToken(credentials.api_key, credentials.api_secret)
            .with_identity(party.identity)
            .with_kind("sip")
            .with_attributes(SIP_ATTRIBUTES)
            .with_grants(api.VideoGrants(room_join=True, room=room))
            .to_jwt()
        )
        await party.media.join(credentials.ws_url, token)
        if isinstance(party.media, MediaParticipant):
            await party.media.publish_audio()

    async def wait_for(self, step: str, done: Callable[[RoomView], bool]) -> None:
        """Wait until `done` is true of the room's participants. Raises TrialError after STEP_TIMEOUT_S."""
        probe = self.context.probe
        seen = await self.seen_within(done, STEP_TIMEOUT_S)
        if seen is None:
            self.fail(step, f"not within {STEP_TIMEOUT_S:g} s, and {LAST_LOOK_FAILED}", own=True)
        if not seen:
            # whether lkdiag's own worker is dispatched is for dispatch-trial to find out
            self.fail(step, f"not within {STEP_TIMEOUT_S:g} s", own=probe is not None)
        if probe is not None:
            await asyncio.wait({self.agent_joined}, timeout=STEP_TIMEOUT_S)
            if not self.agent_joined.done():
                self.fail(step, f"lkdiag's agent was not connected within {STEP_TIMEOUT_S:g} s", own=True)

    async def seen_within(self, done: Callable[[RoomView], bool], timeout_s: float) -> bool | None:
        """Whether an answered look showed `done` to be true of the room's participants within that time.

        None: unknown, because the last look failed. Raises JoinError if the probe's agent could not join, and
        TrialError when the server counts as gone (`answers.ServerAbsence`).
        """
        clock = self.recorder.run.now_mono_ns
        deadline_ns = clock() + int(timeout_s * 1e9)
        while True:
            answered = await self.look()
            if answered and done(self.watcher.view):
                return True
            if self.join_error is not None:
                raise self.join_error
            if gone := self.control.given_up(clock()):
                self.fail("watch the caller room", gone, failure=CallFailure.UNANSWERED)
            if clock() >= deadline_ns:
                return False if answered else None
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def look(self) -> bool:
        """Look who is in the caller room. Returns whether that was answered."""
        answered = await self.watcher.look_at_participants()
        for agent in self.watcher.view.agents.values():
            self.note_agent(agent["identity"], "look")
        return answered

    def note_agent(self, identity: str, by: str) -> None:
        """Note that an agent is in the caller room, as seen by a `look` or a `webhook`."""
        if not self.agent_came and self.context.probe is None:
            self.recorder.record(SubjectCame(identity=identity, by=by))
        self.agent_came = True

    @staticmethod
    def agent_is_there(view: RoomView) -> bool:
        """Whether any agent is in the caller room."""
        return any(one["kind"] == "agent" for one in view.participants.values())

    def both_are_there_or_put_out(self, view: RoomView) -> bool:
        """Whether both sides are in the caller room, or one of them was in it and is disconnected."""
        identities = {one["identity"] for one in view.participants.values()}
        return {CALLER, HUMAN} <= identities or self.caller.is_gone or self.human.is_gone

    def all_are_there(self, view: RoomView) -> bool:
        """Whether both sides and the agent are in the caller room."""
        identities = {one["identity"] for one in view.participants.values()}
        return {CALLER, HUMAN} <= identities and self.agent_is_there(view)

    def fail(self, step: str, reason: str, *, failure: CallFailure | None = None, own: bool = False) -> NoReturn:
        """End the call: it can't go on. Raises TrialError."""
        fail(self.recorder, step, reason, self.context.on_unreachable, failure=failure, own=own)
