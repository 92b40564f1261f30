"""A real livekit-agents worker, a machine that is really busy: the dispatches that it loses, and what lkdiag says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from livekit.agents.utils.hw import get_cpu_monitor

from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = [
    pytest.mark.server,
    pytest.mark.alone,
    pytest.mark.skipif(not hasattr(os, "nice"), reason="without nice the stress would starve lkdiag as well"),
]

AGENT = Path(__file__).with_name("busy_agent.py")
NAME = "busy"
THRESHOLD = 0.9
"""The load of the whole machine: the stress exceeds it at once, other processes during the tests rarely do."""
FULL = "worker is at full capacity, marking as unavailable"
AVAILABLE = "worker is below capacity, marking as available"
STRESS_S = 120
"""A burner ends by itself after that, whatever became of the test."""
BURN = f"import os, time\nos.nice(19)\nend = time.monotonic() + {STRESS_S}\nwhile time.monotonic() < end: pass"
BRIEF = ("--timeout", "4", "--fallback-timeout", "2", "--warmup", "0", "--format", "json")
TRIALS = ("--agent-name", NAME, "--control", "--control-share", "0.5", "-n", "4", "-c", "4", *BRIEF)
"""Four against four is the least that Fisher's exact test can tell."""


class WorkerLog:
    """A worker's log: each line goes into the file as it comes, and can be waited for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._messages: list[str] = []
        self._grown = asyncio.Condition()
        self._ended = False

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Until the worker ends."""
        with self.path.open("ab", buffering=0) as file:
            async for line in stream:
                file.write(line)
                with contextlib.suppress(ValueError):
                    await self._note(json.loads(line)["message"])
        self._ended = True
        await self._note("")

    async def _note(self, message: str) -> None:
        async with self._grown:
            self._messages.append(message)
            self._grown.notify_all()

    async def says_last(self, message: str, *of: str) -> None:
        """Wait until this is the last that it says, of all these messages."""

        def last() -> str | None:
            return next((said for said in reversed(self._messages) if said in (message, *of)), None)

        async with asyncio.timeout(DEADLINE_S), self._grown:
            await self._grown.wait_for(lambda: self._ended or last() == message)
        if self._ended:
            pytest.fail("the livekit-agents worker ended:\n" + self.path.read_text()[-2000:])


@contextlib.asynccontextmanager
async def busy_agent(witness: Witness, folder: Path) -> AsyncIterator[WorkerLog]:
    """A worker in production mode, registered while the block lasts, and its log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(AGENT), "start",
        env={**os.environ, **witness.environment(), "AGENT_NAME": NAME, "LOAD_THRESHOLD": str(THRESHOLD)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    log = WorkerLog(folder / "worker.log")
    follow = asyncio.create_task(log.follow(process.stdout))
    try:
        await log.says_last("registered worker")
        yield log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with whatever processes it has started
        await process.wait()
        await follow


@contextlib.asynccontextmanager
async def stress() -> AsyncIterator[None]:
    """Every core busy while the block lasts, by processes that leave it to whoever else wants it."""
    # as many cores as the worker counts: in a container perhaps fewer than the machine has
    burners: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(math.ceil(get_cpu_monitor().cpu_count())):
            burners.append(await asyncio.create_subprocess_exec(sys.executable, "-c", BURN))  # noqa: PERF401
        yield
    finally:
        for burner in burners:
            with contextlib.suppress(ProcessLookupError):
                burner.kill()
            await burner.wait()


def assert_only_the_worker_fails(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Its lost trials."""
    lost = [trial for trial in report["trials"] if trial["role"] == "subject"]
    control = [trial for trial in report["trials"] if trial["role"] == "control"]
    assert [(t["outcome"], t["state"], t["mismatch"], t["fallback"]) for t in lost] == [
        ("dropped", "no-job", None, "lost")
    ] * 4
    assert [(t["outcome"], t["mismatch"]) for t in control] == [("delivered", None)] * len(control)
    assert len(control) >= 4
    said = {finding["check"]: finding["title"] for finding in report["findings"]}
    assert said["control-comparison"] == "only the subject is affected: the worker"
    return lost


async def test_a_busy_worker_loses_its_dispatches_and_is_told_from_the_platform(
    witness: Witness, lkdiag: Run, tmp_path: Path
) -> None:
    environment = witness.environment()
    async with busy_agent(witness, tmp_path) as log:
        log_option = ("--worker-log", str(log.path))
        async with stress():
            await log.says_last(FULL, AVAILABLE)
            done = await lkdiag(environment, "dispatch-trial", *TRIALS, *log_option)
            assert done.code == 1, done.stderr + done.stdout
            for trial in assert_only_the_worker_fails(done.report):
                # others stay possible where it began just now: the clocks of two machines may be a second apart
                assert trial["diagnosis"]["causes"][0] == "worker-full", trial["diagnosis"]
                assert "over its load limit" in trial["diagnosis"]["statement"]
                assert any(FULL in sentence for sentence in trial["diagnosis"]["speaks_for"])

            without = await lkdiag(environment, "dispatch-trial", *TRIALS)
            assert without.code == 1, without.stderr + without.stdout
            for trial in assert_only_the_worker_fails(without.report):
                assert "worker-full" in trial["diagnosis"]["causes"]
                assert len(trial["diagnosis"]["causes"]) > 1, "from outside many causes look alike"
                assert any("the control was fine" in said for said in trial["diagnosis"]["speaks_against"])
                assert any("--worker-log" in said for said in trial["diagnosis"]["would_tell"])

            (run,) = without.runs.iterdir()
            again = await lkdiag(environment, "report", str(run), *log_option, "--format", "json")
            for trial in assert_only_the_worker_fails(again.report):
                assert trial["diagnosis"]["causes"][0] == "worker-full", trial["diagnosis"]
        if await asyncio.to_thread(get_cpu_monitor().cpu_percent, 2.0) > THRESHOLD / 2:
            pytest.skip("others keep this machine busy: the worker may never be available again")
        await log.says_last(AVAILABLE, FULL)
        after = await lkdiag(environment, "dispatch-trial", "--agent-name", NAME, "-n", "4", *BRIEF)
        # one at least: before each answer the worker measures its load again, and what else runs here may be as busy
        assert "delivered" in {trial["outcome"] for trial in after.report["trials"]}, after.stdout
    assert await witness.rooms() == []
