"""Between trials, after a call without an answer: is the server still there?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import pytest

from lkdiag.client.api_client import ApiCallError
from lkdiag.contract import CallFailure, Severity
from lkdiag.journal.event import Event
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.timeline import Timeline
from lkdiag.judge.checks import leftover_room
from lkdiag.run import close
from lkdiag.run import engine as engine_module
from lkdiag.run.engine import Engine

if TYPE_CHECKING:
    from livekit import api

    from lkdiag.client.api_client import Control
    from lkdiag.journal.recorder import TrialRecorder


@dataclass(frozen=True)
class Trial:
    index: int
    role: str | None = None
    warmup: bool = False


class Server:
    """It answers what it is asked for rooms like that; after so many calls it counts as gone."""

    unseen_rooms: ClassVar[dict[str, None]] = {"lkdiag-test-001": None, "another": None}

    def __init__(self, failure: CallFailure, gone_after: int = 10) -> None:
        self.error = ApiCallError("ListRooms", failure, None, "no")
        self.left = gone_after

    async def list_rooms(self, _recorder: TrialRecorder, _prefix: str) -> list[api.Room]:
        self.left -= 1
        raise self.error

    def given_up(self, _now_ns: int) -> str:
        return "" if self.left > 0 else "for a while"

    def take_answer_times(self) -> list[float]:
        return []


@pytest.mark.parametrize("failure", CallFailure)
async def test_a_run_ends_when_livekit_is_not_heard(monkeypatch: pytest.MonkeyPatch, failure: CallFailure) -> None:
    """A refusal is LiveKit's own word: it is there."""
    monkeypatch.setattr(engine_module, "RECHECK_INTERVAL_S", 0.0)
    monkeypatch.setattr(close, "AGAIN_S", 0.0)
    events, ran = list[Event](), list[int]()
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    engine = Engine(cast("Control", Server(failure)), recorder, "lkdiag-test")

    async def carry_out(trial: Trial) -> None:
        ran.append(trial.index)
        if trial.index == 1:
            engine.note_unreachable()

    await engine.run([Trial(1), Trial(2), Trial(3)], carry_out, asyncio.Event())
    heard = failure is CallFailure.REFUSED
    assert ran == ([1, 2, 3] if heard else [1])
    (aborted,) = [event.data["reason"] for event in events if event.kind == "run.aborted"]
    assert ("which rooms lkdiag left" in aborted) is heard
    assert ("does not answer any more: no" in aborted) is (failure is CallFailure.UNANSWERED)
    (failed,) = [event for event in events if event.kind == "sweep.failed"]
    assert failed.data["rooms"] == ["lkdiag-test-001"]
    finding = leftover_room.judge(Timeline(events))
    assert finding is not None
    assert (finding.severity, "lkdiag-test-001" in finding.fact) == (Severity.INCONCLUSIVE, True)
