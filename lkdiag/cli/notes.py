"""Notes and errors for people, on stderr: stdout is for the report alone."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from lkdiag.errors import LkdiagError


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


def say_error(error: LkdiagError) -> None:
    """One clear line, and the hint below it."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")


def _plain(text: str) -> str:
    """One line, without secrets and control characters: texts from servers and files must not move the cursor."""
    from lkdiag.secrecy.scrubber import scrub

    text = scrub(text, guess=False)
    return "".join(character if character.isprintable() else " " for character in text)
