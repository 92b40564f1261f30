"""What lkdiag says on stderr: notes, warnings, how far a run is, and since when the server is away."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TYPE_CHECKING, TextIO

from lkdiag.journal.run_kinds import ServerHeard, ServerMissed
from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from lkdiag.cli.tally import Tally
    from lkdiag.errors import LkdiagError
    from lkdiag.journal.event import Event


# Notes and errors for people, on stderr: stdout is for the report alone.

VALUE_MAX = 80
PATH_MAX = 255
"""A path, or a URL, is of use only whole. That is how long a file's name can be (Linux, NAME_MAX)."""
MESSAGE_MAX = 600
"""More than two paths and their words have. A value without quotes, and full of blanks, is cut by that alone."""
_QUOTED = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)""")
_PARTS = re.compile(r"[=:,<>]")
"""What stands between the parts of an argument: `ghost=0.2,slow:4s`."""
_LONG = re.compile(rf"\S{{{VALUE_MAX + 3},}}")  # one with its quotes has been cut already


def say(text: str) -> None:
    """A note. A reader that is gone (`2>&1 | head`) must not end a run: what nobody reads is dropped."""
    try:
        sys.stderr.write(f"{_plain(text)}\n")
        sys.stderr.flush()
    except OSError:
        give_up(sys.stderr)


def give_up(stream: TextIO) -> None:
    """Nobody takes it any more: what is still to be written, at the latest when Python ends, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say_error(error: LkdiagError, arguments: Sequence[str] = ()) -> None:
    """One clear line, and the hint below it. What they repeat of the command line, or of a file, is cut."""
    say(f"error: {_cut(shortened(error.message, arguments), MESSAGE_MAX)}")
    if error.hint:
        say(f"hint: {shortened(error.hint, arguments)}")


def shortened(text: str, arguments: Sequence[str] = ()) -> str:
    """The text with control characters escaped, and everything long in it cut.

    That is what stands on the command line, what has quotes around it, and what is one word.
    """
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


# The lines on stderr that tell how long LiveKit has not been heard, and that it is heard again.

MISSED = {
    "unanswered": "no answer from the server",
    "garbled": "no answer of LiveKit's own from the server",
}


def say_away(event: Event) -> None:
    """Say it, where the event is about that."""
    line = away_line(event)
    if line:
        say(line)


def away_line(event: Event) -> str:
    """The line; empty for any other event."""
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


# What the user sees of a run while it goes on: trials done, running tallies, the last trial's fate.

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
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[tally]}"),
            console=console,
            transient=True,
            disable=quiet or self._plain,
        )
        self._task = self._live.add_task("trials", total=tally.total or tally.duration_s, told=tally.progress, tally="")

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
            return  # a tally judges each trial: that would be for nobody
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
            self._task, completed=done, told=self._tally.progress, tally=f"{counts}  [dim]last: {ended.message}[/]"
        )
