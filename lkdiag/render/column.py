"""One column of a table of trials: header, meaning, and how a cell reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A cell is raw text: names and ids in it come from elsewhere, and the writer escapes them."""

    header: str
    meaning: str
    """For a legend."""
    cell: Callable[[Row], str]
    right: bool = False
    """Set flush right, as numbers are."""
