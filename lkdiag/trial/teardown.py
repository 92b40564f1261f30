"""One transfer: caller and agent, a human beside them, merge, the agent's exit, a hang-up; then watch what is left."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from livekit import api

from lkdiag.call.agent import Agent
from lkdiag.call.child import ChildParticipant
from lkdiag.call.cleanup import OUTSIDE
from lkdiag.call.cleanup.outside import WatchedCall
from lkdiag.call.session import listener_name
from lkdiag.control import ApiCallError
from lkdiag.participant.media import JoinError, MediaParticipant
from lkdiag.scenario.teardown import AgentExit, HangupStyle, Side
from lkdiag.trial.close import close_room
from lkdiag.trial.frame import carry_out, fail
from lkdiag.trial.merge import MergeWay, merge_calls
from lkdiag.trial.watch import RoomWatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.call.unhandled import UnhandledErrors
    from lkdiag.call.webhooks import WebhookListener
    from lkdiag.control import Control
    from lkdiag.scenario.teardown import TeardownScenario
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder, TrialRecorder
    from lkdiag.trial.schedule import PlannedCall
    from lkdiag.trial.watch import RoomView
    from lkdiag.worker.behaviour.base import Assignment, Offer
    from lkdiag.worker.probe import Probe

CALLER, HUMAN = "sip_+15550100", "human-agent-sip"
"""Identities as LiveKit's SIP service gives them; the human's is the warm-transfer task's (livekit-agents)."""
STEP_TIMEOUT_S = 20.0
"""For each step of the call's making: joins take 0.1 s, and seconds when many go on beside each other."""
LOOK_INTERVAL_S = 0.1
SURVIVOR_WAIT_S = 2.0
"""How long the survivor of a closed room may take to notice: the news is on its way to it."""
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


@dataclass
class _Party:
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
        kind = ChildParticipant if self.own_process else MediaParticipant
        self.media = kind(self.recorder, self.who)


