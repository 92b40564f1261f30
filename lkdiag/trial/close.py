"""Closes lkdiag's own rooms, and sees that they are gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from livekit import api

from lkdiag.control import ApiCallError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from lkdiag.control import Control
    from lkdiag.timeline import Recorder, TrialRecorder

T = TypeVar("T")

AT_A_TIME = 20
"""Rooms that are closed side by side when a run ends."""
GONE_TIMEOUT_S = 5.0
ATTEMPTS = 3
LOOK_INTERVAL_S = 0.05
LOOK_INTERVAL_MAX_S = 0.5


async def see_through(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end though cancelled meanwhile (Ctrl-C): the cancellation is raised afterwards."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def close_room(control: Control, recorder: TrialRecorder, room: str) -> bool:
    """Delete a room and wait until listRooms knows it no longer; whether it is gone, as far as can be seen."""
    await _delete(control, recorder, room)
    interval_s = LOOK_INTERVAL_S
    deadline_ns = recorder.run.now_mono_ns() + int(GONE_TIMEOUT_S * 1e9)
    while True:
        seen = False
        try:
            seen = await control.is_listed(recorder, room)
            if not seen:
                recorder.record("room.gone", room=room)
                return True
        except ApiCallError as error:
            if error.unreachable:
                return False
        if recorder.run.now_mono_ns() >= deadline_ns:
            if seen:
                recorder.record("room.still_there", room=room)
            return False
        await asyncio.sleep(interval_s)
        interval_s = min(interval_s * 2, LOOK_INTERVAL_MAX_S)


async def _delete(control: Control, recorder: TrialRecorder, room: str) -> None:
    try:
        await _patiently(lambda: control.delete_room(recorder, room))
        recorder.record("room.deleted", room=room)
    except ApiCallError as error:
        if error.code != "not_found":
            recorder.record("room.delete_failed", room=room, error=error.message)


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """In the clean-up, what is refused as too many calls is asked again; `Control` waits as long as the server said."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await call()
        except ApiCallError as error:
            if not error.rate_limited:
                raise
    return await call()


async def close_leftovers(control: Control, recorder: Recorder, prefix: str) -> str | None:
    """Delete whatever is left of this run's rooms, and record what is there even then; why that can't be seen."""
    run = recorder.for_trial(None)
    turns = asyncio.Semaphore(AT_A_TIME)

    async def close(room: str) -> None:
        async with turns:
            await close_room(control, run, room)

    try:
        found = await _patiently(lambda: control.list_rooms(run, prefix))
        await asyncio.gather(*(close(room.name) for room in found))
        seen = {room.name for room in found}
        for room in await _patiently(lambda: control.list_rooms(run, prefix)):
            # by a CreateRoom that was given up while it was under way
            if room.name not in seen and await close_room(control, run, room.name):
                continue
            participants = await control.list_participants(run, room.name)
            run.record(
                "room.left_over",
                room=room.name,
                sid=room.sid,
                creation_time_ms=room.creation_time_ms,
                participants=[
                    {"identity": one.identity, "kind": api.ParticipantInfo.Kind.Name(one.kind).lower()}
                    for one in participants
                ],
            )
    except ApiCallError as error:
        run.record("sweep.failed", prefix=prefix, error=error.message)
        return error.reason
    return None
