"""The shapes of load: what is due when, what is begun, and what a run of a set time or a full one leaves out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import pytest

from lkdiag.errors import UsageError
from lkdiag.journal.recorder import Recorder
from lkdiag.run.health import check_capacity, raise_descriptor_limit
from lkdiag.run.load_shape import LoadRunner, LoadShape
from lkdiag.run.plan import plan_trials
from lkdiag.scenario.dispatch import DispatchScenario, JoinBy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkdiag.journal.event import Event


@dataclass(frozen=True)
class Trial:
    index: int
    role: str | None = None

    @property
    def warmup(self) -> bool:
        return self.index <= 0


class Run:
    """A run of trials that last until they are told to end, on a clock that goes on by itself with each look."""

    def __init__(self, *, step_s: float = 0.0) -> None:
        self.events: list[Event] = []
        self.begun: list[int] = []
        self.gate = asyncio.Event()
        self._ns = 0
        self._step_ns = int(step_s * 1e9)
        self.seen = {kind: asyncio.Semaphore(0) for kind in ("trial.due", "trial.not_begun")}
        self.recorder = Recorder(self._note, wall_ns=self._now, mono_ns=self._now)

    def _now(self) -> int:
        self._ns += self._step_ns
        return self._ns

    def _note(self, event: Event) -> None:
        self.events.append(event)
        self.seen[event.kind].release()

    async def carry_out(self, trial: Trial) -> None:
        self.begun.append(trial.index)
        if not trial.warmup:
            await self.gate.wait()

    async def go_on(self) -> bool:
        return True

    def start(self, shape: LoadShape, trials: Iterable[Trial]) -> asyncio.Task[None]:
        runner = LoadRunner[Trial](shape, self.recorder, self.carry_out, self.go_on)
        return asyncio.create_task(runner.run(trials))

    def said(self, kind: str, field: str) -> list[object]:
        return [event.data[field] for event in self.events if event.kind == kind]


def test_due_times() -> None:
    assert [LoadShape(rate=4).due_s(index) for index in range(1, 5)] == [0, 0.25, 0.5, 0.75]
    assert [LoadShape(burst=3, burst_every_s=20).due_s(index) for index in range(1, 8)] == [0, 0, 0, 20, 20, 20, 40]


async def test_a_burst_begins_at_one_instant_and_while_none_has_ended() -> None:
    run = Run(step_s=1)  # so that nothing is ever waited for
    task = run.start(LoadShape(burst=3, burst_every_s=5), map(Trial, range(1, 7)))
    for _ in range(6):
        await run.seen["trial.due"].acquire()
    run.gate.set()
    await task
    due = run.said("trial.due", "due_mono_ns")
    assert due[0] == due[1] == due[2] != due[3] == due[4] == due[5]


async def test_what_is_due_while_too_many_go_on_is_not_begun() -> None:
    run = Run(step_s=1)
    task = run.start(LoadShape(rate=1, max_in_flight=2), map(Trial, range(1, 6)))
    for _ in range(3):
        await run.seen["trial.not_begun"].acquire()
    run.gate.set()
    await task
    assert run.begun == [1, 2]
    assert run.said("trial.not_begun", "planned") == [3, 4, 5]
    assert {event.trial for event in run.events if event.kind == "trial.not_begun"} == {None}


@pytest.mark.parametrize(
    ("shape", "begun"),
    [(LoadShape(rate=2, duration_s=2), 4), (LoadShape(burst=2, burst_every_s=1, duration_s=3), 6)],
)
async def test_an_open_loop_of_a_set_time(shape: LoadShape, begun: int) -> None:
    run = Run(step_s=1)
    run.gate.set()
    await run.start(shape, map(Trial, count(-1)))
    assert run.begun == [-1, 0, *range(1, begun + 1)], "warm-up trials are no part of it"


async def test_a_closed_loop_of_a_set_time() -> None:
    run = Run(step_s=1)
    run.gate.set()
    await run.start(LoadShape(concurrency=2, duration_s=5), map(Trial, count(1)))
    assert 1 <= len(run.begun) <= 5
    assert run.begun == list(range(1, len(run.begun) + 1))


@pytest.mark.parametrize(("ramp_s", "begun"), [(0.0, [1, 2, 3]), (3600.0, [1])])
async def test_the_places_of_a_closed_loop_are_taken_one_after_another(ramp_s: float, begun: list[int]) -> None:
    run = Run(step_s=1)
    task = run.start(LoadShape(concurrency=3, ramp_s=ramp_s), map(Trial, range(1, 4)))
    for _ in range(20):
        await asyncio.sleep(0)
    assert run.begun == begun
    task.cancel()


def test_joins_with_media_are_not_begun_in_one_instant() -> None:
    assert LoadShape.of(DispatchScenario(join=JoinBy.SIGNAL, concurrency=8)).ramp_s == 0
    assert LoadShape.of(DispatchScenario(join=JoinBy.MEDIA, concurrency=8)).ramp_s > 0


def test_the_plan_of_a_set_time_does_not_end() -> None:
    plan = plan_trials(DispatchScenario(agent_name="a", control=True, duration_s=60, warmup=1, count=2))
    assert [next(plan).index for _ in range(50)] == list(range(50))


@pytest.mark.parametrize("other", [{"rate": 1.0}, {"gap_s": 1.0}, {"concurrency": 2}, {"reuse_room_name": True}])
def test_a_burst_is_a_shape_of_its_own(other: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"burst|--reuse-room-name"):
        DispatchScenario(burst=3, **other)  # type: ignore[arg-type]


def test_more_at_a_time_than_this_process_may_open() -> None:
    limit = raise_descriptor_limit()
    if limit is None:
        pytest.skip("there is no limit here")
    check_capacity(DispatchScenario(concurrency=1))
    with pytest.raises(UsageError, match=r"--concurrency .* open files and sockets") as refused:
        check_capacity(DispatchScenario(concurrency=limit))
    assert "ulimit -n" in refused.value.hint
