"""How calls are merged. Only LiveKit Cloud has MoveParticipant, so a fake stands for a server that has it."""

from __future__ import annotations

import asyncio
import itertools
from typing import cast

import pytest

from lkdiag.client.api_client import ApiCallError, Control
from lkdiag.contract import CallFailure
from lkdiag.journal.recorder import Recorder
from lkdiag.run.call_state import MOVE, REJOIN, MergeMethod, merge_calls


class FakeControl:
    """Answers MoveParticipant as it is told to."""

    def __init__(self, error: ApiCallError | None = None) -> None:
        self.error = error
        self.moved = 0

    async def move_participant(self, *_: object) -> None:
        self.moved += 1
        if self.error is not None:
            raise self.error


async def merge(control: FakeControl, way: MergeMethod, rejoined: list[int]) -> str:
    async def rejoin() -> None:
        rejoined.append(1)

    clock = itertools.count()
    recorder = Recorder(wall_ns=lambda: next(clock), mono_ns=lambda: next(clock)).for_trial(1)
    return await merge_calls(way, cast("Control", control), recorder, "theirs", "human", "ours", rejoin)


NOT_THERE = ApiCallError("MoveParticipant", CallFailure.REFUSED, 500, "not implemented", "unknown")
NOT_ALLOWED = ApiCallError("MoveParticipant", CallFailure.REFUSED, 403, "no", "permission_denied")


async def test_a_server_that_moves_participants_is_let_do_it() -> None:
    control, way, rejoined = FakeControl(), MergeMethod(), list[int]()
    assert [await merge(control, way, rejoined) for _ in range(2)] == [MOVE, MOVE]
    assert (control.moved, rejoined) == (2, [])


async def test_a_server_that_does_not_is_asked_once() -> None:
    control, way, rejoined = FakeControl(NOT_THERE), MergeMethod(), list[int]()
    assert await asyncio.gather(*(merge(control, way, rejoined) for _ in range(4))) == [REJOIN] * 4
    assert (control.moved, len(rejoined)) == (1, 4)


async def test_another_refusal_is_not_taken_for_a_missing_feature() -> None:
    way = MergeMethod()
    with pytest.raises(ApiCallError):
        await merge(FakeControl(NOT_ALLOWED), way, [])
    assert way.known is None
