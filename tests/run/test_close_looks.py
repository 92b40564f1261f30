"""Looks at the participants that are under way side by side: dense though answers are slow, and in their order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from livekit import api

from lkdiag.client.api_client import ApiCallError, Control
from lkdiag.contract import CallFailure
from lkdiag.journal.recorder import Recorder
from lkdiag.run.room_watcher import CLOSE_UNDER_WAY_MAX, CloseWatch, RoomWatcher

if TYPE_CHECKING:
    from collections.abc import Collection

    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import TrialRecorder

AGENT = api.ParticipantInfo(identity="agent-AJ_1", sid="PA_1", kind=api.ParticipantInfo.Kind.AGENT)
Answer = list[api.ParticipantInfo]


class FakeControl:
    """Answers each look when the test says so."""

    is_near = True

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[Answer]] = []
        self.begun = asyncio.Condition()
        self.there: dict[str, api.ParticipantInfo] = {}

    async def list_participants(
        self, _recorder: TrialRecorder, _room: str, *, known: Collection[str]
    ) -> list[api.ParticipantInfo]:
        del known
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        async with self.begun:
            self.asked.append(answer)
            self.begun.notify_all()
        return await answer

    async def get_participant(self, _recorder: TrialRecorder, _room: str, identity: str) -> api.ParticipantInfo | None:
        return self.there.get(identity)

    async def wait_asked(self, count: int) -> None:
        async with self.begun:
            await self.begun.wait_for(lambda: len(self.asked) >= count)


def watcher_of(control: FakeControl, *, close: bool = False) -> tuple[RoomWatcher, list[Event]]:
    events: list[Event] = []
    ticks = iter(range(10**9))
    recorder = Recorder(events.append, wall_ns=lambda: 0, mono_ns=lambda: next(ticks)).for_trial(1)
    real = cast("Control", control)
    return RoomWatcher(real, recorder, "room", close=CloseWatch(real) if close else None), events


async def test_answers_are_taken_in_the_order_of_the_questions() -> None:
    control = FakeControl()
    watcher, events = watcher_of(control)
    first = asyncio.create_task(watcher.look_at_participants())
    await control.wait_asked(1)
    second = asyncio.create_task(watcher.look_at_participants())
    await control.wait_asked(2)
    control.asked[1].set_result([])
    control.asked[0].set_result([AGENT])
    assert (await first, await second) == (True, True)
    assert [event.kind for event in events] == ["agent.joined", "agent.left"]
    assert [agent["sid"] for agent in watcher.view.agents.values()] == ["PA_1"]


async def test_one_that_fails_holds_nobody_up() -> None:
    control = FakeControl()
    watcher, events = watcher_of(control)
    first = asyncio.create_task(watcher.look_at_participants())
    await control.wait_asked(1)
    second = asyncio.create_task(watcher.look_at_participants())
    await control.wait_asked(2)
    control.asked[1].set_result([AGENT])
    control.asked[0].set_exception(ApiCallError("ListParticipants", CallFailure.GARBLED, 200, "cut"))
    assert (await first, await second) == (False, True)
    assert [event.kind for event in events] == ["agent.joined"]


async def test_the_next_look_does_not_wait_for_a_slow_answer() -> None:
    control = FakeControl()
    watcher, _ = watcher_of(control, close=True)
    watcher.begin(60.0, 0.0)
    await control.wait_asked(CLOSE_UNDER_WAY_MAX)  # and no more than so many at a time
    await asyncio.sleep(0)
    assert not any(answer.done() for answer in control.asked)
    control.asked[0].set_result([AGENT])
    await control.wait_asked(CLOSE_UNDER_WAY_MAX + 1)
    assert "PA_1" in watcher.view.agents
    await watcher.end_close_looks()
    assert all(answer.cancelled() for answer in control.asked[1:])


async def test_a_crash_of_a_close_look_is_raised_where_they_end() -> None:
    control = FakeControl()
    watcher, _ = watcher_of(control, close=True)
    watcher.begin(60.0, 0.0)
    await control.wait_asked(1)
    control.asked[0].set_exception(RuntimeError("a fault of lkdiag's own"))
    assert watcher._looking_closely is not None
    await asyncio.wait({watcher._looking_closely})
    with pytest.raises(RuntimeError, match="own"):
        await watcher.end_close_looks()


async def test_who_was_found_by_name_is_not_taken_away_by_an_older_list() -> None:
    control = FakeControl()
    control.there["agent-AJ_1"] = AGENT
    watcher, events = watcher_of(control)
    job = {"job_id": "AJ_1", "participant_identity": "agent-AJ_1"}
    watcher.view.dispatches = [{"dispatch_id": "AD_1", "jobs": [job]}]
    older = asyncio.create_task(watcher.look_at_participants())
    await control.wait_asked(1)
    await watcher._ask_after_agents()
    control.asked[0].set_result([])
    await older
    assert [event.kind for event in events] == ["agent.joined"]
    newer = asyncio.create_task(watcher.look_at_participants())
    await control.wait_asked(2)
    control.asked[1].set_result([])
    await newer
    assert [event.kind for event in events] == ["agent.joined", "agent.left"]
