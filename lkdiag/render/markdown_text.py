"""Texts from anywhere as GitHub-flavoured Markdown that shows them as they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkdiag.render.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_TEXT = 1_000
"""Characters of one text; more of it (a server's error page, say) stands in the JSON report only."""

_SPECIAL = re.compile(r"[\\`*\[\]|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~(?=\S)|(?<=\S)~")
_BLOCK_START = re.compile(r"^([#+=>-]|\d+(?=[.)](\s|$)))")
_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@<!-- -->"}
"""The comment keeps `@name` from calling somebody to the issue."""


def prose(text: str) -> str:
    """Inline text, good in a table's cell too. Ids keep their underscores as they are."""
    shown = _clipped(visible(text))
    start = _BLOCK_START.match(shown)
    escaped = _SPECIAL.sub(lambda match: f"\\{match[0]}", shown)
    escaped = "".join(_ENTITY.get(char, char) for char in escaped)
    if start is None or escaped.startswith(("&", "\\")):
        return escaped
    at = len(start[0]) if start[0].isdigit() else 0
    return f"{escaped[:at]}\\{escaped[at:]}"


def html(text: str) -> str:
    """Text inside of an HTML tag, where Markdown is not read: only what would be a tag or an entity is escaped."""
    return "".join(_ENTITY.get(char, char) if char != "@" else "&#64;" for char in _clipped(visible(text)))


def code(text: str, *, in_table: bool = False) -> str:
    """A code span, whose fence is longer than any run of back-ticks in it."""
    shown = _clipped(visible(text))
    if in_table:
        shown = shown.replace("|", "\\|")
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else ""


def code_block(lines: Iterable[str], language: str = "text", *, clipped: bool = True) -> str:
    """A fenced block; each line is made printable, and the fence is longer than any run of back-ticks in them."""
    shown = [_clipped(visible(line)) if clipped else visible(line) for line in lines]
    fence = "`" * max(3, _longest_run("\n".join(shown)) + 1)
    return "\n".join([f"{fence}{language}", *shown, fence, ""])


def link(target: str) -> str:
    """A web address as itself, anything else as text."""
    shown = visible(target)
    return f"<{shown}>" if re.fullmatch(r"https?://[^\s<>]{1,500}", shown) else prose(target)


def table_row(cells: Sequence[str]) -> str:
    """Cells that are Markdown already."""
    return f"| {' | '.join(cells)} |\n"


def table_head(headers: Sequence[tuple[str, bool]]) -> str:
    """Headers are a text and whether the column is flush right."""
    return table_row([text for text, _ in headers]) + table_row(["--:" if right else "---" for _, right in headers])


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _clipped(text: str) -> str:
    """Cut between words, so that no id is cut, and saying so."""
    if len(text) <= LONGEST_TEXT:
        return text
    cut = text.rfind(" ", 0, LONGEST_TEXT)
    kept = text[: cut if cut > 0 else LONGEST_TEXT]
    return f"{kept} … ({len(text) - len(kept)} more characters)"
