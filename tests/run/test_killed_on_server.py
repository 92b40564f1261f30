"""lkdiag, killed in the middle of its grid: what it made is found by `sweep`, and nothing else is touched."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from livekit import api

from lkdiag.journal.file import read_journal
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = pytest.mark.server

THEIRS = (
    "lkdiag",
    "lkdiag-",
    "lkdiag-demo-001",
    "lkdiag-20260821-120000-zzzz-001",
    "my-lkdiag-20260821-120000-abcd-001",
)
MOMENTS = (
    ("worker.registered", 1),
    ("room.created", 1),
    ("room.created", 6),
    ("job.assigned", 2),
    ("probe.joined", 3),
    ("human.joined", 2),
    ("call.merged", 3),
    ("call.hung_up", 2),
    ("cleanup.called", 1),
    ("room.closed", 2),
)
"""Kill when the journal has the n-th event of that kind."""


async def signal_at(witness: Witness, runs: Path, kind: str, number: int, sent: signal.Signals) -> tuple[str, int]:
    """Start the grid, signal it at that moment; the run's id, and how it ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lkdiag", "transfer-teardown", "--quiet", "-c", "4",
        env={**os.environ, **witness.environment(), "LKDIAG_RUNS_DIR": str(runs)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=runs.parent,
    )  # fmt: skip
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                if events_of(runs, kind) >= number:
                    break
                await asyncio.sleep(0.005)
    finally:
        process.send_signal(sent)
        code = await process.wait()
    (journal,) = journals(runs)
    return journal.parent.name, code


def journals(runs: Path) -> list[Path]:
    return list(runs.glob("*/journal.jsonl"))


def events_of(runs: Path, kind: str) -> int:
    """How many events of that kind stand in the run's journal so far."""
    return sum(f'"kind":"{kind}"' in line for path in journals(runs) for line in path.read_text().splitlines())


def working_in(folder: Path) -> list[psutil.Process]:
    """lkdiag's processes, which work where lkdiag itself was started."""
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(folder.resolve())]


async def settled_rooms(witness: Witness) -> list[str]:
    """The server's rooms, once it has carried out what the killed lkdiag had asked for last."""
    before: list[str] = ["unknown"]
    while (now := sorted(await witness.rooms())) != before:
        before = now
        await asyncio.sleep(0.2)
    return now


@pytest.mark.parametrize(("kind", "number"), MOMENTS)
async def test_every_room_is_found_and_no_other_is_touched(
    witness: Witness, lkdiag: Run, tmp_path: Path, kind: str, number: int
) -> None:
    async with witness.api() as client:
        for name in THEIRS:
            await client.room.create_room(api.CreateRoomRequest(name=name, empty_timeout=600))
    runs = tmp_path / "killed"
    run_id, _ = await signal_at(witness, runs, kind, number, signal.SIGKILL)
    left = {name for name in await settled_rooms(witness) if name not in THEIRS}
    assert left or kind != "room.created", "it was killed as soon as it had made a room"
    swept = await lkdiag(witness.environment(), "sweep", "--run", run_id, "--format", "json")
    assert swept.code == (1 if left else 0), swept.stderr
    assert {room["room"] for room in json.loads(swept.stdout)["rooms"]} == left
    deleted = await lkdiag(witness.environment(), "sweep", "--run", run_id, "--delete", "--format", "json")
    assert deleted.code == 0, deleted.stderr
    assert sorted(await witness.rooms()) == sorted(THEIRS)
    judged = await lkdiag({"LKDIAG_RUNS_DIR": ""}, "report", str(runs / run_id), "-f", "json")
    assert judged.code == 130
    assert judged.report["run"]["interrupted"] is True
    check_unfinished(judged.report, runs)


def check_unfinished(report: dict[str, Any], runs: Path) -> None:
    """No call that the kill has cut is judged."""
    (journal,) = journals(runs)
    events = read_journal(journal).events
    finished = {event.trial for event in events if event.kind == "trial.finished"}
    for trial in report["trials"]:
        assert (trial["index"] in finished) or trial["outcome"] == "inconclusive", trial


@pytest.mark.parametrize(("kind", "number"), [("room.created", 3), ("call.merged", 2), ("call.hung_up", 2)])
async def test_ctrl_c_leaves_no_room_and_no_process(
    witness: Witness, lkdiag: Run, tmp_path: Path, kind: str, number: int
) -> None:
    runs = tmp_path / "interrupted"
    _, code = await signal_at(witness, runs, kind, number, signal.SIGINT)
    assert code == 130
    assert await witness.rooms() == []
    (journal,) = journals(runs)
    report = (await lkdiag({}, "report", str(journal), "-f", "json")).report
    assert report["run"]["interrupted"] is True
    assert not any(room["still_there"] for room in report["leftover_rooms"])
    check_unfinished(report, runs)
    assert working_in(tmp_path) == []
