"""Makes texts from elsewhere (room and agent names, servers' errors) safe to show on one line."""

from __future__ import annotations


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
