"""What lkdiag says on stderr: notes, warnings, progress, a server that does not answer; and how it writes to stdout."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TYPE_CHECKING, TextIO, TypeVar

from lkdiag.errors import LkdiagError, UsageError, first_of, kind_and_place, place_of
from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from lkdiag.cli.tally import Tally
    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import Recorder
    from lkdiag.journal.run_kinds import ServerMissed
    from lkdiag.settings import Credentials


# Notes and errors for people, on stderr: stdout is for the report alone.

VALUE_MAX = 80
PATH_MAX = 255
"""A path, or a URL, is useful only whole. A file's name can be this long (Linux, NAME_MAX)."""
MESSAGE_MAX = 600
"""Longer than two paths with their words. Only this cuts a value without quotes that is full of blanks."""
_QUOTED = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)""")
_PARTS = re.compile(r"[=:,<>]")
"""What separates the parts of an argument: `ghost=0.2,slow:4s`."""
_LONG = re.compile(rf"\S{{{VALUE_MAX + 3},}}")  # one with its quotes has been cut already


def say(text: str) -> None:
    """Write a note. A reader that has gone (`2>&1 | head`) must not end a run: the note is dropped."""
    try:
        sys.stderr.write(f"{_plain(text)}\n")
        sys.stderr.flush()
    except OSError:
        give_up(sys.stderr)


def say_project(credentials: Credentials, *, quiet: bool) -> None:
    """Which project, and where its credentials come from; warnings about them also with `quiet`."""
    for warning in credentials.warnings:
        say(f"warning: {warning}")
    if not quiet:
        say(f"Project {credentials.host}, credentials from {credentials.source}")


def give_up(stream: TextIO) -> None:
    """Send whatever is still written to the stream to nowhere, also what Python flushes when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_stdout(write: Callable[[TextIO], object], what: str = "", hint: str = "") -> bool:
    """Write to stdout; whether there is still a reader.

    Raises UsageError where `what` can't be written, and OSError where that has no name: the command line's root tells
    then what kind of error it is.

    A reader that has gone (`lkdiag … | head`) is no error: the exit code stays. rich makes a SystemExit(1) of a broken
    pipe (rich 15, Console.on_broken_pipe), which would be a finding.
    """
    try:
        write(sys.stdout)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        give_up(sys.stdout)
        return False
    except OSError as error:
        if not what:
            raise
        give_up(sys.stdout)
        raise UsageError(f"{what} can't be written: {error.strerror}", hint) from error
    return True


def say_error(error: LkdiagError, arguments: Sequence[str] = ()) -> None:
    """One clear line, and the hint below it. Long quotes from the command line, or from a file, are cut."""
    say(f"error: {_cut(shortened(error.message, arguments), MESSAGE_MAX)}")
    if error.hint:
        say(f"hint: {shortened(error.hint, arguments)}")


def shortened(text: str, arguments: Sequence[str] = ()) -> str:
    """The text with control characters escaped, and long parts cut: arguments, quoted texts, and single words."""
    text = visible(text)
    for argument in arguments:
        for value in (argument, *_PARTS.split(argument)):
            text = text.replace(visible(value.strip()), _cut(visible(value.strip())))
    quoted = _QUOTED.sub(lambda match: match[0][0] + _cut(match[0][1:-1]) + match[0][-1], text)
    return _LONG.sub(lambda match: _cut(match[0]), quoted)


def _cut(text: str, most: int | None = None) -> str:
    if most is None:
        most = PATH_MAX if "/" in text else VALUE_MAX
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _plain(text: str) -> str:
    """One line, without secrets and control characters: texts from servers and files must not move the cursor."""
    from lkdiag.privacy.secrets import scrub

    text = scrub(text, guess=False)
    return "".join(character if character.isprintable() else " " for character in text)


# Lines on stderr: how long the server has not answered, and that it answers again.

MISSED = {
    "unanswered": "no answer from the server",
    "garbled": "no answer of LiveKit's own from the server",
}


def say_away(event: Event) -> None:
    """Show the event's line, if it has one."""
    line = away_line(event)
    if line:
        say(line)


def away_line(event: Event) -> str:
    """The line; empty for any other event."""
    from lkdiag.journal.run_kinds import ServerHeard, ServerMissed  # `lkdiag --help` needs no journal

    row = event.row
    if isinstance(row, ServerHeard):
        return f"the server answers lkdiag again, after {row.for_s:.0f} s"
    return _missed(row) if isinstance(row, ServerMissed) else ""


