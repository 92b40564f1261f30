"""Two runs side by side: for the terminal, as Markdown, or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Group
from rich.text import Text

from lkdiag.compare.value import Result
from lkdiag.render.markdown_text import code, prose, table_head, table_row
from lkdiag.render.terminal import make_console
from lkdiag.render.terminal_table import Trimmed, indented, labelled, natural_width, plain, table
from lkdiag.render.wording import NONE, duration, period, plural, tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.console import RenderableType

    from lkdiag.compare.value import CellComparison, Comparison, Side
    from lkdiag.stats import Rate, RateDifference

SYMBOL = {Result.BETTER: "✓", Result.WORSE: "✗", Result.NO_DIFFERENCE: "=", Result.TOO_FEW: "?"}
STYLE = {
    Result.BETTER: "bold green",
    Result.WORSE: "bold red",
    Result.NO_DIFFERENCE: "bold",
    Result.TOO_FEW: "bold cyan",
}
MEASURE = {
    "lost": "lost",
    "mismatch": "mismatches",
    "left-open": "left open",
    "not-closed-in-time": "not closed in time",
    "latency": "latency",
}
MINUS = "−"
FIGURE_HEADERS = ("", "A", "B", f"B {MINUS} A (95 %)")
FOOTNOTE = "Percentiles are of the agents that came; for the shift, a lost one took longer than any."
Row = tuple[str, str, str, str]
"""What it is, A's, B's, and by how much B's is more."""


def render_terminal(found: Comparison, file: TextIO) -> None:
    """What differs in the settings first, then the figures, then what can be said of them."""
    console = make_console(file, is_terminal=file.isatty())
    a, b = found.a, found.b
    parts: list[RenderableType] = [
        Text("lkdiag compare", "bold"),
        indented(labelled([("A", _run(a)), ("", a.command), ("B", _run(b)), ("", b.command)])),
    ]
    if found.differences:
        rows = [(one.name, one.a, one.b) for one in found.differences]
        parts += ["", Text("What differs", "bold cyan"), _block(("", "A", "B"), rows, console.width)]
    if found.warnings:
        parts += ["", Text("Beware", "bold cyan")]
        parts += [indented(labelled([("!", plain(said, "yellow"))])) for said in found.warnings]
    parts += ["", Text("Figures", "bold cyan")]
    parts.append(_block(FIGURE_HEADERS, figures(found), console.width))
    if found.latency is not None:
        parts.append(indented(plain(FOOTNOTE, "dim")))
    if found.grid:
        parts += ["", Text("Rooms after the hang-up", "bold cyan"), *_grid(found.grid, console.width)]
    parts += ["", Text("What can be said", "bold cyan")]
    parts += [indented(_said(name, result, sentence)) for name, result, sentence in sentences(found)]
    parts += ["", Text.assemble((f"{SYMBOL[found.result]} ", STYLE[found.result]), plain(found.headline, "bold"))]
    console.print(Trimmed(Group(*parts)))


def render_markdown(found: Comparison) -> str:
    """For an issue, or a pull request's comment."""
    parts = [f"## lkdiag compare: {SYMBOL[found.result]} {prose(found.headline)}\n\n"]
    parts += [f"- **{MEASURE[name]}**: {prose(sentence)}\n" for name, _, sentence in sentences(found)]
    parts += [f"\n> **Beware:** {prose(said)}\n" for said in found.warnings]
    parts.append(f"\n{table_head([(name, False) for name in FIGURE_HEADERS])}")
    parts += [table_row([prose(cell) for cell in row]) for row in figures(found)]
    if found.latency is not None:
        parts.append(f"\n{prose(FOOTNOTE)}\n")
    if found.differences:
        parts.append(f"\n### What differs\n\n{table_head([('', False), ('A', False), ('B', False)])}")
        parts += [table_row([prose(one.name), prose(one.a), prose(one.b)]) for one in found.differences]
    if found.grid:
        parts.append("\n### Rooms after the hang-up\n\n")
        if any(cell.differs for cell in found.grid):
            parts.append(table_head([(name, False) for name in GRID_HEADERS]))
        parts += [table_row([prose(text) for text in _cell_row(cell)]) for cell in found.grid if cell.differs]
        parts += [f"\n{prose(line)}\n" for line in _rest(found.grid)]
    parts.append("\n### Runs\n\n")
    parts += [f"- {name}: {prose(_run(one))}: {code(one.command)}\n" for name, one in (("A", found.a), ("B", found.b))]
    return "".join(parts)


def render_json(found: Comparison) -> str:
    """Indented JSON in ASCII that ends with a newline, so that it is safe to `cat`."""
    fields: dict[str, Any] = msgspec.to_builtins(found)
    ordered = {name: fields.pop(name) for name in ("schema", "kind", "result", "headline")}
    return json.dumps({**ordered, **fields}, indent=2, ensure_ascii=True).replace("\x7f", "\\u007f") + "\n"


# -- what is shown ------------------------------------------------------------------------------------------------


