"""The session of a call's agent with its job context, and the handler of exceptions that nobody awaited."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkdiag.client.api_client import ApiCallError
from lkdiag.journal.call_kinds import (
    AgentLogged,
    AgentSessionClosed,
    CleanupCalled,
    CleanupDeletedRoom,
    CleanupRaised,
    ErrorUnhandled,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from lkdiag.client.api_client import Control
    from lkdiag.journal.recorder import TrialRecorder


class NoJobContextError(RuntimeError):
    """The job context was looked up after it was cleared. The text is livekit-agents' own (job.py, get_job_context)."""

    def __init__(self) -> None:
        super().__init__("no job context found, are you running this code inside a job entrypoint?")


@dataclass(frozen=True)
class JobContext:
    """What a job may do while it runs: here, to delete its room."""

    room: str
    control: Control
    recorder: TrialRecorder

    async def delete_room(self) -> None:
        """Delete the caller room. Raises ApiCallError."""
        await self.control.delete_room(self.recorder, self.room)
        self.recorder.record(CleanupDeletedRoom(room=self.room))


class AgentSession:
    """An agent's session. As in LiveKit's SDKs, closing it clears the job context; the room connection stays."""

    def __init__(self, context: JobContext) -> None:
        self._context: JobContext | None = context
        self._recorder = context.recorder
        self._room = context.room
        self._listeners: list[Callable[[str], Awaitable[None]]] = []
        self._running: set[asyncio.Task[None]] = set()

    def job_context(self) -> JobContext:
        """The job context. Raises NoJobContextError once the session is closed."""
        if self._context is None:
            raise NoJobContextError
        return self._context

    def job_context_or_none(self) -> JobContext | None:
        """The job context, or None once the session is closed."""
        return self._context

    def log(self, text: str) -> None:
        """What the agent writes into its log."""
        self._recorder.record(AgentLogged(text=text))

    def on_participant_disconnected(self, listener: Callable[[str], Awaitable[None]]) -> None:
        """Call `listener` with the identity of each participant that leaves the caller room."""
        self._listeners.append(listener)

    def participant_disconnected(self, identity: str) -> None:
        """Call the listeners because a participant has left. As in the SDKs, nobody awaits them.

        Each is called once. The SDKs' listener removes itself first, because otherwise its own deletion of the room
        would call it again.
        """
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            task = asyncio.create_task(self._call(listener, identity), name=listener_name(self._room))
            self._running.add(task)
            # held only while it runs: dropping it with its exception calls the loop's exception handler
            task.add_done_callback(self._running.discard)

    def close(self) -> None:
        """End the session (reason `transfer_completed` in the report), and with it the job context."""
        self._context = None
        self._recorder.record(AgentSessionClosed(reason="transfer_completed"))

    async def _call(self, listener: Callable[[str], Awaitable[None]], identity: str) -> None:
        self._recorder.record(CleanupCalled(identity=identity))
        try:
            await listener(identity)
        except Exception as error:
            failure = error.failure if isinstance(error, ApiCallError) else None
            self._recorder.record(CleanupRaised(error=f"{type(error).__name__}: {error}", failure=failure))
            raise


def listener_name(room: str) -> str:
    """The name of the tasks in which a room's listeners run. It links an unhandled error to its trial."""
    return f"participant_disconnected listener of {room}"


class UnhandledErrors:
    """The loop's exception handler during a run: records exceptions that nobody awaited in their trial.

    It is what `unhandledRejection` is in Node.
    """

    def __init__(self) -> None:
        self._recorders: dict[str, TrialRecorder] = {}

    def belongs(self, task_name: str, recorder: TrialRecorder) -> None:
        """Record errors of tasks with that name in that trial."""
        self._recorders[task_name] = recorder

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Install the handler, and restore the previous one afterwards."""
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        loop.set_exception_handler(self._handle)
        try:
            yield
        finally:
            loop.set_exception_handler(before)

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        task, error = context.get("future") or context.get("task"), context.get("exception")
        recorder = self._recorders.get(task.get_name()) if isinstance(task, asyncio.Task) else None
        if recorder is None or error is None:
            loop.default_exception_handler(context)
            return
        recorder.record(ErrorUnhandled(error=f"{type(error).__name__}: {error}", message=context["message"]))
