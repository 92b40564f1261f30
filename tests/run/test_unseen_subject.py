"""The user's agent was not seen in its call: what may be said of it then, and what may not."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING, cast

import pytest
from livekit import api

from lkdiag.client import answers
from lkdiag.facts.teardown import TeardownFacts
from lkdiag.journal.timeline import Timeline
from lkdiag.journal.trial_kinds import CallStarted, TrialClosing, TrialFinished
from lkdiag.judge.call import JudgedCall
from lkdiag.run import call as call_steps
from lkdiag.run import call_state
from lkdiag.run.call_session import UnhandledErrors
from lkdiag.run.call_state import CallContext, CallState, MergeMethod
from lkdiag.run.engine import TrialError
from lkdiag.run.plan import PlannedCall
from lkdiag.scenario.call import Cleanup, Side, TeardownScenario
from lkdiag.settings import Credentials
from tests.client.speaker import HTML, JSON, said, speaking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from lkdiag.client.webhooks import WebhookListener
    from lkdiag.journal.event import Data
    from tests.client.speaker import Speaker

SCENARIO = TeardownScenario(cleanups=(Cleanup.SUBJECT,), agent_name="mine", agent_leaves_within_s=0.2)
ROOM = "lkdiag-run-001"
AGENT = api.ParticipantInfo(identity="agent-AJ_1", sid="PA_1", kind=api.ParticipantInfo.Kind.AGENT)
CALLER = api.ParticipantInfo(identity="sip_+15550100", sid="PA_2", kind=api.ParticipantInfo.Kind.SIP)
EMPTY = said()
GARBLED = said(b"<html>no</html>", 502, HTML)
REFUSED = said(b'{"code":"unavailable","msg":"no"}', 503, JSON)
NOT_FOUND = said(b'{"code":"not_found","msg":"participant does not exist"}', 404, JSON)


def showing(*there: api.ParticipantInfo) -> bytes:
    """An answer to ListParticipants."""
    return said(api.ListParticipantsResponse(participants=there).SerializeToString())


def listing(*jobs: api.Job) -> bytes:
    """An answer to ListDispatch: one dispatch, with these jobs."""
    one = api.AgentDispatch(id="AD_1", room=ROOM, state=api.AgentDispatchState(jobs=jobs))
    return said(api.ListAgentDispatchResponse(agent_dispatches=[one]).SerializeToString())


UNTAKEN, TAKEN = listing(), listing(api.Job(id="AJ_1"))


@dataclasses.dataclass
class Answers:
    """What the server says to each method: one answer after another, and the last one from then on."""

    looks: Sequence[bytes | None] = (EMPTY,)
    dispatches: Sequence[bytes | None] = (TAKEN,)
    found: bytes = NOT_FOUND
    """GetParticipant's."""

    def __call__(self, method: str, number: int) -> bytes | None:
        answers = {"ListParticipants": self.looks, "ListDispatch": self.dispatches}.get(method, (self.found,))
        return answers[min(number, len(answers)) - 1]


class FakeWebhooks:
    """Tells that these have joined."""

    def __init__(self, *joined: api.ParticipantInfo) -> None:
        self.joined = joined

    async def of_room(self, _room: str) -> AsyncIterator[object]:
        for one in self.joined:
            yield api.WebhookEvent(event="participant_joined", participant=one)


@dataclasses.dataclass
class CallInProgress:
    """A call that is under way."""

    state: CallState
    speaker: Speaker
    doubts: list[bool] = dataclasses.field(default_factory=list)
    """One for each time that the server was doubted to be there."""

    def told(self, kind: str) -> list[Data]:
        return [event.data for event in self.speaker.told(kind)]

    def judged(self) -> JudgedCall:
        """The call, if it ended here."""
        self.state.recorder.record(TrialClosing())
        self.state.recorder.record(TrialFinished())
        return JudgedCall.of(TeardownFacts(1, SCENARIO, Timeline(self.speaker.events)))


