"""What every trial has around it, whatever it is about: how it fails, how it is interrupted, and that it is closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

from lkdiag.control import CallFailure
from lkdiag.trial.close import see_through

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from lkdiag.timeline import TrialRecorder


class TrialError(Exception):
    """The trial could not be carried out any further; the journal has the reason."""


def fail(
    recorder: TrialRecorder,
    step: str,
    reason: str,
    on_unreachable: Callable[[], None],
    *,
    failure: CallFailure | None = None,
    own: bool = False,
) -> NoReturn:
    """Record why the trial ends here. Raises TrialError. `on_unreachable` is called when LiveKit was not heard.

    `failure` is that of the call without which it can't go on. `own`: lkdiag's own part failed, which says nothing of
    what is tried.
    """
    recorder.record("trial.failed", step=step, error=reason, failure=failure, own=own or None)
    if failure not in (None, CallFailure.REFUSED):
        on_unreachable()
    raise TrialError(reason)


async def carry_out(
    recorder: TrialRecorder,
    play: Callable[[], Coroutine[Any, Any, None]],
    close: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Play a trial, and close it whatever happens. Raises nothing but CancelledError."""
    try:
        await play()
    except TrialError:
        pass
    except asyncio.CancelledError:
        recorder.record("trial.interrupted")
        raise
    except Exception as error:
        # a fault of lkdiag's own must not become anybody else's, nor end the run
        recorder.record("trial.crashed", error=f"{type(error).__name__}: {error}")
    finally:
        try:
            await see_through(close())
        except Exception as error:
            # what was seen stands; the rooms are looked for once more when the run ends
            recorder.record("trial.close_failed", error=f"{type(error).__name__}: {error}")
        finally:
            recorder.record("trial.finished")
