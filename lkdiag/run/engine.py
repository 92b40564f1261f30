"""Runs trials in a load shape, and does for each what all have in common: failing, interrupting, closing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

import msgspec

from lkdiag.client.api_client import ApiCallError
from lkdiag.contract import CallFailure
from lkdiag.journal.run_kinds import RunAborted
from lkdiag.journal.trial_kinds import (
    StepBegan,
    TrialCloseFailed,
    TrialCrashed,
    TrialFailed,
    TrialFinished,
    TrialInterrupted,
    TrialPrepared,
)
from lkdiag.run.close import close_leftovers, finish_despite_cancellation
from lkdiag.run.health import health_watched
from lkdiag.run.load_shape import LoadRunner, LoadShape

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping

    from lkdiag.client.api_client import Control
    from lkdiag.journal.recorder import Recorder, TrialRecorder
    from lkdiag.run.load_shape import P


CLOSE_TIMEOUT_S = 30.0
"""After Ctrl-C: how long closing the rooms may take before lkdiag gives up and names those that are left."""
RECHECK_INTERVAL_S = 1.0


class Engine:
    """Runs trials. It knows no scenario: `carry_out` runs one trial."""

    def __init__(self, control: Control, recorder: Recorder, room_prefix: str, server_pid: int | None = None) -> None:
        self._control = control
        self._recorder = recorder
        self._room_prefix = room_prefix
        self._server_pid = server_pid
        self._aborted: str | None = None
        self._is_doubted = False

    async def run(
        self,
        trials: Iterable[P],
        carry_out: Callable[[P], Awaitable[None]],
        stop: asyncio.Event,
        shape: LoadShape | None = None,
    ) -> None:
        """Run the trials until they are done, stopped (`stop`), or the server is gone. Rooms are closed in any case.

        Without a `shape` they run one after another.
        """
        runner = LoadRunner(shape or LoadShape(), self._recorder, carry_out, self._server_answers)
        async with health_watched(self._recorder, self._control, self._server_pid):
            work = asyncio.create_task(runner.run(trials), name="trials")
            stopped = asyncio.create_task(stop.wait(), name="stop")
            try:
                await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not work.done():
                    work.cancel()
                    await asyncio.wait({work}, timeout=CLOSE_TIMEOUT_S)
                stopped.cancel()
                unseen = await close_leftovers(self._control, self._recorder, self._room_prefix)
                if unseen is not None:
                    self._give_up(f"the server did not tell which rooms lkdiag left: {unseen}")
                await asyncio.gather(stopped, return_exceptions=True)
        if work.done() and not work.cancelled():
            work.result()

    def note_unreachable(self) -> None:
        """LiveKit did not answer: before the next trial begins, ask the server whether it is still there."""
        self._is_doubted = True

    async def _server_answers(self) -> bool:
        """False once the server counts as gone (`answers.ServerAbsence`); the run then ends, and says so."""
        while self._is_doubted and not self._aborted:
            try:
                await self._control.list_rooms(self._recorder.for_trial(None), self._room_prefix)
            except ApiCallError as failure:
                if failure.failure is not CallFailure.REFUSED:
                    if gone := self._control.given_up(self._recorder.now_mono_ns()):
                        silent = failure.failure is CallFailure.UNANSWERED
                        self._give_up(f"the server does not answer any more: {failure.reason}" if silent else gone)
                    else:
                        await asyncio.sleep(RECHECK_INTERVAL_S)
                    continue
            self._is_doubted = False
        return self._aborted is None

    def _give_up(self, reason: str) -> None:
        if self._aborted is None:
            self._aborted = reason
            self._recorder.record(RunAborted(reason=reason))


class TrialError(Exception):
    """The trial could not go on; the journal has the reason."""


def fail(
    recorder: TrialRecorder,
    step: str,
    reason: str,
    on_unreachable: Callable[[], None],
    *,
    failure: CallFailure | None = None,
    own: bool = False,
) -> NoReturn:
    """Record why the trial ends here. Raises TrialError. `on_unreachable` is called if LiveKit did not answer.

    `failure` is how the call failed that the trial needs. `own`: lkdiag's own part failed, which says nothing about
    what is tested.
    """
    recorder.record(TrialFailed(step=step, error=reason, failure=failure, own=own or None))
    if failure not in (None, CallFailure.REFUSED):
        on_unreachable()
    raise TrialError(reason)


async def carry_out(
    recorder: TrialRecorder,
    run: Callable[[], Coroutine[Any, Any, None]],
    close: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Run a trial, and close it whatever happens. Raises nothing but CancelledError."""
    try:
        await run()
    except TrialError:
        pass
    except asyncio.CancelledError:
        recorder.record(TrialInterrupted())
        raise
    except Exception as error:
        # an error in lkdiag must neither be blamed on the project nor end the run
        recorder.record(TrialCrashed(error=f"{type(error).__name__}: {error}"))
    finally:
        try:
            await finish_despite_cancellation(close())
        except Exception as error:
            # the observations stay valid; the end of the run looks for leftover rooms again
            recorder.record(TrialCloseFailed(error=f"{type(error).__name__}: {error}"))
        finally:
            recorder.record(TrialFinished())


class TrialState(Protocol):
    """The state that steps work on."""

    @property
    def recorder(self) -> TrialRecorder:
        """The trial's recorder."""


S = TypeVar("S", bound=TrialState)


async def run_steps(
    steps: Iterable[msgspec.Struct],
    table: Mapping[type, Callable[[S, Any], Awaitable[None]]],
    state: S,
    *,
    under_test: type,
    hidden: tuple[type, ...] = (),
) -> None:
    """Run a scenario's steps in order. An exception in a step ends them.

    If there are steps before the first one of type `under_test`, `trial.prepared` is recorded after them. Steps of the
    types `hidden` are not recorded: they break something on purpose.
    """
    prelude = prepared = False
    for step in steps:
        if isinstance(step, under_test) and prelude and not prepared:
            state.recorder.record(TrialPrepared())
        prepared = prepared or isinstance(step, under_test)
        prelude = True
        if not isinstance(step, hidden):
            words = msgspec.to_builtins(step)
            state.recorder.record(StepBegan(**words))
        await table[type(step)](state, step)
