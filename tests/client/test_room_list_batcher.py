"""One listRooms answers for all who ask at the same time, and for none who asked after it began."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from lkdiag.client.api_client import ApiCallError
from lkdiag.client.call_rate import ROOMS_MAX, RoomListBatcher
from lkdiag.contract import CallFailure
from lkdiag.journal.recorder import Recorder

if TYPE_CHECKING:
    from lkdiag.journal.recorder import TrialRecorder

RECORDER = Recorder(wall_ns=lambda: 0, mono_ns=lambda: 0)


class FakeRooms:
    """Not LiveKit: answers when it is let."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.asked: list[tuple[int | None, list[str]]] = []
        self.let = asyncio.Event()
        self.let.set()
        self.began = asyncio.Event()

    async def ask(self, recorder: TrialRecorder, names: list[str]) -> dict[str, str]:
        self.asked.append((recorder.trial, names))
        there = {name: f"RM_{name}" for name in names if name in self.there}
        self.began.set()
        await self.let.wait()
        return there


async def test_a_single_one_is_asked_at_once_and_is_its_trials() -> None:
    rooms = FakeRooms("a")
    batcher = RoomListBatcher(rooms.ask)
    assert await batcher.sid_of(RECORDER.for_trial(1), "a") == "RM_a"
    assert not await batcher.sid_of(RECORDER.for_trial(2), "b")
    assert rooms.asked == [(1, ["a"]), (2, ["b"])]


async def test_those_that_come_while_one_is_under_way_share_the_next() -> None:
    rooms = FakeRooms("a", "b", "c")
    rooms.let.clear()
    batcher = RoomListBatcher(rooms.ask)
    first = asyncio.create_task(batcher.sid_of(RECORDER.for_trial(1), "a"))
    await rooms.began.wait()
    later = [asyncio.create_task(batcher.sid_of(RECORDER.for_trial(n), name)) for n, name in enumerate("abc", 2)]
    await asyncio.sleep(0)
    rooms.there.clear()  # what began before can't know
    rooms.let.set()
    assert await first
    assert not any(await asyncio.gather(*later))
    assert rooms.asked == [(1, ["a"]), (None, ["a", "b", "c"])]


async def test_a_call_names_so_many_and_no_more() -> None:
    rooms = FakeRooms()
    batcher = RoomListBatcher(rooms.ask)
    await asyncio.gather(*(batcher.sid_of(RECORDER.for_trial(n), f"r{n}") for n in range(ROOMS_MAX + 5)))
    assert sorted(len(names) for _, names in rooms.asked) == [5, ROOMS_MAX]


async def test_a_failure_is_everybodys_and_the_next_is_asked_anew() -> None:
    failing = True

    async def ask(_recorder: TrialRecorder, names: list[str]) -> dict[str, str]:
        if failing:
            raise ApiCallError("ListRooms", CallFailure.REFUSED, 503, "no response from servers", "unavailable")
        return {name: f"RM_{name}" for name in names}

    batcher = RoomListBatcher(ask)
    both = [batcher.sid_of(RECORDER.for_trial(n), f"r{n}") for n in (1, 2)]
    told = await asyncio.gather(*both, return_exceptions=True)
    assert [type(error) for error in told] == [ApiCallError, ApiCallError]
    failing = False
    assert await batcher.sid_of(RECORDER.for_trial(3), "r3")


async def test_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    rooms = FakeRooms("a", "b")
    rooms.let.clear()
    batcher = RoomListBatcher(rooms.ask)
    given_up = asyncio.create_task(batcher.sid_of(RECORDER.for_trial(1), "a"))
    patient = asyncio.create_task(batcher.sid_of(RECORDER.for_trial(2), "b"))
    await rooms.began.wait()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    rooms.let.set()
    assert await patient
