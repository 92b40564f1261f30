"""A real Dask scheduler and its workers, as processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path


@dataclass
class Dask:
    """A scheduler, and what was started for it."""

    root: Path
    address: str = ""
    workers: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, name: str, *arguments: str, environ: Mapping[str, str]) -> asyncio.subprocess.Process:
        """One process of Dask's, in a folder of its own; what it says goes into a file."""
        folder = self.root / name
        folder.mkdir()
        with (self.root / f"{name}.log").open("wb") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", *arguments,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **environ},
                cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def logs(self) -> str:
        """Everything that scheduler and workers have said and left."""
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return "\n".join(path.read_text(errors="replace") for path in files)


@contextlib.asynccontextmanager
async def dask(root: Path, environs: list[Mapping[str, str]]) -> AsyncIterator[Dask]:
    """A scheduler with one worker for each environment; all gone when the block is left."""
    await asyncio.to_thread(root.mkdir)
    cluster = Dask(root)
    file = root / "scheduler.json"
    common = ("--scheduler-file", str(file), "--no-dashboard")
    scheduler = await cluster.start(
        "scheduler", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *common, environ={}
    )
    try:
        cluster.address = (await _written(file))["address"]
        for number, environ in enumerate(environs):
            worker = ("distributed.cli.dask_worker", *common, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
            cluster.workers.append(await cluster.start(f"worker-{number}", *worker, environ=environ))
        await _wait_workers(root, cluster, len(environs))
        yield cluster
    finally:
        for process in (*cluster.workers, scheduler):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _written(file: Path) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            with contextlib.suppress(OSError, ValueError):
                found = json.loads(await asyncio.to_thread(file.read_text))
                return dict(found)
            await asyncio.sleep(0.02)


async def _wait_workers(root: Path, cluster: Dask, count: int) -> None:
    """Until each has said that it is registered."""
    logs = [root / f"worker-{number}.log" for number in range(count)]
    async with asyncio.timeout(DEADLINE_S):
        while not all("Registered to" in log.read_text() for log in logs):
            assert all(worker.returncode is None for worker in cluster.workers), cluster.logs()
            await asyncio.sleep(0.02)
