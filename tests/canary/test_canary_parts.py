"""The canary's interval, its rooms, and the journals that it keeps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from lkdiag.canary.run import BACK_OFF_S, CanaryInterval, KeptJournals, OwnRooms
from lkdiag.cli.canary_run import JournalPeriod
from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.journal.event import Event
from lkdiag.scenario.script import DispatchScript, load_script

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.canary.metrics import Metrics
    from lkdiag.judge.live import TrialVerdict


class Day:
    """A clock that goes on only by sleeping, and by what `passes`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.skipped = 0.0, 0
        monkeypatch.setattr("lkdiag.canary.run.asyncio.sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def mono_ns(self) -> int:
        return int(self.now_s * 1e9)

    def skip(self, trials: int) -> None:
        self.skipped += trials

    def interval(self, every_s: float) -> CanaryInterval:
        return CanaryInterval(every_s, self.mono_ns, self.skip)

    async def begun_at(self, interval: CanaryInterval, *lasting_s: float) -> list[float]:
        """When trials that last so long begin."""
        begun = []
        for seconds in lasting_s:
            await interval.wait()
            begun.append(round(self.now_s, 3))
            self.now_s += seconds
        return begun


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Day:
    return Day(monkeypatch)


async def test_a_grid_from_beginning_to_beginning(day: Day) -> None:
    assert await day.begun_at(day.interval(60), 1, 20, 59, 1) == [0, 60, 120, 180]
    assert day.skipped == 0


async def test_a_trial_that_lasts_longer_costs_its_successors_and_never_piles_up(day: Day) -> None:
    assert await day.begun_at(day.interval(10), 1, 35, 1, 1) == [0, 10, 50, 60]
    assert day.skipped == 3


async def test_a_little_late_is_not_skipped(day: Day) -> None:
    assert await day.begun_at(day.interval(10), 10.5, 1, 1) == [0, 10.5, 20]
    assert day.skipped == 0


async def test_a_server_that_does_not_answer_is_asked_seldomer(day: Day) -> None:
    interval = day.interval(1)
    await day.begun_at(interval, 0.5)
    interval.back_off()
    begun = await day.begun_at(interval, 0.5, 0.5)
    assert begun[0] >= BACK_OFF_S
    assert begun[1] == begun[0] + 1
    assert day.skipped == round(begun[0]) - 1


async def test_a_slow_canary_is_polite_enough_as_it_is(day: Day) -> None:
    interval = day.interval(60)
    await day.begun_at(interval, 15)
    interval.back_off()
    assert await day.begun_at(interval, 15) == [60]


async def test_a_wait_can_be_cut_short() -> None:
    interval = CanaryInterval(3600, lambda: 1, lambda _: None)
    await interval.wait()
    waiting = asyncio.create_task(interval.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def note(rooms: OwnRooms, kind: str, trial: int | None, room: str | None = None) -> None:
    rooms.note(Event(0, kind, 0, 0, trial, {} if room is None else {"room": room}))


def test_a_room_is_left_when_its_trial_is_over_and_it_was_not_seen_to_go() -> None:
    rooms = OwnRooms()
    note(rooms, "room.created", 1, "one")
    assert not rooms.left
    note(rooms, "room.gone", 1, "one")
    note(rooms, "trial.finished", 1)
    note(rooms, "room.created", 2, "two")
    note(rooms, "trial.finished", 2)
    note(rooms, "room.created", 1, "of the next journal")
    assert list(rooms.left) == ["two"]
    note(rooms, "room.gone", None, "two")
    assert not rooms.left


def runs(folder: Path, *names: str) -> list[Path]:
    made = [folder / name for name in names]
    for path in made:
        path.mkdir()
        (path / "journal.jsonl").write_text("{}\n")
    return made


def test_the_newest_are_kept_and_nothing_of_others_is_touched(tmp_path: Path) -> None:
    (foreign,) = runs(tmp_path, "20250101-000000-aaaa")
    first, second, third = runs(tmp_path, "1", "2", "3")
    (first / "livekit-server.log").write_text("log")
    (second / "report.html").write_text("the user's")
    kept = KeptJournals(1, "livekit-server.log")
    for folder in (first, second, third):
        kept.add(folder)
    assert not first.exists()
    assert [path.name for path in second.iterdir()] == ["report.html"]
    assert third.is_dir()
    assert foreign.is_dir()
    third_gone = third / "journal.jsonl"
    third_gone.unlink()
    third.rmdir()
    kept.add(foreign)  # the one that is gone already is no trouble


class Counted:
    """What of the metrics a trial reaches."""

    def __init__(self) -> None:
        self.trials: list[int] = []

    def note(self, _: Event) -> None:
        """Nothing of an event."""

    def count(self, judged: TrialVerdict, _: float) -> None:
        self.trials.append(judged.index)


@pytest.mark.parametrize(
    ("warmup", "kinds", "counted"),
    [
        (False, [], [1]),
        (True, [], []),
        (False, ["trial.interrupted"], []),
    ],
    ids=["a trial", "a warm-up", "cut off"],
)
def test_only_whole_trials_that_count_reach_the_metrics(
    warmup: bool, kinds: list[str], counted: list[int], day: Day
) -> None:
    script, metrics = load_script("dispatch-trial", tuple(BEHAVIOURS), make_behaviour), Counted()
    assert isinstance(script, DispatchScript)
    period = JournalPeriod(script, OwnRooms(), cast("Metrics", metrics), day.interval(60), is_first=True, verbose=False)
    about = {"room": "r", "role": "subject", "warmup": warmup}
    for at, kind in enumerate(["trial.started", *kinds, "trial.finished"], start=1):
        for watcher in period.watchers:
            watcher(Event(at, kind, at, at, 1, about if kind == "trial.started" else {}))
    period._on_over(1)
    assert metrics.trials == counted
