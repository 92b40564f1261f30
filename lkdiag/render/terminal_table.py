"""Tables and grids for a rich console: how they look, how they fit its width, no blanks at line ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from lkdiag.document.blocks import Narrow, Span, Tone, parts
from lkdiag.document.wording import NONE
from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from lkdiag.document.blocks import Columns, Facts, Grid, GridCell, Layout, Line
    from lkdiag.document.blocks import Table as TableBlock

GAP = 2
"""Blanks between two columns."""
COLOUR = {
    Tone.GOOD: "green",
    Tone.LATE: "red",
    Tone.LOST: "bold red",
    Tone.BROKEN: "bold red",
    Tone.UNSURE: "cyan",
    Tone.BAD: "red",
    Tone.CAUTION: "yellow",
    Tone.FAINT: "dim",
    Tone.PLAIN: "",
}
GRID_LAYOUTS = ((False, 3, 5), (False, 2, 4), (True, 2, 3), (True, 1, 2))
"""Tried in turn: whether cells are short, blanks between two columns, blanks between two groups."""
GRID_LABEL_GAP = 2


def style(span: Span) -> str:
    """The style of a text, by its tone."""
    colour = COLOUR[span.tone]
    return f"bold {colour}".rstrip() if span.strong and "bold" not in colour else colour


def styled(line: Line, base: str = "") -> Text:
    """A line from a document."""
    text = Text(style=base)
    for part in parts(line):
        if isinstance(part, Span):
            text.append(visible(part.text), style(part))
        else:
            text.append(visible(part if isinstance(part, str) else part.text))
    return text


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
    """Two columns without a header: a label, and a text that wraps."""
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


# -- blocks -------------------------------------------------------------------------------------------------------


def facts(block: Facts) -> RenderableType:
    """Labels with their texts."""
    return indented(labelled((label, styled(line)) for label, line in block.rows), block.indent)


def tables(block: TableBlock[Any], width: int, *, complete: bool) -> list[RenderableType]:
    """The table, or the tables into which it is split, with their notes."""
    if not block.rows:
        return [plain(block.empty)] if block.empty else []
    if block.are_facts and len(block.columns) == 2:
        label, text = block.columns
        return [indented(labelled((label.cell(row), text.cell(row)) for row in block.rows), block.indent)]
    if block.layouts is None:
        return [indented(one, block.indent) for one in _narrowed(block, width - block.indent)]
    found: list[RenderableType] = []
    ways = block.layouts(complete)
    while ways:
        chosen = next((way for way in ways if _fits(way, block, width)), ways[-1])
        for part in chosen.parts:
            if part.title:
                found.append(plain(part.title, "bold"))
            if part.columns:
                gap = [""] if found and not part.title else []
                found += [*gap, table(_headers(part.columns), _rows(part.columns, part.rows, block))]
            found += [plain(note, "dim") for note in part.notes]
        ways = chosen.below
    return found


def _fits(way: Layout[Any], block: TableBlock[Any], width: int) -> bool:
    first = way.parts[0]
    return natural_width(_headers(first.columns), _rows(first.columns, first.rows, block)) <= width


def _narrowed(block: TableBlock[Any], width: int) -> list[RenderableType]:
    """Without the columns that give way; else as the block says."""
    shown = block.columns
    while True:
        headers, rows = _headers(shown), _rows(shown, block.rows, block)
        give = max(column.gives_way for column in shown)
        if natural_width(headers, rows) <= width or not give:
            break
        shown = tuple(column for column in shown if column.gives_way != give)
    if block.narrow is Narrow.WRAP or natural_width(headers, rows) <= width:
        return [table(headers, rows)]
    found: list[RenderableType] = []
    spaced = block.narrow is Narrow.SPACED_BLOCKS
    for row in rows:
        pairs = [(header, cell) for (header, _), cell in zip(headers[1:], row[1:], strict=True) if cell or spaced]
        if spaced:
            found += [*([plain(" ")] if found else []), plain(row[0].plain, "bold")]
        else:
            found.append(row[0])
        found.append(indented(labelled(pairs)))
    return found


def _headers(columns: Columns[Any]) -> list[tuple[str, bool]]:
    return [(column.header, column.right) for column in columns]


def _rows(columns: Columns[Any], rows: Iterable[Any], block: TableBlock[Any]) -> list[list[Text]]:
    return list(_lines(columns, rows, block))


def _lines(columns: Columns[Any], rows: Iterable[Any], block: TableBlock[Any]) -> Iterator[list[Text]]:
    """Each row, and where it has one its second line."""
    for row in rows:
        cells = []
        for number, column in enumerate(columns):
            text = column.cell(row)
            if text == NONE:
                look = "dim"
            elif number == 0 and block.told_at is not None and block.fails is not None and block.fails(row):
                look = "bold"
            else:
                look = COLOUR[column.tone(row)]
            cells.append(plain(text, look))
        yield cells
        below = [column.below(row) for column in columns]
        if any(below):
            yield [
                Text(span.text, style(span), justify="right") if isinstance(span, Span) else plain(span)
                for span in below
            ]


# -- grids --------------------------------------------------------------------------------------------------------


def grid_table(grid: Grid, width: int) -> list[RenderableType]:
    """Groups over columns over cells, in lines of at most `width` cells; a list of the cells where none fits."""
    for short, gap, group_gap in GRID_LAYOUTS:
        lines = _grid_lines(grid, short=short, gap=gap, group_gap=group_gap)
        if max(line.cell_len for line in lines) <= width:
            return [*lines]
    headers = [(text, False) for text in (grid.row_label, grid.group_label, grid.column_label, grid.cell_label)]
    return [table(headers, ([*map(plain, key), _grid_cell(cell)] for key, cell in grid.cells.items()))]


def _grid_lines(grid: Grid, *, short: bool, gap: int, group_gap: int) -> list[Text]:
    label_width = max(cell_len(plain(name).plain) for name in (grid.row_label, *grid.rows)) + GRID_LABEL_GAP
    cells = {key: _grid_cell(cell, short=short) for key, cell in grid.cells.items()}
    widths: list[int] = []
    over = _padded(Text(""), label_width)
    under = _padded(plain(grid.row_label, "bold"), label_width)
    for group, names in grid.groups.items():
        if widths:
            over.append(" " * group_gap)
            under.append(" " * group_gap)
        single = len(grid.columns) == 1
        named = [plain(f"{name} {grid.column_label}" if single else name, "bold") for name in names]
        wanted = [
            max(text.cell_len, *(cells[key].cell_len for key in cells if key[1:] == (group, name)))
            for name, text in zip(names, named, strict=True)
        ]
        title = plain(group, "bold")
        wanted[-1] += max(0, title.cell_len - sum(wanted) - gap * (len(wanted) - 1))
        for at, (text, cells_wide) in enumerate(zip(named, wanted, strict=True)):
            under.append(" " * gap if at else "").append_text(_padded(text, cells_wide))
            widths.append(cells_wide)
        over.append_text(_padded(title, sum(wanted) + gap * (len(wanted) - 1)))
    rows = [_grid_row(grid, name, cells, label_width, widths, (gap, group_gap)) for name in grid.rows]
    rule = Text("─" * max(line.cell_len for line in (over, under, *rows)))
    return [over, under, rule, *rows]


def _grid_row(
    grid: Grid,
    name: str,
    cells: dict[tuple[str, str, str], Text],
    label_width: int,
    widths: Sequence[int],
    gaps: tuple[int, int],
) -> Text:
    row = _padded(plain(name), label_width)
    before = None
    for (group, column), cells_wide in zip(grid.columns, widths, strict=True):
        if before is not None:
            row.append(" " * (gaps[0] if group == before else gaps[1]))
        row.append_text(_padded(cells.get((name, group, column), Text(NONE, "dim")), cells_wide))
        before = group
    return row


def _grid_cell(cell: GridCell, *, short: bool = False) -> Text:
    return Text(cell.short if short else cell.text, COLOUR[cell.tone])


def _padded(text: Text, width: int) -> Text:
    """A line of its own in which the text's style ends with the text."""
    return Text.assemble(text, " " * max(0, width - text.cell_len))