def _missed(row: ServerMissed) -> str:
    if row.failure == "throttled":
        so_far = f", and has done so for {row.for_s:.0f} s" if row.for_s >= 1 else ""
        wait_s = round(row.wait_s or 0.0)  # left out of the journal where it is nothing
        waiting = f": waiting {wait_s} s" if wait_s else ""
        return f"the server refuses lkdiag's calls as too many (HTTP 429){so_far}{waiting}"
    return f"{MISSED[row.failure]} for {row.for_s:.0f} s: {row.error}"


# Progress of a run: trials done, counts by outcome, how the last trial ended.

STYLES = {"delivered": "green", "closed": "green", "delayed": "cyan", "slow": "cyan", "inconclusive": "bold"}
BAD = "red"


class Progress:
    """On stderr: a live line in a terminal, else a plain line for each trial. Nothing with `quiet`."""

    def __init__(self, tally: Tally, *, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Live

        self._tally = tally
        console = Console(stderr=True)
        self._quiet = quiet
        self._plain = not console.is_terminal
        self._live = Live(
            SpinnerColumn(),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[progress]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[tally]}"),
            console=console,
            transient=True,
            disable=quiet or self._plain,
        )
        self._task = self._live.add_task(
            "trials", total=tally.total or tally.duration_s, progress=tally.progress, tally=""
        )

    def __enter__(self) -> Self:
        with contextlib.suppress(Exception):  # a terminal that can't show it must not keep the run from beginning
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):  # nor the report from being made
            self._live.stop()

    def note(self, event: Event) -> None:
        """Take an event of the recorder."""
        if self._quiet:
            return  # nobody would see the judged trials
        ended = self._tally.note(event)
        if ended is None:
            return
        if self._plain:
            say(f"{ended.name}: {ended.message}  [{self._tally.progress}]")
            return
        counts = "  ".join(
            f"[{STYLES.get(outcome, BAD)}]{count} {outcome}[/]" for outcome, count in self._tally.outcomes.items()
        )
        done = self._tally.done if self._tally.duration_s is None else self._tally.elapsed_s
        self._live.update(
            self._task, completed=done, progress=self._tally.progress, tally=f"{counts}  [dim]last: {ended.message}[/]"
        )


# Whatever only shows a run (a tally, a line, a metric) must not end a trial when it crashes.

T = TypeVar("T")


class Shield:
    """Catches the crashes of watchers: the first is recorded as `watcher.crashed` and shown; all are called on."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        """Where crashes are recorded, once there is one."""
        self._has_reported = False

    def around(self, watcher: Callable[[T], object]) -> Callable[[T], None]:
        """The watcher, without its crashes."""

        def shielded(value: T) -> None:
            try:
                watcher(value)
            except Exception as error:
                self.report(kind_and_place(error))

        return shielded

    def report(self, what: str) -> None:
        """Record and show a crash, if it is the first one."""
        if self._has_reported:
            return
        self._has_reported = True
        if self.recorder is not None:
            from lkdiag.journal.run_kinds import WatcherCrashed

            self.recorder.record(WatcherCrashed(error=what))
        say(
            f"warning: lkdiag itself failed while it showed the run ({what}); the run goes on, and its report does not "
            "rest on that. Please report it at lkdiag's own tracker"
        )


# The message when lkdiag itself fails: no traceback, but enough to find the place.

PLEASE_REPORT = "this is a fault of lkdiag's own: please report it at lkdiag's own tracker"


def own_fault(error: BaseException) -> LkdiagError:
    """A fault of lkdiag's own as an error for the user. Its exit code is 4: neither a verdict nor wrong usage."""
    return LkdiagError(f"lkdiag failed: {described(error)}", PLEASE_REPORT)


def described(error: BaseException) -> str:
    """Kind, text and place: `KeyError: 'role' (lkdiag/facts/dispatch.py:83)`. Of a group, its first error."""
    from lkdiag.privacy.secrets import scrub

    error = first_of(error)
    text, place = scrub(str(error)), place_of(error)
    return type(error).__name__ + (f": {text}" if text else "") + (f" ({place})" if place else "")
