"""lkdiag's side of a participant in a process of its own: start it, hear of it, kill it."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from lkdiag.participant.joining import JoinError

if TYPE_CHECKING:
    from lkdiag.timeline import TrialRecorder

JOIN_TIMEOUT_S = 30.0


class ChildParticipant:
    """A participant (`probe`, `caller` or `human`) whose process can be killed."""

    def __init__(self, recorder: TrialRecorder, who: str) -> None:
        self._recorder = recorder
        self._who = who
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._seen: dict[str, asyncio.Event] = {}

    async def join(self, url: str, token: str, **order: str) -> None:
        """Start the process, and wait until it has joined. Raises JoinError."""
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lkdiag.call.process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is lkdiag's to handle
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(process), name=f"{self._who}'s process")
        await self._send(json.dumps({"who": self._who, "url": url, "token": token, **order}))
        await self._wait_for(f"{self._who}.joined")

    async def attach(self, cleanup: str) -> None:
        """Have the agent in the process register a cleanup. Raises JoinError when it is dead."""
        await self._send(f"attach {cleanup}")
        await self._wait_for("cleanup.attached")

    async def kill(self) -> None:
        """Kill the process, and see that it is dead: nothing in it can do anything any more."""
        if self._process is not None:
            await self._kill(self._process)
            self._recorder.record(f"{self._who}.killed", returncode=self._process.returncode)

    async def wait_connected(self, timeout_s: float) -> None:
        """Give up a join that is still under way: the process is killed. One that has joined is left alone."""
        del timeout_s  # nothing is waited for: a process takes seconds to start
        if self._process is not None and not self._event(f"{self._who}.joined").is_set():
            await self._kill(self._process)

    async def leave(self) -> None:
        """Let it end by itself, or kill it when it does not."""
        process = self._process
        if process is None:
            return
        if process.returncode is None and process.stdin is not None:
            process.stdin.close()
            try:
                async with asyncio.timeout(5.0):
                    await process.wait()
            except TimeoutError:
                await self._kill(process)
        if self._reader is not None:
            await self._reader

    @staticmethod
    async def _kill(process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def _send(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise JoinError(f"the process of the {self._who} has ended") from None

    async def _wait_for(self, kind: str) -> None:
        """Wait for its event of that kind. Raises JoinError when it failed, ended, or took too long."""
        assert self._reader is not None
        seen = asyncio.create_task(self._event(kind).wait())
        failed = asyncio.create_task(self._event(f"{self._who}.join_failed").wait())
        done, pending = await asyncio.wait(
            {seen, failed, self._reader}, timeout=JOIN_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending & {seen, failed}:
            task.cancel()
        if seen not in done:
            raise JoinError(f"the process of the {self._who} did not get to {kind}")

    def _event(self, kind: str) -> asyncio.Event:
        return self._seen.setdefault(kind, asyncio.Event())

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            try:
                told: dict[str, Any] = json.loads(line)
                kind, data = told["kind"], told["data"]
            except (ValueError, KeyError, TypeError):
                continue  # a native library's own words
            self._recorder.record(kind, **data)
            self._event(kind).set()
