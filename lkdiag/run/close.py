"""Closes lkdiag's own rooms, and checks that they are gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from lkdiag.client.api_client import ApiCallError, kind_of
from lkdiag.contract import CallFailure
from lkdiag.journal.run_kinds import RoomLeftOver, SweepFailed
from lkdiag.journal.trial_kinds import RoomDeleted, RoomDeleteFailed, RoomGone, RoomStillThere

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from livekit import api

    from lkdiag.client.api_client import Control
    from lkdiag.journal.recorder import Recorder, TrialRecorder


T = TypeVar("T")

AT_A_TIME = 20
"""How many rooms are closed at the same time when a run ends."""
GONE_TIMEOUT_S = 5.0
ATTEMPTS = 3
AGAIN_S = 0.2
"""Before a call without an answer is repeated."""
LOOK_INTERVAL_S = 0.05
LOOK_INTERVAL_MAX_S = 0.5


async def finish_despite_cancellation(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end. If it is cancelled meanwhile (Ctrl-C), the cancellation is raised afterwards."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def close_room(control: Control, recorder: TrialRecorder, room: str) -> bool:
    """Delete a room and wait until it is gone. Returns whether that was seen.

    It is gone when two answers agree: DeleteRoom and a listRooms without it, or two listRooms without it.
    """
    control.unseen_rooms[room] = None
    agreed = 0
    try:
        await delete_room(control, recorder, room)
        agreed = 1
    except ApiCallError as error:
        recorder.record(RoomDeleteFailed(room=room, error=error.message))
    clock = recorder.run.now_mono_ns
    interval_s = LOOK_INTERVAL_S
    deadline_ns = clock() + int(GONE_TIMEOUT_S * 1e9)
    while True:
        seen = False
        try:
            seen = await control.is_listed(recorder, room)
            agreed = 0 if seen else agreed + 1
        except ApiCallError:
            if control.given_up(clock()):
                return False
        if agreed >= 2:
            recorder.record(RoomGone(room=room))
            control.unseen_rooms.pop(room, None)
            return True
        if clock() >= deadline_ns:
            if seen:
                recorder.record(RoomStillThere(room=room))
            return False
        await asyncio.sleep(interval_s)
        interval_s = min(interval_s * 2, LOOK_INTERVAL_MAX_S)


async def delete_room(control: Control, recorder: TrialRecorder, room: str) -> None:
    """Delete one of lkdiag's rooms; a call without an answer is repeated. A room that does not exist counts as deleted.

    Raises ApiCallError.
    """
    try:
        await _retry_unanswered(control, recorder, lambda: control.delete_room(recorder, room))
    except ApiCallError as error:
        if not error.says_not_found:
            raise
    else:
        recorder.record(RoomDeleted(room=room))


async def _retry_unanswered(control: Control, recorder: TrialRecorder, call: Callable[[], Awaitable[T]]) -> T:
    """In the clean-up, repeat a call that LiveKit did not answer; `Control` waits as long as the server has asked."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await call()
        except ApiCallError as error:
            if error.failure is CallFailure.REFUSED or control.given_up(recorder.run.now_mono_ns()):
                raise
        await asyncio.sleep(AGAIN_S)
    return await call()


async def close_leftovers(control: Control, recorder: Recorder, prefix: str) -> str | None:
    """Delete this run's leftover rooms, and record those that remain. Returns why that can't be seen, or None.

    No room is left if two listRooms in a row say so. Rooms not yet seen to be gone by then are asked for by name: such
    a room is gone if neither that answer nor the list before it has it.
    """
    run = recorder.for_trial(None)
    turns = asyncio.Semaphore(AT_A_TIME)
    tried: set[str] = set()

    async def close(room: str) -> bool:
        async with turns:
            tried.add(room)
            return await close_room(control, run, room)

    async def find() -> list[api.Room]:
        return await _retry_unanswered(control, run, lambda: control.list_rooms(run, prefix))

    def unseen() -> list[str]:
        return [room for room in control.unseen_rooms if room.startswith(prefix)]

    async def settle(rooms: list[api.Room]) -> None:
        for room in rooms:
            # a room not tried yet comes from a CreateRoom that was given up while in progress
            if room.name in tried or not await close(room.name):
                await _record_left_over(control, run, room)

    try:
        await asyncio.gather(*(close(room.name) for room in await find()))
        listed = await find()
        await settle(listed)
        if asked := [name for name in unseen() if name not in {room.name for room in listed}]:
            there = await _retry_unanswered(control, run, lambda: control.find_rooms(run, asked))
            for name in asked:
                if name not in {room.name for room in there}:
                    run.record(RoomGone(room=name))
                    del control.unseen_rooms[name]
            await settle(there)
    except ApiCallError as error:
        run.record(SweepFailed(prefix=prefix, error=error.message, rooms=unseen()))
        return error.reason
    return None


async def _record_left_over(control: Control, run: TrialRecorder, room: api.Room) -> None:
    """Record a leftover room and its participants. Raises ApiCallError."""
    participants = await control.list_participants(run, room.name)
    run.record(
        RoomLeftOver(
            room=room.name,
            sid=room.sid,
            creation_time_ms=room.creation_time_ms,
            participants=[{"identity": one.identity, "kind": kind_of(one)} for one in participants],
        )
    )
