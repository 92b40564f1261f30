"""Words for people: lists, times, suggestions, names fit for a terminal, and LiveKit's own names of enum values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def utc(at_ns: int) -> str:
    """A moment in nanoseconds since 1970: `2026-08-21T14:27:06.123Z`."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# What the user may have meant by a name that does not exist.


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like it; None where none is near."""
    import difflib  # only where a name is wrong

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message: `: did you mean …?`, or nothing where no known name is near."""
    near = nearest(name, known)
    return f": did you mean {near}?" if near else ""


def hint_nearest(name: str, known: Iterable[str], hint: str) -> str:
    """The hint, with `did you mean …? ` before it where a known name is near."""
    near = nearest(name, known)
    return f"did you mean {near}? {hint}" if near else hint


# Lists, and names that come from files or flags.


def joined(words: list[str]) -> str:
    """`a, b and c`."""
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
