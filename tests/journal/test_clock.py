"""The server's clock, from exchanges between which its timestamps must lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.journal.clock import Clocks, ClockSample, estimate_clock
from lkdiag.journal.event import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

WALL_MS = 1_800_000_000_000
MONO_MS = 7_000


def event(kind: str, at: float, *, wall_set_by: float = 0, **data: Any) -> Event:
    return Event(0, kind, int((WALL_MS + at + wall_set_by) * 1e6), int((MONO_MS + at) * 1e6), None, data)


def pong(at: float, ahead: float, *, took: float = 2, wall_set_by: float = 0) -> Event:
    """A ping of `took` ms, answered in the middle by a server whose clock is `ahead`."""
    wall = WALL_MS + at + wall_set_by
    return event(
        "clock.sampled",
        at,
        wall_set_by=wall_set_by,
        before_ns=int((wall - took) * 1e6),
        after_ns=int(wall * 1e6),
        server_ms=int(WALL_MS + at - took / 2 + ahead),
    )


def created(at: float, ahead: float, *, sid: str = "RM_1", ms: float | None = None, **data: Any) -> Event:
    made = int(WALL_MS + at - 1 + ahead) if ms is None else ms
    before = {"before_ns": int((WALL_MS + at - 4) * 1e6), **data}
    return event("room.created", at, room="r", sid=sid, creation_time_ms=made, **before)


def samples_of(events: Iterable[Event]) -> tuple[ClockSample, ...]:
    clocks = Clocks()
    for one in events:
        clocks.note(one)
    return clocks.samples()


def server_ahead_ms(*events: Event) -> tuple[float, float]:
    """How far ahead the server is by the estimate, and its error."""
    clock = estimate_clock(samples_of(events))
    assert clock is not None
    return clock.server_ms(MONO_MS * 1_000_000) - WALL_MS, clock.error_ms


@pytest.mark.parametrize("ahead", [0, 1234, -86_400_000])
def test_exchanges_together_leave_the_truth_between_them(ahead: float) -> None:
    found, error_ms = server_ahead_ms(pong(0, ahead), pong(2500, ahead, took=40), created(600, ahead))
    assert found == pytest.approx(ahead, abs=error_ms)
    assert error_ms <= 1.5  # the best of them


def test_without_an_exchange_nothing_is_known() -> None:
    assert estimate_clock(samples_of([event("room.created", 1, sid="x", creation_time_ms=5)])) is None
    assert estimate_clock([]) is None


def test_this_machine_s_wall_clock_may_be_set_in_between() -> None:
    found, error_ms = server_ahead_ms(pong(0, 50), pong(2500, 50, wall_set_by=3_600_000), pong(5000, 50))
    assert found == pytest.approx(50, abs=2)
    assert error_ms <= 1.5


def test_samples_that_contradict_each_other_widen_the_error() -> None:
    _, error_ms = server_ahead_ms(pong(0, 0), pong(2500, 4000))
    assert error_ms > 3990


@pytest.mark.parametrize(
    "other",
    [
        created(9000, 0, ms=WALL_MS + 10),  # the old room of that name, come back
        created(9000, 0, sid="RM_2", ms=0),  # an old server that does not say
    ],
)
def test_rooms_that_tell_nothing(other: Event) -> None:
    alone = server_ahead_ms(pong(0, 0), created(600, 0))
    assert server_ahead_ms(pong(0, 0), created(600, 0), other) == alone