class TeardownTrial:
    """One call's story. `run` never raises but when cancelled; what went wrong is in the journal."""

    def __init__(self, context: CallContext, planned: PlannedCall) -> None:
        scenario = context.scenario
        self._context = context
        self._scenario = scenario
        self._planned = planned
        self._recorder = context.recorder.for_trial(planned.index)
        self._room = f"lkdiag-{context.run_id}-{planned.index:03d}"
        self._human_room = f"{self._room}-human"
        self._watcher = RoomWatcher(context.control, self._recorder, self._room)
        lost = scenario.hangup_style is HangupStyle.LOST
        self._caller = _Party(self._recorder, "caller", CALLER, lost and planned.hangup is Side.CALLER)
        self._human = _Party(self._recorder, "human", HUMAN, lost and planned.hangup is Side.HUMAN)
        self._agent: Agent | ChildParticipant | None = None
        self._agent_joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outside: asyncio.Task[None] | None = None
        self._human_room_open = False
        self._room_sid = ""
        self._join_error: JoinError | None = None

    async def run(self) -> None:
        """Play the call, and leave nothing behind."""
        planned = self._planned
        self._recorder.record(
            "trial.started",
            room=self._room,
            cleanup=planned.cleanup,
            agent_exit=planned.agent_exit or "own",
            hangup=planned.hangup,
            hangup_style=self._scenario.hangup_style,
        )
        self._context.unhandled.belongs(listener_name(self._room), self._recorder)
        await carry_out(self._recorder, self._play, self._close)

    async def _play(self) -> None:
        try:
            await self._bring_caller_and_agent()
            await self._bring_human()
            await self._merge()
            await self._agent_goes()
            hung_up_ns = await self._hang_up()
        except JoinError as error:
            # lkdiag plays all of them itself
            self._fail("play the call", error.message, own=True)
        except ApiCallError as error:
            self._fail("play the call", error.message, unreachable=error.unreachable, own=error.unreachable)
        await self._watch(hung_up_ns)

    # -- the call ------------------------------------------------------------------------------------------------

    async def _bring_caller_and_agent(self) -> None:
        context = self._context
        if context.webhooks is not None:
            context.webhooks.watch(self._room, self._recorder)
        name = self._scenario.agent_name
        if context.probe is not None:
            if not await context.probe.wait_registered(STEP_TIMEOUT_S):
                context.on_unreachable()
                self._fail("wait for the probe", f"not registered again within {STEP_TIMEOUT_S:g} s", own=True)
            context.probe.engage(self._room, self._recorder, lambda _metadata: self, publish=False)
            name = context.probe.agent_name
        room = await context.control.create_room(
            self._recorder,
            self._room,
            empty_timeout_s=EMPTY_TIMEOUT_S,
            departure_timeout_s=DEPARTURE_TIMEOUT_S,
            dispatches=[(name or "", "")],
        )
        self._room_sid = room.sid
        await self._join(self._caller, self._room)
        await self._wait_for("bring the agent into the caller room", self._agent_is_there)

    async def on_offer(self, offer: Offer) -> None:
        """The probe is offered the caller room's job: as a worker's behaviour, this call is an honest one."""
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """The probe's agent is this call's: with a session, and in a process of its own where it is to crash."""
        try:
            await self._join_agent(assignment)
        except JoinError as error:
            self._join_error = error
            raise

    async def _join_agent(self, assignment: Assignment) -> None:
        context = self._context
        agent: Agent | ChildParticipant
        if self._planned.agent_exit is AgentExit.CRASHED:
            self._agent = agent = ChildParticipant(self._recorder, "probe")
            credentials = context.credentials
            await agent.join(
                assignment.url,
                assignment.token,
                room=self._room,
                api_key=credentials.api_key,
                api_secret=credentials.api_secret,
            )
        else:
            self._agent = agent = Agent(self._recorder, context.control, self._room)
            await agent.join(assignment.url, assignment.token)
        if not self._agent_joined.done():
            self._agent_joined.set_result(None)

    async def _bring_human(self) -> None:
        # named, so that the room gets no unnamed dispatch and starts no worker of the project
        nobody = [(f"{self._human_room}-nobody", "")]
        self._human_room_open = True
        await self._context.control.create_room(
            self._recorder,
            self._human_room,
            empty_timeout_s=EMPTY_TIMEOUT_S,
            departure_timeout_s=DEPARTURE_TIMEOUT_S,
            dispatches=nobody,
        )
        await self._join(self._human, self._human_room)

    async def _merge(self) -> None:
        """The human comes into the caller room; from there on the cleanups are armed, as in the warm-transfer task."""

        async def rejoin() -> None:
            await self._human.media.leave()
            self._human.new_line()
            await self._join(self._human, self._room)

        if self._caller.is_gone or not await self._room_is_there():
            self._fail("merge the calls", "the caller room was closed before the human could be brought in", own=True)
        way = await merge_calls(
            self._context.merge, self._context.control, self._recorder, self._human_room, HUMAN, self._room, rejoin
        )
        self._recorder.record("call.merged", by=way)
        self._human_room_open = not await close_room(self._context.control, self._recorder, self._human_room)
        if self._context.probe is None:
            # the user's agent may be gone already, and may have taken the room with it
            await self._wait_for("bring both into one room", self._both_are_there_or_put_out)
            return
        await self._wait_for("bring all three into one room", self._all_are_there)
        cleanup = self._planned.cleanup
        if isinstance(self._agent, Agent) and not await self._agent.wait_sees({CALLER, HUMAN}, STEP_TIMEOUT_S):
            self._fail("let the agent see both sides", f"its client was not told of them within {STEP_TIMEOUT_S:g} s")
        if isinstance(self._agent, ChildParticipant):
            await self._agent.attach(cleanup)
        elif self._agent is not None:
            self._agent.attach(cleanup)
        if cleanup in OUTSIDE:
            call = WatchedCall(self._room, self._context.control, self._recorder, self._context.webhooks)
            self._outside = asyncio.ensure_future(OUTSIDE[cleanup](call))

    async def _agent_goes(self) -> None:
        agent, agent_exit = self._agent, self._planned.agent_exit
        if isinstance(agent, ChildParticipant):
            await agent.kill()
        elif isinstance(agent, Agent):
            agent.close_session()
            if agent_exit is AgentExit.LEFT_ROOM:
                await agent.leave()
                await self._wait_for("see the agent leave", lambda view: not self._agent_is_there(view))
        else:
            await self._subject_goes()

    async def _subject_goes(self) -> None:
        """The user's agent leaves by itself, or is put out."""
        recorder, control = self._recorder, self._context.control
        if await self._saw(lambda view: not self._agent_is_there(view), self._scenario.agent_leaves_within_s):
            recorder.record("subject.left")
            return
        for one in list(self._watcher.view.participants.values()):
            if one["kind"] == "agent":
                recorder.record("subject.removed", identity=one["identity"])
                try:
                    await control.remove_participant(recorder, self._room, one["identity"])
                except ApiCallError as error:
                    if error.code != "not_found":  # it has just left by itself
                        raise
        await self._wait_for("see the agent leave", lambda view: not self._agent_is_there(view))

    async def _hang_up(self) -> int:
        """One side goes; when, in monotonic nanoseconds."""
        planned = self._planned
        party = self._caller if planned.hangup is Side.CALLER else self._human
        self._recorder.record("call.hanging_up", side=planned.hangup, identity=party.identity)
        if isinstance(party.media, ChildParticipant) and self._scenario.hangup_style is HangupStyle.LOST:
            await party.media.kill()
        else:
            await party.media.leave()
        return self._recorder.record("call.hung_up", side=planned.hangup, identity=party.identity).mono_ns

    # -- what is left --------------------------------------------------------------------------------------------

    async def _watch(self, hung_up_ns: int) -> None:
        """By API, never by joining: until the room is gone, or the window ends."""
        clock = self._recorder.run.now_mono_ns
        deadline_ns = hung_up_ns + int(self._scenario.window_s * 1e9)
        survivor = self._human if self._planned.hangup is Side.CALLER else self._caller
        while True:
            late = clock() >= deadline_ns
            answered = True
            try:
                there = await self._room_is_there()
            except ApiCallError as error:
                if error.unreachable:
                    self._fail("watch the room", error.message, unreachable=True, own=True)
                answered = False
            else:
                if not there:
                    self._recorder.record("room.closed", room=self._room)
                    if not survivor.is_gone:
                        await _wait_gone(survivor, SURVIVOR_WAIT_S)
                    return
            if late:
                break
            await _wait_gone(survivor, LOOK_INTERVAL_S)  # who is put out makes us look at once
        if answered and await self._watcher.look_at_participants():
            people = [f"{one['identity']} ({one['kind']})" for one in self._watcher.view.participants.values()]
            self._recorder.record("room.occupied", room=self._room, participants=sorted(people))

    async def _room_is_there(self) -> bool:
        """Whether the room that the caller joined is; not another one that has its name. Raises ApiCallError."""
        room = await self._context.control.find_room(self._recorder, self._room)
        return room is not None and room.sid == self._room_sid

    async def _close(self) -> None:
        """Judged or not, the rooms go, and everybody in them."""
        context = self._context
        self._recorder.record("trial.closing")
        if self._outside is not None:
            self._outside.cancel()
            await asyncio.gather(self._outside, return_exceptions=True)
        await close_room(context.control, self._recorder, self._room)
        if self._human_room_open:
            await close_room(context.control, self._recorder, self._human_room)
        if context.probe is not None:
            await context.probe.disengage(self._room)
        leaving = [self._caller.media.leave(), self._human.media.leave()]
        if self._agent is not None:
            leaving.append(self._agent.leave())
        await asyncio.gather(*leaving, return_exceptions=True)
        if context.webhooks is not None:
            context.webhooks.unwatch(self._room)

    # -- steps ---------------------------------------------------------------------------------------------------

    async def _join(self, party: _Party, room: str) -> None:
        credentials = self._context.credentials
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

    async def _wait_for(self, step: str, done: Callable[[RoomView], bool]) -> None:
        probe = self._context.probe
        if not await self._saw(done, STEP_TIMEOUT_S):
            # whether lkdiag's own worker is dispatched is the other command's question
            self._fail(step, f"not within {STEP_TIMEOUT_S:g} s", own=probe is not None)
        if probe is not None:
            await asyncio.wait({self._agent_joined}, timeout=STEP_TIMEOUT_S)
            if not self._agent_joined.done():
                self._fail(step, f"lkdiag's agent was not connected within {STEP_TIMEOUT_S:g} s", own=True)

    async def _saw(self, done: Callable[[RoomView], bool], timeout_s: float) -> bool:
        """Whether the room's participants were seen to be so, within that time."""
        clock = self._recorder.run.now_mono_ns
        deadline_ns = clock() + int(timeout_s * 1e9)
        while True:
            await self._watcher.look_at_participants()
            if done(self._watcher.view):
                return True
            if self._join_error is not None:
                raise self._join_error
            if clock() >= deadline_ns:
                return False
            await asyncio.sleep(LOOK_INTERVAL_S)

    @staticmethod
    def _agent_is_there(view: RoomView) -> bool:
        return any(one["kind"] == "agent" for one in view.participants.values())

    def _both_are_there_or_put_out(self, view: RoomView) -> bool:
        identities = {one["identity"] for one in view.participants.values()}
        return {CALLER, HUMAN} <= identities or self._caller.is_gone or self._human.is_gone

    def _all_are_there(self, view: RoomView) -> bool:
        identities = {one["identity"] for one in view.participants.values()}
        return {CALLER, HUMAN} <= identities and self._agent_is_there(view)

    def _fail(self, step: str, reason: str, *, unreachable: bool = False, own: bool = False) -> NoReturn:
        fail(self._recorder, step, reason, self._context.on_unreachable, unreachable=unreachable, own=own)


async def _wait_gone(party: _Party, timeout_s: float) -> None:
    """Wait until that side is disconnected, or the time is up; once it is known to be, for the time alone."""
    media = party.media
    if party.is_gone or not isinstance(media, MediaParticipant):
        await asyncio.sleep(timeout_s)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await media.gone.wait()
