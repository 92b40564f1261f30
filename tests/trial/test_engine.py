"""Between trials, after a call without an answer: is the server still there?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from lkdiag.control import ApiCallError
from lkdiag.timeline import Event, Recorder
from lkdiag.trial import engine as engine_module
from lkdiag.trial.engine import Engine

if TYPE_CHECKING:
    from livekit import api

    from lkdiag.control import Control
    from lkdiag.timeline import TrialRecorder


@dataclass(frozen=True)
class Trial:
    index: int
    role: str | None = None
    warmup: bool = False


class Server:
    """It answers what it is asked for rooms like that."""

    def __init__(self, code: str, status: int | None) -> None:
        self.error = ApiCallError("ListRooms", code, status, "no")

    async def list_rooms(self, _recorder: TrialRecorder, _prefix: str) -> list[api.Room]:
        raise self.error

    def take_answer_times(self) -> list[float]:
        return []


@pytest.mark.parametrize(
    ("code", "status", "begun"),
    [("resource_exhausted", 429, [1, 2, 3]), ("unreachable", None, [1]), ("unavailable", 503, [1])],
)
async def test_a_server_that_asks_for_fewer_calls_is_there(
    monkeypatch: pytest.MonkeyPatch, code: str, status: int | None, begun: list[int]
) -> None:
    monkeypatch.setattr(engine_module, "RECHECK_INTERVAL_S", 0.0)
    events, played = list[Event](), list[int]()
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    engine = Engine(cast("Control", Server(code, status)), recorder, "lkdiag-test")

    async def carry_out(trial: Trial) -> None:
        played.append(trial.index)
        if trial.index == 1:
            engine.note_unreachable()

    await engine.run([Trial(1), Trial(2), Trial(3)], carry_out, asyncio.Event())
    assert played == begun
    (aborted,) = [event.data["reason"] for event in events if event.kind == "run.aborted"]
    assert ("does not answer any more" in aborted) is (len(begun) == 1)
