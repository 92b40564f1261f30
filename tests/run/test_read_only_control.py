"""The API as a watch may use it: whatever could change something is refused before it is sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from lkdiag.journal.recorder import Recorder
from lkdiag.run.watch import CallRateLimiter, ReadOnlyControl
from lkdiag.settings import Credentials

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import TrialRecorder

CHANGES: dict[str, Callable[[ReadOnlyControl, TrialRecorder], Awaitable[object]]] = {
    "CreateRoom": lambda c, r: c.create_room(r, "x", empty_timeout_s=1, departure_timeout_s=1),
    "DeleteRoom": lambda c, r: c.delete_room(r, "x"),
    "CreateDispatch": lambda c, r: c.create_dispatch(r, "x", "agent", "", known=None),
    "RemoveParticipant": lambda c, r: c.remove_participant(r, "x", "ann"),
    "MoveParticipant": lambda c, r: c.move_participant(r, "x", "ann", "y"),
}


@pytest.mark.parametrize("method", CHANGES)
async def test_nothing_that_changes_is_ever_sent(method: str) -> None:
    events: list[Event] = []
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(None)
    nowhere = Credentials("ws://127.0.0.1:1", "key", "secret" * 8, "the tests")
    async with ReadOnlyControl(nowhere, 10) as control:
        with pytest.raises(AssertionError, match=method):
            await CHANGES[method](control, recorder)
    assert events == []


async def test_a_refusal_halves_the_pace_for_a_while() -> None:
    limiter = CallRateLimiter(1000)
    before = limiter.apart_s
    limiter.slow_down()
    assert limiter.apart_s == 2 * before
    for _ in range(100):
        await limiter.turn()
    assert limiter.apart_s == before