@contextlib.asynccontextmanager
async def call_in_progress(
    answers: Answers, webhooks: FakeWebhooks | None = None, scenario: TeardownScenario = SCENARIO
) -> AsyncIterator[CallInProgress]:
    """A call that has begun."""
    doubts: list[bool] = []
    async with speaking(answers) as (speaker, control):
        context = CallContext(
            scenario, Credentials("ws://x", "k", "s", "test"), control, speaker.recorder, "run", None,
            cast("WebhookListener | None", webhooks), UnhandledErrors(), MergeMethod(), lambda: doubts.append(True),
        )  # fmt: skip
        state = CallState(context, PlannedCall(1, Cleanup.SUBJECT, None, Side.CALLER))
        state.recorder.record(CallStarted(room=state.room, cleanup="subject", hangup="caller", hangup_style="bye"))
        yield CallInProgress(state, speaker, doubts)


async def waited_for(call: CallInProgress) -> None:
    """Until the agent was seen, or the call has failed."""
    state = call.state
    await call_steps.look_for_subject(state)
    with contextlib.suppress(TrialError):
        await call_steps.wait_for_subject(state)
    for task in state.lookouts:
        task.cancel()
    await asyncio.gather(*state.lookouts, return_exceptions=True)


@pytest.fixture(autouse=True)
def _waits_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_steps, "STEP_TIMEOUT_S", 0.2)
    monkeypatch.setattr(call_state, "STEP_TIMEOUT_S", 0.2)


@pytest.mark.parametrize(
    ("answers", "webhooks", "outcome", "reason"),
    [
        (Answers(), None, "inconclusive", "it may have come and gone between two looks"),
        (Answers(), FakeWebhooks(), "inconclusive", "it may have come and gone between two looks"),
        (Answers(), FakeWebhooks(CALLER), "error", "webhooks told of other joins only"),
        (Answers(dispatches=[REFUSED]), None, "inconclusive", "listDispatch did not answer"),
        (Answers(dispatches=[UNTAKEN]), None, "error", "listDispatch shows no job of it"),
        # the room was made with a dispatch, so such a list is no whole answer
        (Answers(dispatches=[EMPTY]), None, "inconclusive", "listDispatch does not list its dispatch"),
        (Answers(dispatches=[EMPTY, TAKEN]), None, "inconclusive", "it may have come and gone between two looks"),
        (Answers(dispatches=[EMPTY, UNTAKEN]), None, "error", "listDispatch shows no job of it"),
        # nobody looked in the end
        (Answers([GARBLED], [UNTAKEN]), None, "inconclusive", "the last look at the caller room failed"),
        (
            Answers([EMPTY, None], [UNTAKEN]),
            FakeWebhooks(CALLER),
            "inconclusive",
            "last look at the caller room failed",
        ),
    ],
)
async def test_it_is_never_there_only_where_that_can_be_told(
    answers: Answers, webhooks: FakeWebhooks | None, outcome: str, reason: str
) -> None:
    async with call_in_progress(answers, webhooks) as call:
        await waited_for(call)
    judged = call.judged()
    assert judged.outcome == outcome
    assert reason in judged.reason
    assert judged.facts.agent_exit == "unknown"


async def test_one_look_that_shows_it_is_enough() -> None:
    async with call_in_progress(Answers([EMPTY, showing(AGENT), EMPTY])) as call:
        await waited_for(call)
    assert call.judged().facts.failure is None
    assert call.told("subject.came") == [{"identity": "agent-AJ_1", "by": "look"}]


async def test_a_webhook_that_tells_of_it_is_enough() -> None:
    async with call_in_progress(Answers(), FakeWebhooks(CALLER, AGENT)) as call:
        await waited_for(call)
    assert call.judged().facts.failure is None
    assert call.told("subject.came") == [{"identity": "agent-AJ_1", "by": "webhook"}]


