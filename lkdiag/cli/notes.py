"""Notes and errors for people, on stderr: stdout is for the report alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.errors import LkdiagError


def say(text: str) -> None:
    """A note."""
    sys.stderr.write(f"{_plain(text)}\n")
    sys.stderr.flush()


def say_error(error: LkdiagError) -> None:
    """One clear line, and the hint below it."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")


def _plain(text: str) -> str:
    """One line, without control characters: texts from servers and files must not move the cursor."""
    return "".join(character if character.isprintable() else " " for character in text)