def figures(found: Comparison) -> list[Row]:
    """The table of figures."""
    a, b = found.a, found.b
    rows: list[Row] = [("judged", str(a.judged), str(b.judged), "")]
    if a.left_out or b.left_out:
        rows.append(("left out", _tally(a.left_out), _tally(b.left_out), ""))
    rows += [(MEASURE[one.name], _rate(one.a), _rate(one.b), _points(one.difference)) for one in found.rates]
    if a.latency_ms is not None and b.latency_ms is not None and found.latency is not None:
        for name in ("p50", "p95", "max"):
            ours, theirs = getattr(a.latency_ms, name), getattr(b.latency_ms, name)
            by = "" if ours is None or theirs is None else _signed(theirs - ours)
            rows.append((f"latency {name}", duration(ours), duration(theirs), by))
        rows.append(("shift", "", "", _shift(found)))
    return rows


def sentences(found: Comparison) -> list[tuple[str, Result, str]]:
    """What is said of each measure: its name, its result, the sentence."""
    said = [(one.name, one.result, one.sentence) for one in found.rates]
    if found.latency is not None:
        said.append(("latency", found.latency.result, found.latency.sentence))
    return said


def _run(side: Side) -> str:
    cut = ", interrupted" if side.interrupted else ""
    return f"{side.run}, {period(side.started_at, side.finished_at)}{cut}, {side.subject}"


def _tally(counts: dict[str, int]) -> str:
    return tally(counts) if counts else NONE


def _rate(rate: Rate) -> str:
    return NONE if rate.value is None else f"{rate.count} of {rate.of} ({100 * rate.value:.3g} %)"


def _points(difference: RateDifference | None) -> str:
    if difference is None:
        return NONE
    low, high = _number(100 * difference.low), _number(100 * difference.high)
    return f"{_number(100 * difference.value)} points ({low} to {high})"


def _number(value: float) -> str:
    shown = f"{abs(value):.1f}".removesuffix(".0")
    return shown if shown == "0" else f"{'+' if value > 0 else MINUS}{shown}"


def _signed(ms: float) -> str:
    if round(ms) == 0:
        return "0 ms"
    return f"{'+' if ms > 0 else MINUS}{duration(abs(ms))}"


def _shift(found: Comparison) -> str:
    latency = found.latency
    if latency is None or latency.slower is None:
        return NONE
    shift = "not known: lost ones" if latency.shift_ms is None else _signed(latency.shift_ms)
    if latency.shift_low_ms is None and latency.shift_high_ms is None:
        return shift
    low, high = ("unknown" if end is None else _signed(end) for end in (latency.shift_low_ms, latency.shift_high_ms))
    return f"{shift} ({low} to {high})"


# -- the grid -----------------------------------------------------------------------------------------------------

GRID_HEADERS = ("cleanup", "agent", "hangs up", "A", "B")


def _cell_row(cell: CellComparison) -> tuple[str, ...]:
    return (
        cell.cleanup,
        cell.agent_exit,
        cell.hangup,
        _outcomes(cell.a, cell.closed_ms_a),
        _outcomes(cell.b, cell.closed_ms_b),
    )


def _outcomes(outcomes: dict[str, int], closed_ms: float | None) -> str:
    if not outcomes:
        return "not played"
    only = next(iter(outcomes)) if len(outcomes) == 1 and sum(outcomes.values()) == 1 else tally(outcomes)
    return only if closed_ms is None else f"{only} ({duration(closed_ms)})"


def _grid(cells: Sequence[CellComparison], width: int) -> list[RenderableType]:
    """Those that differ; of the others, how many there are."""
    shown = [_cell_row(cell) for cell in cells if cell.differs]
    parts: list[RenderableType] = [_block(GRID_HEADERS, shown, width)] if shown else []
    return [*parts, *(indented(plain(line)) for line in _rest(cells))]


def _rest(cells: Sequence[CellComparison]) -> list[str]:
    """How many cells are alike, and how many were played in one run only."""
    alike = sum(bool(cell.a) and bool(cell.b) and not cell.differs for cell in cells)
    only_a, only_b = sum(not cell.b for cell in cells), sum(not cell.a for cell in cells)
    counts = ((alike, "alike in both"), (only_a, "played in A only"), (only_b, "played in B only"))
    return [f"{plural(count, 'cell')} {what}" for count, what in counts if count]


# -- how it looks -------------------------------------------------------------------------------------------------


def _said(name: str, result: Result, sentence: str) -> RenderableType:
    return labelled([(f"{MEASURE[name]:<10}", Text.assemble((f"{SYMBOL[result]} ", STYLE[result]), plain(sentence)))])


def _block(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> RenderableType:
    """A table; where its texts don't fit beside each other, a block a row."""
    cells = [[plain(cell) for cell in row] for row in rows]
    heads = [(header, False) for header in headers]
    if natural_width(heads, cells) + 2 <= width:
        return indented(table(heads, cells))
    blocks: list[RenderableType] = []
    for row in rows:
        pairs = [(header, cell) for header, cell in zip(headers[1:], row[1:], strict=True) if cell]
        blocks += [indented(plain(row[0])), indented(labelled(pairs), 4)]
    return Group(*blocks)
