"""`--processes N`: runs each shard in a separate process on this machine, spawned, never forked."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lkdiag.shard.node import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lkdiag.shard.node import Project, Request

ENDS_WITHIN_S = 60.0
"""After Ctrl-C: each process closes its own rooms, which takes at most 30 s."""


class Processes:
    """Runs shards in parallel. If a process is killed, only its own shard is lost."""

    def __init__(
        self, project: Project, folder: Path, tell: Callable[[str], None], server_pid: int | None = None
    ) -> None:
        self._project = project
        self._folder = folder
        self._server_pid = server_pid
        self._tell = tell

    async def run(self, requests: Sequence[Request], stop: asyncio.Event) -> dict[int, str]:
        """Run the shards until all have ended; `stop` ends them early.

        Returns, by shard, what happened to those that did not end by themselves.
        """
        children = [await self._start(request) for request in requests]
        try:
            watched = [
                asyncio.create_task(self._watch(request, child))
                for request, child in zip(requests, children, strict=True)
            ]
            ended = asyncio.gather(*watched)
            stopped = asyncio.create_task(stop.wait())
            either: set[asyncio.Future[Any]] = {ended, stopped}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not ended.done():
                _signal(children, signal.SIGTERM)
                await asyncio.wait({ended}, timeout=ENDS_WITHIN_S)
        finally:
            _signal(children, signal.SIGKILL)
        codes = await ended
        return {
            request.shard.index: f"its process was killed by {signal.Signals(-code).name}"
            for request, code in zip(requests, codes, strict=True)
            if code < 0
        }

    async def _start(self, request: Request) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable, *COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is passed on once, not twice
        )  # fmt: skip
        assert child.stdin is not None
        own = replace(request, project=self._project, runs_dir=str(self._folder), server_pid=self._server_pid)
        child.stdin.write(own.encoded())
        with contextlib.suppress(ConnectionError):  # it ended at once: its exit code says why
            await child.stdin.drain()
        return child

    async def _watch(self, request: Request, child: asyncio.subprocess.Process) -> int:
        """Wait for its exit code. Its stdin stays open: when this process ends, the child notices and ends too."""
        assert child.stderr is not None
        async for line in child.stderr:
            self._tell(f"shard {request.shard.index}: {line.decode(errors='replace').rstrip()}")
        return await child.wait()


def _signal(children: Sequence[asyncio.subprocess.Process], number: signal.Signals) -> None:
    for child in children:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)
