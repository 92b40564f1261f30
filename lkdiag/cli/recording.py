"""A run's beginning and end as the command line sees them: its id, folder, journal and signals; lkdiag's own faults."""

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
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from lkdiag import __version__
from lkdiag.cli.messages import say
from lkdiag.errors import ExitCode, LkdiagError, first_of, kind_and_place, place_of
from lkdiag.journal.file import FILE_NAME, SCHEMA, JournalWriter
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.run_kinds import RunGivenUp, RunInterrupted, RunStarted, ScenarioRead, WatcherCrashed, WatchStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lkdiag.journal.event import Event
    from lkdiag.scenario.script import DispatchScript, TeardownScript
    from lkdiag.scenario.shard import Shard
    from lkdiag.scenario.watch import WatchScript


# Keeps what only shows a run (a tally, a line, a metric) from reaching the run: a crash there must not end a trial.

T = TypeVar("T")


class Shield:
    """Records the first crash as `watcher.crashed`, and tells it once on stderr. The watchers are called further."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        """Where crashes are recorded, once there is one."""
        self._told = False

    def around(self, watcher: Callable[[T], object]) -> Callable[[T], None]:
        """The watcher, without its crashes."""

        def shielded(value: T) -> None:
            try:
                watcher(value)
            except Exception as error:
                self.tell(kind_and_place(error))

        return shielded

    def tell(self, what: str) -> None:
        """Record and tell a crash, if it is the first one."""
        if self._told:
            return
        self._told = True
        if self.recorder is not None:
            self.recorder.record(WatcherCrashed(error=what))
        say(
            f"warning: lkdiag itself failed while it showed the run ({what}); the run goes on, and its report does not "
            "rest on that. Please report it at lkdiag's own tracker"
        )


# What is said when lkdiag itself fails: no traceback, but enough to find the place by.

PLEASE_REPORT = "this is a fault of lkdiag's own: please report it at lkdiag's own tracker"


def own_fault(error: BaseException) -> LkdiagError:
    """A fault of lkdiag's own as an error for the user. Its exit code is 4: it is no verdict, and no wrong usage."""
    return LkdiagError(f"lkdiag failed: {described(error)}", PLEASE_REPORT)


def described(error: BaseException) -> str:
    """Kind, text and place: `KeyError: 'role' (lkdiag/facts/dispatch.py:83)`. Of a group, its first error."""
    from lkdiag.privacy.secrets import scrub

    error = first_of(error)
    text, place = scrub(str(error)), place_of(error)
    return type(error).__name__ + (f": {text}" if text else "") + (f" ({place})" if place else "")


# A run's beginning and end as seen from the command line: its id, its folder, its journal, its signals.

SDKS = ("livekit", "livekit-api", "livekit-protocol")
SECRET_OPTIONS = frozenset({"--api-key", "--api-secret"})


@dataclass(frozen=True)
class Recording:
    """A run that is being recorded."""

    run_id: str
    folder: Path
    recorder: Recorder
    journal: JournalWriter


def new_run_id() -> str:
    """When it began, in UTC, and four hex digits: `20260821-142706-7f3a`. It sorts by time."""
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

    A watcher that crashes does not reach the run. `shard` is which share of it this process plays; `merged` says of
    which shards it is put together. `secret` is the project's: no event has it in it.
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
    """What the scenario's file expects of its trials; None where it expects nothing."""
    expect = msgspec.to_builtins(script.expect)
    return expect if script.expect != type(script.expect)() else None


def command_line(extra: Sequence[str] = ()) -> str:
    """The command that repeats this one: as it was typed, without credentials, and with `extra` options."""
    words = ["lkdiag"]
    arguments = iter(sys.argv[1:])
    for argument in arguments:
        name, has_value, _ = argument.partition("=")
        if name in SECRET_OPTIONS:
            if not has_value:
                next(arguments, None)
            continue
        words.append(argument)
    return shlex.join([*words, *extra])


@contextlib.contextmanager
def stop_on_signals(
    recorder: Callable[[], Recorder],
    stop: asyncio.Event,
    *,
    recorded_as: type[RunInterrupted | WatchStopped] = RunInterrupted,
    told: str = "interrupted: closing the rooms …",
    given_up: str = "given up at once: rooms may be left; they close by themselves when their timeouts have passed",
) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP set `stop`: rooms are closed, a report is made. A second one ends it at once.

    The first is an event `recorded_as`, and `told`; the second is told by `given_up`, where that is not empty. The
    recorder is asked for when a signal is handled. That is at the next `await`, so the journal may be opened meanwhile.
    """
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            recorder().record(RunGivenUp(signal=number.name))
            if given_up:
                say(given_up)
            os._exit(ExitCode.INTERRUPTED)
        recorder().record(recorded_as(signal=number.name))
        say(f"{told} (once more gives up at once)")
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
