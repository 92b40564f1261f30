"""`--processes` on a real server: one run of several processes, one of which may be killed."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from lkdiag.scenario.fault import BehaviourSpec, Fault, draw
from tests.deadline import DEADLINE_S

from .conftest import wait_begun

if TYPE_CHECKING:
    from .conftest import Owner

PLAYED = (
    "dispatch-trial",
    "-n",
    "4",
    "--processes",
    "2",
    "--gap",
    "500ms",
    "--warmup",
    "0",
    "--settle",
    "2s",
    "-f",
    "json",
)


def runners(pid: int) -> list[psutil.Process]:
    """The processes that run the shards."""
    return [child for child in psutil.Process(pid).children() if "shard-runner" in child.cmdline()]


def drawn(seed: int) -> list[int]:
    """Which of four trials are silent."""
    faults = (Fault(BehaviourSpec("silent"), 0.3),)
    return [trial for trial in range(1, 5) if draw(faults, seed, trial).name == "silent"]


@pytest.mark.server
async def test_two_processes_play_one_run(owner: Owner) -> None:
    faults, seed = "silent=0.3", next(seed for seed in range(100) if drawn(seed) == [3])
    pace = ("--warmup", "0", "--no-fallback", "--settle", "1s", "--timeout", "1s", "--delayed-after", "1s")
    broken = ("--fault", faults, "--seed", str(seed))
    done = await owner.user.run("dispatch-trial", "-n", "4", "--processes", "2", *pace, *broken, "-f", "json")
    assert done.report["summary"]["missing"] == 0
    assert [trial["index"] for trial in done.report["trials"]] == [1, 2, 3, 4]
    silent = [trial["index"] for trial in done.report["trials"] if trial["outcome"] == "dropped"]
    assert done.code == 1
    assert silent == [3], "as it is drawn for one process"
    assert {f"-s{shard}-" in trial["room"] for trial in done.report["trials"] for shard in (1, 2)} == {True, False}
    (run,) = owner.user.runs.iterdir()
    assert [path.name for path in run.iterdir()] == ["journal.jsonl"]
    assert not await owner.rooms()


@pytest.mark.server
async def test_a_rate_is_that_of_all_processes_until_the_time_is_over(owner: Owner) -> None:
    shape = ("--processes", "2", "--rate", "4", "--duration", "2s", "--join", "signal")
    done = await owner.user.run("dispatch-trial", *shape, "--settle", "0s", "-f", "json")
    report = done.report
    assert done.code == 0, done.stderr
    assert [trial["index"] for trial in report["trials"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert report["summary"]["missing"] == report["not_begun"] == 0
    assert [(shard["index"], shard["trials"], shard["missing"]) for shard in report["run"]["shards"]] == [
        (1, 4, 0),
        (2, 4, 0),
    ]
    assert report["health"]["shard"] in (1, 2)
    assert report["environment"]["join"] == "signal"
    assert not await owner.rooms()


@pytest.mark.server
async def test_the_trials_of_a_killed_process_are_missing_and_its_rooms_are_closed(owner: Owner) -> None:
    async with owner.user.running(*PLAYED) as running:
        await wait_begun(owner.user.runs, 2)
        runners(running.process.pid)[0].kill()
        done = await running.wait()
    report = done.report
    assert done.code == 3
    assert report["summary"]["missing"] > 0
    assert report["summary"]["outcomes"]["dropped"] == 0
    assert report["summary"]["trials"] + report["summary"]["missing"] == 4
    finding = next(finding for finding in report["findings"] if finding["check"] == "missing-trials")
    assert "killed by SIGKILL" in finding["fact"]
    assert report["leftover_rooms"] == []
    assert not await owner.rooms()
    owner.user.assert_silent(done)


@pytest.mark.server
async def test_ctrl_c_reaches_all_and_what_was_seen_is_reported(owner: Owner) -> None:
    async with owner.user.running(*PLAYED) as running:
        await wait_begun(owner.user.runs, 2)
        children = runners(running.process.pid)
        running.signal(signal.SIGINT)
        done = await running.wait()
    assert done.code == 130
    assert done.report["run"]["interrupted"]
    assert 0 < done.report["summary"]["trials"] < 4
    assert done.report["summary"]["outcomes"]["dropped"] == 0
    assert not [child for child in children if child.is_running()]
    assert not await owner.rooms()


@pytest.mark.server
async def test_processes_close_their_rooms_when_lkdiag_itself_is_killed(owner: Owner) -> None:
    async with owner.user.running(*PLAYED) as running:
        await wait_begun(owner.user.runs, 2)
        children = runners(running.process.pid)
        running.process.kill()
        await running.process.wait()
        psutil.wait_procs(children, timeout=DEADLINE_S)
    assert not [child for child in children if child.is_running()]
    assert await owner.rooms_gone()
