"""Notes and errors for people, on stderr: stdout is for the report alone."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, TextIO

from lkdiag.render.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.errors import LkdiagError


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
