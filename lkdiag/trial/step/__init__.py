"""The steps of a dispatch trial, one file a concern: what a scenario's words do on a real server.

To add one: its type in `scenario/step.py`, a function here in a file of its concern, and a line in STEPS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.scenario import step as words
from lkdiag.trial.step import dispatch, person, room, wait, worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.trial.stage import Stage

STEPS: dict[type, Callable[[Stage, Any], Awaitable[None]]] = {
    words.CreateRoom: room.create,
    words.DeleteRoom: room.delete,
    words.Dispatch: dispatch.dispatch,
    words.Watch: wait.watch,
    words.Fallback: dispatch.fall_back,
    words.Retry: dispatch.retry,
    words.Join: person.join,
    words.Leave: person.leave,
    words.AskClient: person.ask_client,
    words.Pause: wait.pause,
    words.WaitFor: wait.wait_for,
    words.RegisterWorker: worker.register,
    words.StopWorker: worker.stop,
    words.ChangeWorker: worker.change,
}
