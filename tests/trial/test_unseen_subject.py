"""The user's agent was not seen in its call: what may be said of it then, and what may not."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

import pytest
from livekit import api

from lkdiag.call.unhandled import UnhandledErrors
from lkdiag.checks.teardown.facts import TeardownFacts
from lkdiag.checks.teardown.judged import JudgedCall
from lkdiag.control import ApiCallError, Control
from lkdiag.scenario.teardown import Cleanup, Side, TeardownScenario
from lkdiag.settings import Credentials
from lkdiag.timeline import Event, Recorder, Timeline
from lkdiag.trial.call_stage import CallContext, CallStage
from lkdiag.trial.call_step import subject
from lkdiag.trial.frame import TrialError
from lkdiag.trial.merge import MergeWay
from lkdiag.trial.schedule import PlannedCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.call.webhooks import WebhookListener

SCENARIO = TeardownScenario(cleanups=(Cleanup.SUBJECT,), agent_name="mine")
AGENT = api.ParticipantInfo(identity="agent-AJ_1", sid="PA_1", kind=api.ParticipantInfo.Kind.AGENT)
CALLER = api.ParticipantInfo(identity="sip_+15550100", sid="PA_2", kind=api.ParticipantInfo.Kind.SIP)
TAKEN = api.AgentDispatch(state=api.AgentDispatchState(jobs=[api.Job(id="AJ_1")]))
REFUSED = ApiCallError("ListDispatch", "unavailable", 503, "no")


class FakeControl:
    """Answers each look with the next of `there`, and then with nobody."""

    def __init__(self, there: list[list[api.ParticipantInfo]], dispatches: list[api.AgentDispatch] | None) -> None:
        self.there = there
        self.dispatches = dispatches

    async def list_participants(self, *_: object) -> list[api.ParticipantInfo]:
        return self.there.pop(0) if self.there else []

    async def list_dispatch(self, *_: object) -> list[api.AgentDispatch]:
        if self.dispatches is None:
            raise REFUSED
        return self.dispatches


class FakeWebhooks:
    """Tells that these have joined."""

    def __init__(self, *joined: api.ParticipantInfo) -> None:
        self.joined = joined

    async def of_room(self, _room: str) -> AsyncIterator[object]:
        for one in self.joined:
            yield api.WebhookEvent(event="participant_joined", participant=one)


async def judged(control: FakeControl, webhooks: FakeWebhooks | None = None) -> tuple[JudgedCall, list[Event]]:
    """A call that ends when the agent has been waited for."""
    events: list[Event] = []
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    context = CallContext(
        SCENARIO, Credentials("ws://x", "k", "s", "test"), cast("Control", control), recorder, "run", None,
        cast("WebhookListener | None", webhooks), UnhandledErrors(), MergeWay(), lambda: None,
    )  # fmt: skip
    stage = CallStage(context, PlannedCall(1, Cleanup.SUBJECT, None, Side.CALLER))
    stage.recorder.record("trial.started", room=stage.room, cleanup="subject", hangup="caller", hangup_style="bye")
    await subject.look_out(stage)
    try:
        await subject.wait_for(stage)
    except TrialError:
        stage.recorder.record("trial.closing")
        stage.recorder.record("trial.finished")
    for task in stage.lookouts:
        task.cancel()
    await asyncio.gather(*stage.lookouts, return_exceptions=True)
    return JudgedCall.of(TeardownFacts(1, SCENARIO, Timeline(events))), events


@pytest.fixture(autouse=True)
def _waits_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "STEP_TIMEOUT_S", 0.2)


@pytest.mark.parametrize(
    ("dispatches", "webhooks", "outcome", "said"),
    [
        ([TAKEN], None, "inconclusive", "it may have come and gone between two looks"),
        ([TAKEN], FakeWebhooks(), "inconclusive", "it may have come and gone between two looks"),
        (None, None, "inconclusive", "listDispatch did not answer"),
        ([api.AgentDispatch()], None, "error", "listDispatch shows no job of it"),
        ([TAKEN], FakeWebhooks(CALLER), "error", "webhooks told of other joins only"),
    ],
)
async def test_it_is_never_there_only_where_that_can_be_told(
    dispatches: list[api.AgentDispatch] | None, webhooks: FakeWebhooks | None, outcome: str, said: str
) -> None:
    call, _ = await judged(FakeControl([], dispatches), webhooks)
    assert call.outcome == outcome
    assert said in call.reason
    assert call.facts.agent_exit == "unknown"


async def test_one_look_that_shows_it_is_enough() -> None:
    call, events = await judged(FakeControl([[], [AGENT]], [TAKEN]))
    assert call.facts.failure is None
    assert [event.data for event in events if event.kind == "subject.came"] == [
        {"identity": "agent-AJ_1", "by": "look"}
    ]


async def test_a_webhook_that_tells_of_it_is_enough() -> None:
    call, events = await judged(FakeControl([], [TAKEN]), FakeWebhooks(CALLER, AGENT))
    assert call.facts.failure is None
    assert [event.data for event in events if event.kind == "subject.came"] == [
        {"identity": "agent-AJ_1", "by": "webhook"}
    ]
