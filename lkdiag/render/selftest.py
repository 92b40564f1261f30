"""A selftest's result: the confusion matrix, and every trial off its diagonal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from rich.text import Text

from lkdiag.render.terminal import make_console
from lkdiag.render.terminal_table import Trimmed, natural_width, plain, table
from lkdiag.selftest import INCONCLUSIVE, NOTHING_KNOWN

if TYPE_CHECKING:
    from typing import TextIO

    from lkdiag.selftest import Confusion

    Cells = tuple[list[tuple[str, bool]], list[list[Text]]]
    """A table's headers and rows."""

SHOWN_MAX = 20
"""Trials off the diagonal that are told one by one."""


def to_json(result: Confusion) -> str:
    """Its JSON, `lkdiag.selftest/1`."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def write_terminal(result: Confusion, file: TextIO, *, is_terminal: bool) -> None:
    """Rows are what was injected, columns what was diagnosed; a column's number is its row's."""
    console = make_console(file, is_terminal=is_terminal)
    console.print(Text.assemble(("lkdiag selftest", "bold"), f"  seed {result.seed}, runs {', '.join(result.runs)}\n"))
    headers, rows = _matrix(result)
    if natural_width(headers, rows) > console.width:
        console.print(Text("Injected against diagnosed", "bold"))
        headers, rows = _list(result)
    else:
        console.print(Text("Injected (rows) against diagnosed (columns)", "bold"))
    console.print(Trimmed(table(headers, rows)))
    console.print()
    for line in _figures(result):
        console.print(line)
    if result.wrong:
        console.print(Text("\nOff the diagonal", "bold"))
        for wrong in result.wrong[:SHOWN_MAX]:
            console.print(
                plain(f"  {wrong.run} trial {wrong.trial}: {wrong.injected}, taken for {wrong.diagnosed}: {wrong.told}")
            )
        if len(result.wrong) > SHOWN_MAX:
            console.print(plain(f"  … and {len(result.wrong) - SHOWN_MAX} more"))


def _matrix(result: Confusion) -> Cells:
    diagnosed = [*result.failures]
    diagnosed += [n for n in (INCONCLUSIVE, NOTHING_KNOWN) if any(n in cells for cells in result.matrix.values())]
    headers = [("#", True), ("injected", False)]
    headers += [(_header(number, name), True) for number, name in enumerate(diagnosed, start=1)]
    rows = [
        [
            plain(str(number)),
            plain(injected),
            *(_cell(result.matrix[injected].get(name, 0), right=name == injected) for name in diagnosed),
        ]
        for number, injected in enumerate(result.failures, start=1)
    ]
    return headers, rows


def _list(result: Confusion) -> Cells:
    """The same for a narrow terminal: only the cells in which there is something."""
    headers = [("injected", False), ("trials", True), ("right", True), ("taken for", False)]
    rows = []
    for injected in result.failures:
        cells = result.matrix[injected]
        wrong = ", ".join(f"{count} {name}" for name, count in cells.items() if name != injected)
        right = _cell(cells.get(injected, 0), right=True)
        rows.append([plain(injected), plain(str(sum(cells.values()))), right, plain(wrong, "bold red")])
    return headers, rows


def _header(number: int, diagnosed: str) -> str:
    return {INCONCLUSIVE: "incon.", NOTHING_KNOWN: "none"}.get(diagnosed, str(number))


def _cell(count: int, *, right: bool) -> Text:
    if not count:
        return Text("·", style="dim")
    return Text(str(count), style="green" if right else "bold red")


def _figures(result: Confusion) -> list[Text]:
    mark = Text("✓ ", "green") if result.trials and result.right == result.trials else Text("✗ ", "bold red")
    lines = [mark + Text(f"{result.right} of {result.trials} trials were diagnosed as what was injected")]
    alike = sum(result.ambiguous.values())
    if alike:
        lines.append(Text(f"  {alike} of them with other causes that look alike from outside, all named"))
    alarm = Text("✓ ", "green") if not result.false_alarms else Text("✗ ", "bold red")
    lines.append(alarm + Text(f"{result.false_alarms} false alarms in {result.honest} honest trials"))
    error = result.latency_error_ms
    if error.count:
        lines.append(
            Text(
                f"  latency against the server's webhooks: off by {error.p50:g} ms in the median, {error.max:g} ms at "
                f"most, in {error.count} trials"
            )
        )
    return lines
