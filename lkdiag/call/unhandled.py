"""Hears of exceptions that nobody awaited, as Node's `unhandledRejection` does, and records them in their trial."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.timeline import TrialRecorder


class UnhandledErrors:
    """The loop's exception handler, for the time of a run."""

    def __init__(self) -> None:
        self._recorders: dict[str, TrialRecorder] = {}

    def belongs(self, task_name: str, recorder: TrialRecorder) -> None:
        """Errors of tasks of that name belong to that trial."""
        self._recorders[task_name] = recorder

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Install it, and put the old one back afterwards."""
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
        recorder.record("error.unhandled", error=f"{type(error).__name__}: {error}", message=context["message"])
