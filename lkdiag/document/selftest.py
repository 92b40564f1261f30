"""A selftest's result as blocks: the confusion matrix, and every trial off its diagonal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.document.blocks import BLANK, Column, Layout, Paragraph, Span, Table, TablePart, Tone
from lkdiag.selftest import INCONCLUSIVE, NOTHING_KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.document.blocks import Block, Columns
    from lkdiag.selftest import Confusion

SHOWN_MAX = 20
"""How many trials off the diagonal are shown one by one."""
SHORT = {INCONCLUSIVE: "incon.", NOTHING_KNOWN: "none"}
"""Headers of the columns that are no failure's."""


def blocks(result: Confusion) -> Iterator[Block]:
    """Rows are what was injected, columns what was diagnosed; a column's number is its row's."""
    yield Paragraph((Span("lkdiag selftest", strong=True), f"  seed {result.seed}, runs {', '.join(result.runs)}"))
    yield BLANK
    matrix = _matrix(result)
    failures = result.failures
    whole = TablePart(matrix, failures, title="Injected (rows) against diagnosed (columns)")
    narrow = TablePart(_list(result), failures, title="Injected against diagnosed")
    yield Table("Matrix", matrix, failures, layouts=lambda _: (Layout((whole,)), Layout((narrow,))))
    yield BLANK
    yield from _figures(result)
    if result.wrong:
        yield from (BLANK, Paragraph((Span("Off the diagonal", strong=True),)))
        for wrong in result.wrong[:SHOWN_MAX]:
            told = f"{wrong.injected}, taken for {wrong.diagnosed}: {wrong.told}"
            yield Paragraph(f"  {wrong.run} trial {wrong.trial}: {told}")
        if len(result.wrong) > SHOWN_MAX:
            yield Paragraph(f"  … and {len(result.wrong) - SHOWN_MAX} more")


def _matrix(result: Confusion) -> Columns[str]:
    diagnosed = [*result.failures]
    diagnosed += [n for n in (INCONCLUSIVE, NOTHING_KNOWN) if any(n in cells for cells in result.matrix.values())]
    return (
        Column("#", "", lambda injected: str(result.failures.index(injected) + 1), right=True),
        Column("injected", "", lambda injected: injected),
        *(_count(result, name, SHORT.get(name, str(number))) for number, name in enumerate(diagnosed, start=1)),
    )


def _list(result: Confusion) -> Columns[str]:
    """The same for a narrow terminal: only the cells in which there is something."""

    def taken_for(injected: str) -> str:
        cells = result.matrix[injected]
        return ", ".join(f"{count} {name}" for name, count in cells.items() if name != injected)

    return (
        Column("injected", "", lambda injected: injected),
        Column("trials", "", lambda injected: str(sum(result.matrix[injected].values())), right=True),
        _count(result, None, "right"),
        Column("taken for", "", taken_for, tone=lambda _: Tone.LOST),
    )


def _count(result: Confusion, diagnosed: str | None, header: str) -> Column[str]:
    """How often it was diagnosed; None: as what it was."""

    def count(injected: str) -> int:
        return result.matrix[injected].get(diagnosed or injected, 0)

    def tone(injected: str) -> Tone:
        if not count(injected):
            return Tone.FAINT
        return Tone.GOOD if diagnosed in (None, injected) else Tone.LOST

    return Column(header, "", lambda injected: str(count(injected) or "·"), right=True, tone=tone)


def _figures(result: Confusion) -> Iterator[Paragraph]:
    right = bool(result.trials) and result.right == result.trials
    yield Paragraph((_mark(right), f"{result.right} of {result.trials} trials were diagnosed as what was injected"))
    alike = sum(result.ambiguous.values())
    if alike:
        yield Paragraph(f"  {alike} of them with other causes that look alike from outside, all named")
    alarms = f"{result.false_alarms} false alarms in {result.honest} honest trials"
    yield Paragraph((_mark(not result.false_alarms), alarms))
    error = result.latency_error_ms
    if error.count:
        yield Paragraph(
            f"  latency against the server's webhooks: off by {error.p50:g} ms in the median, {error.max:g} ms at "
            f"most, in {error.count} trials"
        )


def _mark(good: bool) -> Span:
    return Span("✓ ", Tone.GOOD) if good else Span("✗ ", Tone.LOST)
