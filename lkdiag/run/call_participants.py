"""The participants of a call: its agent, and participants in separate processes, which can be killed.

Run as a module, this file is such a process. It reads one line of JSON from stdin, then commands, one a line, and
writes its events to stdout, one line of JSON each. It ends when stdin does, so that it never outlives lkdiag.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from lkdiag.client.api_client import Control
from lkdiag.client.media import MediaParticipant
from lkdiag.client.participant import JoinError
from lkdiag.journal.call_kinds import CleanupAttached
from lkdiag.journal.participant_kinds import Joined, JoinFailed, Killed
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.row import Row, row_of
from lkdiag.run.call_session import AgentSession, JobContext
from lkdiag.run.cleanups import INSIDE
from lkdiag.settings import Credentials

if TYPE_CHECKING:
    from collections.abc import Collection

    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import TrialRecorder


class Agent:
    """The AI agent of a call: a participant with a session, in which a cleanup may be registered."""

    def __init__(self, recorder: TrialRecorder, control: Control, room: str) -> None:
        self._participant = MediaParticipant(recorder, "probe")
        self.session = AgentSession(JobContext(room, control, recorder))

    async def join(self, url: str, token: str) -> None:
        """Join. Raises JoinError."""
        self._participant.on_participant_left = self.session.participant_disconnected
        await self._participant.join(url, token)

    async def wait_sees(self, identities: Collection[str], timeout_s: float) -> bool:
        """Whether the agent's own client knows of these people. It can't notice the leave of anybody else."""
        return await self._participant.wait_sees(identities, timeout_s)

    def attach(self, cleanup: str) -> None:
        """Register the cleanup after the merge, if it is one that runs in the agent."""
        if cleanup in INSIDE:
            INSIDE[cleanup](self.session)

    def close_session(self) -> None:
        """End the session and its job context; the room connection stays."""
        self.session.close()

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait until a join in progress has succeeded or failed, or the time is up."""
        await self._participant.wait_connected(timeout_s)

    async def leave(self) -> None:
        """End the room connection."""
        await self._participant.leave()


# lkdiag's side of a participant in a process of its own: start it, hear of it, kill it.

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
            sys.executable, "-m", "lkdiag.run.call_participants",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # lkdiag itself handles a Ctrl-C in the terminal
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(process), name=f"{self._who}'s process")
        await self._send(json.dumps({"who": self._who, "url": url, "token": token, **order}))
        await self._wait_for(Joined.for_who(self._who))

    async def attach(self, cleanup: str) -> None:
        """Have the agent in the process register a cleanup. Raises JoinError if the process has ended."""
        await self._send(f"attach {cleanup}")
        await self._wait_for(CleanupAttached)

    async def kill(self) -> None:
        """Kill the process, and wait until it has ended."""
        if self._process is not None:
            await self._kill(self._process)
            self._recorder.record(Killed.for_who(self._who)(returncode=self._process.returncode))

    async def wait_connected(self, timeout_s: float) -> None:
        """Give up a join in progress by killing the process. A participant that has joined stays."""
        del timeout_s  # nothing is waited for: a process takes seconds to start
        if self._process is not None and not self._event(Joined.for_who(self._who).KIND).is_set():
            await self._kill(self._process)

    async def leave(self) -> None:
        """Let the process end by itself, or kill it."""
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

    async def _wait_for(self, row: type[Row]) -> None:
        """Wait for the event of that kind. Raises JoinError if the process failed, ended, or took too long."""
        assert self._reader is not None
        seen = asyncio.create_task(self._event(row.KIND).wait())
        failed = asyncio.create_task(self._event(JoinFailed.for_who(self._who).KIND).wait())
        done, pending = await asyncio.wait(
            {seen, failed, self._reader}, timeout=JOIN_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending & {seen, failed}:
            task.cancel()
        if seen not in done:
            raise JoinError(f"the process of the {self._who} did not get to {row.KIND}")

    def _event(self, kind: str) -> asyncio.Event:
        return self._seen.setdefault(kind, asyncio.Event())

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            try:
                event: dict[str, Any] = json.loads(line)
                kind, data = event["kind"], event["data"]
            except (ValueError, KeyError, TypeError):
                continue  # output of a native library
            self._recorder.record(row_of(kind, data))
            self._event(kind).set()


def _write(event: Event) -> None:
    sys.stdout.write(json.dumps({"kind": event.kind, "data": event.data}) + "\n")
    sys.stdout.flush()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    order: dict[str, Any] = json.loads(await commands.readline())
    recorder = Recorder(_write, wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(None)
    async with AsyncExitStack() as stack:
        try:
            if order["who"] == "probe":
                credentials = Credentials(order["url"], order["api_key"], order["api_secret"], "lkdiag")
                control = await stack.enter_async_context(Control(credentials))
                agent = Agent(recorder, control, order["room"])
                stack.push_async_callback(agent.leave)
                await agent.join(order["url"], order["token"])
                while command := (await commands.readline()).decode().split():
                    if command[0] == "attach":
                        agent.attach(command[1])
                        recorder.record(CleanupAttached(cleanup=command[1]))
            else:
                participant = MediaParticipant(recorder, order["who"])
                stack.push_async_callback(participant.leave)
                await participant.join(order["url"], order["token"])
                await participant.publish_audio()
                await commands.read()
        except JoinError:
            return  # its event says so


if __name__ == "__main__":
    asyncio.run(_main())
