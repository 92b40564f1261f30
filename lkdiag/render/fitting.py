"""Makes a document fit a length: its pieces take shorter forms, step by step, and it says what was left out.

Of very many rows and stories no more are made than could ever fit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.document.selection import MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from lkdiag.document.blocks import Stories, Story, Table

MOST_STORIES = 500


@dataclass(frozen=True)
class Piece:
    """A part of a document, from its full form to its shortest; the empty string leaves it out."""

    forms: tuple[str, ...]
    kind: str = ""
    """What steps call it; pieces without a kind stay."""
    unmade: int = 0
    """So many more of the kind were not even made, and count among those left out."""


@dataclass(frozen=True)
class Step:
    """One thing to try: every piece of a kind, from the last to the first, takes its next form."""

    kind: str
    what: str
    """Words for what is lost, with `{count}` in them."""
    at_once: bool = False
    """All of the kind, even if fewer would do."""


def fit(pieces: Sequence[Piece], steps: Sequence[Step], limit: int) -> tuple[str, list[str]]:
    """The text and what was left out of it. Longer than `limit` characters only if every step was not enough."""
    chosen = [0] * len(pieces)
    length = sum(len(piece.forms[0]) for piece in pieces)
    left_out = []
    last = {step.kind: step for step in steps}
    for step in steps:
        count = sum(piece.unmade for piece in pieces if piece.kind == step.kind) if step is last[step.kind] else 0
        for at in reversed(range(len(pieces))):
            if length <= limit and not (step.at_once and count):
                break
            piece = pieces[at]
            if piece.kind == step.kind and chosen[at] + 1 < len(piece.forms):
                length -= len(piece.forms[chosen[at]]) - len(piece.forms[chosen[at] + 1])
                chosen[at] += 1
                count += 1
        if count:
            left_out.append(step.what.format(count=count))
    return "".join(piece.forms[form] for piece, form in zip(pieces, chosen, strict=True)), left_out


def row_pieces(table: Table[Any], made: Callable[[Any], str]) -> Iterator[Piece]:
    """A piece for each row, `passing` or `failing`; those that are not made are counted."""
    fails = table.fails
    if fails is None:
        yield from (Piece((made(row),)) for row in table.rows)
        return
    many = len(table.rows) > MOST_ROWS
    count, unmade = 0, Counter[str]()
    for row in table.rows:
        kind = "failing" if fails(row) else "passing"
        if many and (kind == "passing" or count >= MOST_ROWS):
            unmade[kind] += 1
            continue
        count += 1
        yield Piece((made(row), ""), kind)
    for kind, left in unmade.items():
        yield Piece(("",), kind, unmade=left)


def story_pieces(stories: Stories[Any], made: Callable[[Story], Piece]) -> Iterator[Piece]:
    """A piece for each failing row's story, those that are not made are counted."""
    unmade = 0
    told = (row for row in stories.rows if stories.fails(row) and stories.has_story(row))
    for number, row in enumerate(told):
        if number < MOST_STORIES:
            yield made(stories.story(row))
        else:
            unmade += 1
    if unmade:
        yield Piece(("",), "story", unmade=unmade)
