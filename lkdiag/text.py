"""Words for people: lists, names fit for a terminal, and LiveKit's own names of enum values."""

from __future__ import annotations

from typing import Protocol

# The name of an enum's value, also where the server is newer than the installed library.


class NamedNumbers(Protocol):
    """An enum of protobuf."""

    def Name(self, number: int) -> str:  # noqa: N802
        """The value's name. Raises ValueError for a number without one."""


def enum_name(enum: NamedNumbers, number: int) -> str:
    """LiveKit's name of it; `UNKNOWN_9` for a number that the installed library has no name for."""
    try:
        return enum.Name(number)
    except ValueError:
        return f"UNKNOWN_{number}"


# Words for people: lists, and names that come from files or flags.


def joined(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def printable(name: str) -> str:
    """A name from a file or a flag, fit for one line of a terminal."""
    return name if name.isprintable() else ascii(name)[1:-1]


# Makes texts from elsewhere (room and agent names, servers' errors) safe to show on one line.


def visible(text: str) -> str:
    r"""The text with every character that does not print written as an escape: `\x1b`, `\n`, `\u202e`.

    That takes the power from terminal escape sequences and from characters that turn the writing direction,
    keeps a text on its line, and shows the zero-width space that makes two agent names differ.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
