"""Tables of plain text cells for a rich console: how they look, how wide they are, no blanks at line ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from lkdiag.render.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

GAP = 2
"""Blanks between two columns."""


def plain(text: str, style: str = "") -> Text:
    """A text from anywhere: never markup, no control characters."""
    return Text(visible(text), style=style)


def indented(renderable: RenderableType, by: int = 2) -> Padding:
    """Moved in, every line of it."""
    return Padding(renderable, (0, 0, 0, by), expand=False)


def table(headers: Sequence[tuple[str, bool]], rows: Iterable[Sequence[Text]]) -> Table:
    """Headers are a text and whether the column is flush right. Words wrap only where the width forces it."""
    found = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for header, right in headers:
        found.add_column(plain(header, "bold"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        found.add_row(*row)
    return found


def natural_width(headers: Sequence[tuple[str, bool]], rows: Iterable[Sequence[Text]]) -> int:
    """The cells that such a table takes when nothing wraps."""
    widths = [cell_len(header) for header, _ in headers]
    for row in rows:
        widths = [max(width, cell.cell_len) for width, cell in zip(widths, row, strict=True)]
    return sum(widths) + GAP * (len(widths) - 1)


def labelled(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Two columns without a head: a label, and a text that wraps beside it."""
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(plain(label), plain(text) if isinstance(text, str) else text)
    return grid


class Trimmed:
    """Another renderable without the blanks with which rich fills up its lines."""

    def __init__(self, renderable: RenderableType) -> None:
        self.renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in console.render_lines(self.renderable, options, pad=False):
            while line and not line[-1].text.strip(" "):
                line.pop()
            if line:
                last = line.pop()
                line.append(Segment(last.text.rstrip(" "), last.style))
            yield from line
            yield Segment.line()
