"""Rows and stories of trials for a document of limited length: of very many, no more are made than could ever fit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.render.fitting import Piece
from lkdiag.render.selection import is_failing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lkdiag.render.selection import OneTrial

MOST_ROWS = 2_000
"""Of more trials the passing ones have no rows: all of them would not fit anywhere, and they stand or fall together."""
MOST_STORIES = 500


def row_pieces(trials: Sequence[OneTrial], made: Callable[[OneTrial], str]) -> Iterator[Piece]:
    """A piece for each trial's row, `passing` or `failing`; those that are not made are counted."""
    many = len(trials) > MOST_ROWS
    rows, unmade = 0, Counter[str]()
    for trial in trials:
        kind = "failing" if is_failing(trial) else "passing"
        if many and (kind == "passing" or rows >= MOST_ROWS):
            unmade[kind] += 1
            continue
        rows += 1
        yield Piece((made(trial), ""), kind)
    for kind, count in unmade.items():
        yield Piece(("",), kind, unmade=count)


def story_pieces(told: Iterable[OneTrial], made: Callable[[OneTrial, int], Piece]) -> Iterator[Piece]:
    """A piece for each story, made of the trial and its place among them; those that are not made are counted."""
    unmade = 0
    for number, trial in enumerate(told):
        if number < MOST_STORIES:
            yield made(trial, number)
        else:
            unmade += 1
    if unmade:
        yield Piece(("",), "story", unmade=unmade)
