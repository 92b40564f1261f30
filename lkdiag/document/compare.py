"""Two runs compared, as blocks: for a terminal, and for an issue or a pull request's comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.compare.value import Result
from lkdiag.document.blocks import (
    BLANK,
    Code,
    Column,
    Facts,
    Heading,
    Items,
    Narrow,
    Paragraph,
    Span,
    Table,
    Tone,
    Warnings,
)
from lkdiag.document.wording import NONE, duration, period, plural, tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkdiag.compare.value import CellComparison, Comparison, Side
    from lkdiag.document.blocks import Block
    from lkdiag.stats import Rate, RateDifference

SYMBOL = {Result.BETTER: "✓", Result.WORSE: "✗", Result.NO_DIFFERENCE: "=", Result.TOO_FEW: "?"}
TONE = {
    Result.BETTER: Tone.GOOD,
    Result.WORSE: Tone.LOST,
    Result.NO_DIFFERENCE: Tone.PLAIN,
    Result.TOO_FEW: Tone.UNSURE,
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


def for_terminal(found: Comparison) -> Iterator[Block]:
    """What differs in the settings first, then the figures, then what can be said of them."""
    yield Paragraph((Span("lkdiag compare", strong=True),))
    sides = (("A", found.a), ("B", found.b))
    yield Facts([row for name, side in sides for row in ((name, _run(side)), ("", side.command))])
    for heading, blocks in (
        ("What differs", (_differences(found),) if found.differences else ()),
        ("Beware", (Warnings(found.warnings),) if found.warnings else ()),
        ("Figures", (_figures(found), *_footnote(found, indent=2))),
        ("Rooms after the hang-up", _cells(found, indent=2)),
        ("What can be said", [Facts([row]) for row in _said(found)]),
    ):
        if blocks:
            yield from (BLANK, Heading(heading), *blocks)
    yield BLANK
    yield Paragraph((_mark(found.result), Span(found.headline, strong=True)))


def for_issue(found: Comparison) -> Iterator[Block]:
    """What can be said first, the runs last."""
    yield Heading(f"lkdiag compare: {SYMBOL[found.result]} {found.headline}", level=2)
    yield BLANK
    yield Items([(Span(MEASURE[name], strong=True), f": {sentence}") for name, _, sentence in sentences(found)])
    yield BLANK
    for warning in found.warnings:
        yield from (Warnings((warning,)), BLANK)
    yield _figures(found)
    yield from (block for footnote in _footnote(found) for block in (BLANK, footnote))
    if found.differences:
        yield from (BLANK, Heading("What differs", level=3), BLANK, _differences(found))
    if found.grid:
        yield from (BLANK, Heading("Rooms after the hang-up", level=3))
        for block in _cells(found):
            yield from (BLANK, block)
    yield from (BLANK, Heading("Runs", level=3), BLANK)
    yield Items([(f"{name}: {_run(one)}: ", Code(one.command)) for name, one in (("A", found.a), ("B", found.b))])


# -- what is shown ------------------------------------------------------------------------------------------------


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table[Sequence[str]]:
    columns = tuple(_column(header, at) for at, header in enumerate(headers))
    return Table(title, columns, rows, narrow=Narrow.BLOCKS, indent=2)


def _column(header: str, at: int) -> Column[Sequence[str]]:
    return Column(header, "", lambda row: row[at])


def _differences(found: Comparison) -> Table[Sequence[str]]:
    return _table("What differs", ("", "A", "B"), [(one.name, one.a, one.b) for one in found.differences])


def _figures(found: Comparison) -> Table[Sequence[str]]:
    return _table("Figures", FIGURE_HEADERS, figures(found))


def _footnote(found: Comparison, indent: int = 0) -> tuple[Paragraph, ...]:
    return () if found.latency is None else (Paragraph((Span(FOOTNOTE, Tone.FAINT),), indent),)


def _cells(found: Comparison, indent: int = 0) -> list[Block]:
    """The cells of the grid that differ, and the number of those that don't."""
    rows = [_cell_row(cell) for cell in found.grid if cell.differs]
    table: list[Block] = [_table("Rooms after the hang-up", GRID_HEADERS, rows)] if rows else []
    return [*table, *(Paragraph(line, indent) for line in _rest(found.grid))]


def _said(found: Comparison) -> Iterator[tuple[str, tuple[Span, str]]]:
    for name, result, sentence in sentences(found):
        yield f"{MEASURE[name]:<10}", (_mark(result), sentence)


def _mark(result: Result) -> Span:
    return Span(f"{SYMBOL[result]} ", TONE[result], strong=True)


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


def _rest(cells: Sequence[CellComparison]) -> list[str]:
    """How many cells are alike, and how many only one run has."""
    alike = sum(bool(cell.a) and bool(cell.b) and not cell.differs for cell in cells)
    only_a, only_b = sum(not cell.b for cell in cells), sum(not cell.a for cell in cells)
    counts = ((alike, "alike in both"), (only_a, "played in A only"), (only_b, "played in B only"))
    return [f"{plural(count, 'cell')} {what}" for count, what in counts if count]