async def test_calls_share_the_rate_of_close_looks_until_the_agent_was_seen() -> None:
    async with call_in_progress(Answers([EMPTY, showing(AGENT)])) as call:
        context = call.state.context
        other = CallState(context, PlannedCall(2, Cleanup.SUBJECT, None, Side.CALLER))
        for state in (call.state, other):
            await call_steps.look_for_subject(state)
        await asyncio.sleep(0)
        assert context.close.rooms == 2
        for state in (call.state, other):
            await call_steps.wait_for_subject(state)
        assert context.close.rooms == 0


@pytest.mark.parametrize(
    ("look", "outcome", "reason"),
    [
        (showing(CALLER), "error", "not within 0.2 s"),
        (GARBLED, "inconclusive", "the last look at the caller room failed"),
        (None, "inconclusive", "the last look at the caller room failed"),
    ],
    ids=["answered", "garbled", "unanswered"],
)
async def test_somebody_is_missing_only_where_a_look_was_answered(
    look: bytes | None, outcome: str, reason: str
) -> None:
    async with call_in_progress(Answers([showing(CALLER), look])) as call:
        with pytest.raises(TrialError):
            await call.state.wait_for("bring both into one room", call.state.both_are_there_or_put_out)
    judged = call.judged()
    assert (judged.outcome, reason in judged.reason) == (outcome, True), judged.reason


async def test_a_server_that_is_gone_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_state, "STEP_TIMEOUT_S", 3600.0)
    monkeypatch.setattr(answers, "SILENT_MAX_S", 0.4)
    async with call_in_progress(Answers([None])) as call:
        with pytest.raises(TrialError):
            await call.state.wait_for("bring both into one room", call.state.both_are_there_or_put_out)
    judged = call.judged()
    assert judged.outcome == "inconclusive"
    assert "no answer from the server" in judged.reason
    assert call.doubts


@pytest.mark.parametrize(
    ("looks", "left", "stayed"),
    [
        ([showing(CALLER, AGENT), showing(CALLER)], 1, 0),
        ([showing(CALLER, AGENT)], 0, 1),
        # it was there, or gone, before: not by the look that counts
        ([showing(CALLER, AGENT), GARBLED], 0, 0),
        ([showing(CALLER), GARBLED], 0, 0),
        ([showing(CALLER, AGENT), GARBLED, showing(CALLER)], 1, 0),
    ],
    ids=["left", "stays", "stayed-before", "left-before", "left-in-the-end"],
)
async def test_it_has_left_or_stayed_only_where_a_look_was_answered(
    looks: list[bytes | None], left: int, stayed: int
) -> None:
    async with call_in_progress(Answers(looks)) as call:
        await call.state.look()
        await call_steps.wait_left(call.state)
    assert (len(call.told("subject.left")), len(call.told("subject.stayed"))) == (left, stayed)
    assert call.judged().facts.failure is None


async def test_it_is_put_out_only_where_a_look_shows_it() -> None:
    scenario = dataclasses.replace(SCENARIO, remove_agent=True)
    async with call_in_progress(Answers([showing(CALLER, AGENT), GARBLED]), scenario=scenario) as call:
        await call.state.look()
        with pytest.raises(TrialError):
            await call_steps.wait_left(call.state)
        assert "RemoveParticipant" not in call.speaker.asked
    judged = call.judged()
    assert judged.outcome == "inconclusive"
    assert "the last look at the caller room failed" in judged.reason


@pytest.mark.parametrize(
    ("found", "agent_exit"),
    [(said(CALLER.SerializeToString()), "unknown"), (NOT_FOUND, "left-room")],
    ids=["found", "not-found"],
)
async def test_an_empty_list_at_the_hang_up_is_doubted(found: bytes, agent_exit: str) -> None:
    async with call_in_progress(Answers([showing(CALLER), EMPTY], found=found)) as call:
        await call.state.look()
        await call_steps.note_at_hang_up(call.state)
    assert call.judged().facts.agent_exit == agent_exit
