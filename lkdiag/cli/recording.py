"""A run's beginning and end: its id, its folder, its journal, its signals."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import platform
import secrets
import shlex
import signal
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from lkdiag import __version__
from lkdiag.cli.messages import Shield, described, say
from lkdiag.cli.secrets import KEY_OPTIONS
from lkdiag.errors import ExitCode, LkdiagError
from lkdiag.journal.file import FILE_NAME, SCHEMA, JournalWriter
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.run_kinds import (
    RunAborted,
    RunCrashed,
    RunFinished,
    RunGivenUp,
    RunInterrupted,
    RunStarted,
    ScenarioRead,
    WatchStopped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from pathlib import Path

    from lkdiag.journal.event import Event
    from lkdiag.scenario.script import DispatchScript, TeardownScript
    from lkdiag.scenario.shard import Shard
    from lkdiag.scenario.watch import WatchScript


T = TypeVar("T")
SDKS = ("livekit", "livekit-api", "livekit-protocol")


GIVEN_UP = "given up at once: rooms may be left; they close by themselves when their timeouts have passed"


@dataclass(frozen=True)
class Recording:
    """A run that is being recorded."""

    run_id: str
    folder: Path
    recorder: Recorder
    journal: JournalWriter


def new_run_id() -> str:
    """The time in UTC and four hex digits, so that it sorts by time: `20260821-142706-7f3a`."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@contextlib.contextmanager
def record_run(
    runs_dir: Path,
    script: DispatchScript | TeardownScript | WatchScript,
    project_host: str,
    command: str,
    watchers: Sequence[Callable[[Event], object]],
    *,
    shard: Shard | None = None,
    merged: dict[str, Any] | None = None,
    run_id: str | None = None,
    secret: str | None = None,
) -> Iterator[Recording]:
    """Open the journal of a new run. Raises UsageError when it can't be written.

    A watcher that crashes does not affect the run. `shard` is the share that this process runs; `merged` says which
    shards make up the run. `secret` is the project's: no event contains it.
    """
    run_id = run_id or new_run_id()
    folder = runs_dir / run_id
    with JournalWriter(folder / FILE_NAME) as journal:
        shield = Shield()
        recorder = shield.recorder = Recorder(
            journal.write, *map(shield.around, watchers), wall_ns=time.time_ns, mono_ns=time.monotonic_ns
        )
        if secret is not None:
            recorder.hide(secret)
        recorder.record(
            RunStarted(
                schema=SCHEMA,
                run_id=run_id,
                lkdiag_version=__version__,
                scenario=script.name,
                kind=script.kind,
                title=script.title,
                reported=script.head.report or None,
                expect=_expected(script),
                command=command,
                options=msgspec.to_builtins(script.settings),
                project_host=project_host,
                sdk={name: importlib.metadata.version(name) for name in SDKS},
                python=platform.python_version(),
                os=_system(),
                shard=_share(script, shard),
                merged=merged,
            )
        )
        recorder.record(ScenarioRead(text=script.text))
        yield Recording(run_id, folder, recorder, journal)


def _share(script: DispatchScript | TeardownScript | WatchScript, shard: Shard | None) -> dict[str, Any] | None:
    from lkdiag.run.plan import Role, plan_trials
    from lkdiag.scenario.script import DispatchScript

    if shard is None or not isinstance(script, DispatchScript):
        return None
    if script.settings.duration_s is not None:
        return shard.recorded()
    roles = Counter(trial.role for trial in plan_trials(script.settings, script.cases, shard) if not trial.warmup)
    return shard.recorded(subject=roles[Role.SUBJECT], control=roles[Role.CONTROL])


def _expected(script: DispatchScript | TeardownScript | WatchScript) -> dict[str, Any] | None:
    """What the scenario's file expects of its trials; None where it says nothing."""
    expect = msgspec.to_builtins(script.expect)
    return expect if script.expect != type(script.expect)() else None


def command_line(extra: Sequence[str] = ()) -> str:
    """The command that repeats this one: as it was typed, without credentials, and with `extra` options."""
    words = ["lkdiag"]
    arguments = iter(sys.argv[1:])
    for argument in arguments:
        name, has_value, _ = argument.partition("=")
        if name in KEY_OPTIONS:
            if not has_value:
                next(arguments, None)
            continue
        words.append(argument)
    return shlex.join([*words, *extra])


async def until_stopped(work: Coroutine[Any, Any, T], begun: asyncio.Event, stop: asyncio.Event) -> T | None:
    """The result of the work. When stopped, what has begun ends in good order; else it is cancelled: None."""
    task = asyncio.create_task(work, name="run")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not begun.is_set():
        task.cancel()
    await asyncio.wait({task, stopped})
    return None if task.cancelled() else task.result()


async def carry_out(
    recording: Recording, work: Coroutine[Any, Any, None], begun: asyncio.Event, stop: asyncio.Event
) -> None:
    """Carry a run's work out until it is stopped, and record how it ended. Raises LkdiagError where it gave up."""
    recorder = recording.recorder
    recording.journal.on_failure = stop.set
    try:
        await until_stopped(work, begun, stop)
    except LkdiagError as error:
        recorder.record(RunAborted(reason=error.message))
        raise
    except Exception as error:
        # a fault of lkdiag's own: what was seen until then is still worth a report
        recorder.record(RunCrashed(reason=f"lkdiag failed: {described(error)}", trace=traceback.format_exc()))
    finally:
        recorder.record(RunFinished())


def written(recording: Recording, what: str = "run") -> Path:
    """The journal's path, once it is closed. Raises LkdiagError where it could not be written to the end."""
    if (failure := recording.journal.failure) is not None:
        raise LkdiagError(
            f"the journal can't be written any further: {failure.strerror}; the {what} was ended",
            f"make room, or choose another --runs-dir. What was seen: lkdiag report {recording.run_id}",
        )
    return recording.folder / FILE_NAME


@contextlib.contextmanager
def stop_on_signals(
    recorder: Callable[[], Recorder],
    stop: asyncio.Event,
    *,
    recorded_as: type[RunInterrupted | WatchStopped] = RunInterrupted,
    message: str = "interrupted: closing the rooms …",
    second_message: str = GIVEN_UP,
) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP set `stop`: rooms are closed, a report is made. A second one ends it at once.

    The first is recorded as an event of the kind `recorded_as`, and shows `message`; the second shows `second_message`,
    unless it is empty. `recorder` is called when a signal is handled. That is at the next `await`, so the journal may
    be opened meanwhile.
    """

    def first(number: signal.Signals) -> None:
        recorder().record(recorded_as(signal=number.name))
        say(f"{message} (once more gives up at once)")

    def second(number: signal.Signals) -> None:
        recorder().record(RunGivenUp(signal=number.name))
        if second_message:
            say(second_message)

    with handle_signals(stop, first, second):
        yield


@contextlib.contextmanager
def handle_signals(
    stop: asyncio.Event, first: Callable[[signal.Signals], None], second: Callable[[signal.Signals], None]
) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP call `first` and set `stop`; another one calls `second` and ends the process."""
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            second(number)
            os._exit(ExitCode.INTERRUPTED)
        first(number)
        stop.set()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    # ignored by nohup, or by a shell that started lkdiag in the background
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _system() -> str:
    name = f"{platform.system()} {platform.release()} {platform.machine()}"
    with contextlib.suppress(OSError):
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {name}"
    return name
