"""What is known of a call while it goes on, and how two calls become one."""

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


# How two calls become one: MoveParticipant where the server has it, else the human leaves one room for the other.

MOVE, REJOIN = "move-participant", "rejoin"


@dataclass
class MergeWay:
    """What this server can: asked once a run, then remembered."""

    known: str | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


async def merge_calls(
    way: MergeWay,
    control: Control,
    recorder: TrialRecorder,
    from_room: str,
    identity: str,
    to_room: str,
    rejoin: Callable[[], Awaitable[None]],
) -> str:
    """Bring the participant into the other room; by which way. Raises ApiCallError and JoinError.

    The open-source server has no MoveParticipant: livekit-server 1.13.5 answers 500 `unknown`, 'not implemented'.
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


# What the steps of a call act on: caller, human and agent, the caller room, and what was seen of it.

CALLER, HUMAN = "sip_+15550100", "human-agent-sip"
"""Identities as LiveKit's SIP service gives them; the human's is the warm-transfer task's (livekit-agents)."""
STEP_TIMEOUT_S = 20.0
"""For each step of the call's making: joins take 0.1 s, and seconds when many go on beside each other."""
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
    merge: MergeWay
    on_unreachable: Callable[[], None]
    close: CloseWatch = field(init=False)
    """The caller rooms that are watched closely at the moment."""

    def __post_init__(self) -> None:
        self.close = CloseWatch(self.control)


@dataclass
class Party:
    """A person on the line: in this process, or in one of its own where the line is to be lost."""

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
        """A line that was not used yet."""
        kind = ChildParticipant if self.own_process else MediaParticipant
        self.media = kind(self.recorder, self.who)


class CallStage:
    """One call's. As a behaviour of the probe's it is an honest one, whose agent has a session."""

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
        """A cleanup that works from outside the agent."""
        self.lookouts: list[asyncio.Task[None]] = []
        """They listen for the user's agent while the call comes about."""
        self.agent_came = False
        """Whether the user's agent was seen, or a webhook told of it, at any time."""
        self.joins_told = 0
        """By webhooks, of whomever into the caller room: where none comes, none of the agent's can be missed."""
        self.human_room_open = False
        self.room_sid = ""
        self.hung_up_ns: int | None = None
        self.join_error: JoinError | None = None

    # -- the probe's agent ---------------------------------------------------------------------------------------

    async def on_offer(self, offer: Offer) -> None:
        """The probe is offered the caller room's job: as a worker's behaviour, this call is an honest one."""
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """The probe's agent is this call's: with a session, and in a process of its own where it is to crash."""
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
        """Whether the room that the caller joined is; not another one that has its name. Raises ApiCallError."""
        room = await self.context.control.find_room(self.recorder, self.room, known=True)
        return room is not None and room.sid == self.room_sid

    async def join(self, party: Party, room: str) -> None:
        """Let somebody join as a SIP participant, with sound. Raises JoinError."""
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
        """Wait until the room's participants are so; a call that can't be brought so far fails (TrialError)."""
        probe = self.context.probe
        seen = await self.saw(done, STEP_TIMEOUT_S)
        if seen is None:
            self.fail(step, f"not within {STEP_TIMEOUT_S:g} s, and {LAST_LOOK_FAILED}", own=True)
        if not seen:
            # whether lkdiag's own worker is dispatched is the other command's question
            self.fail(step, f"not within {STEP_TIMEOUT_S:g} s", own=probe is not None)
        if probe is not None:
            await asyncio.wait({self.agent_joined}, timeout=STEP_TIMEOUT_S)
            if not self.agent_joined.done():
                self.fail(step, f"lkdiag's agent was not connected within {STEP_TIMEOUT_S:g} s", own=True)

    async def saw(self, done: Callable[[RoomView], bool], timeout_s: float) -> bool | None:
        """Whether a look that was answered showed the room's participants to be so, within that time.

        None: nobody can tell, because the last look failed. Raises JoinError where the probe's agent could not join,
        and TrialError when the server counts as gone (`control/away.py`).
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
        """Who is in the caller room now; whether that was answered."""
        answered = await self.watcher.look_at_participants()
        for agent in self.watcher.view.agents.values():
            self.note_agent(agent["identity"], "look")
        return answered

    def note_agent(self, identity: str, by: str) -> None:
        """An agent is in the caller room, as a `look` or a `webhook` tells."""
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
        """The call can't go on. Raises TrialError."""
        fail(self.recorder, step, reason, self.context.on_unreachable, failure=failure, own=own)
