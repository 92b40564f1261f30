"""Words for people: lists, and names that come from files or flags."""

from __future__ import annotations


def joined(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def printable(name: str) -> str:
    """A name from a file or a flag, fit for one line of a terminal."""
    return name if name.isprintable() else ascii(name)[1:-1]
