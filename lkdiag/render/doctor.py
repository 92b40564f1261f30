"""What the doctor found: a line a check, told as it goes on, or JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
from rich.table import Table
from rich.text import Text

from lkdiag.render.terminal_table import Trimmed, indented, labelled, plain
from lkdiag.render.wording import more
from lkdiag.report.doctor_value import Health, Mark

if TYPE_CHECKING:
    from rich.console import Console

    from lkdiag.report.doctor_value import Checked, DoctorReport

SYMBOLS = {Mark.OK: "✓", Mark.INFO: "·", Mark.WARNING: "!", Mark.FAILED: "✗", Mark.NOT_TRIED: "–"}
STYLES = {
    Mark.OK: "green",
    Mark.INFO: "cyan",
    Mark.WARNING: "bold yellow",
    Mark.FAILED: "bold red",
    Mark.NOT_TRIED: "dim",
}
TITLE_CELLS = 18
"""The longest title of the table; the lines are written one by one, so that it can't be measured."""
HEALTH = {
    Health.OK: ("✓", "bold green"),
    Health.WRONG: ("✗", "bold red"),
    Health.UNCLEAR: ("?", "bold cyan"),
    Health.UNTESTABLE: ("✗", "bold red"),
}


class DoctorLines:
    """Writes one check after the other, under headings."""

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        self._group = ""

    def write(self, checked: Checked) -> None:
        """One check."""
        if checked.group != self._group:
            if self._group:
                self._console.print()
            self._console.print(plain(checked.group, "bold cyan"))
            self._group = checked.group
        took = f"{checked.took_ms:.0f} ms" if self._verbose and checked.took_ms is not None else ""
        self._console.print(Trimmed(indented(_line(checked, took))))
        if self._verbose and checked.details:
            self._console.print(Trimmed(indented(labelled(checked.details.items()), 2 + 2 + TITLE_CELLS + 1)))

    def finish(self, report: DoctorReport) -> None:
        """The verdict, below all of them."""
        self._console.print()
        symbol, style = HEALTH[report.health]
        if report.interrupted:
            self._console.print(plain("Interrupted.", "bold"))
        self._console.print(Trimmed(_marked(symbol, plain(report.headline, "bold"), style)))
        self._console.print(plain(f"  {_counts(report)}", "dim"))
        for room in report.rooms_left:
            self._console.print(plain(f"  left behind: {room}", "bold red"))


def render_doctor(report: DoctorReport, console: Console, *, verbose: bool) -> None:
    """All of it at once."""
    lines = DoctorLines(console, verbose=verbose)
    write_title(console)
    for checked in report.checks:
        lines.write(checked)
    lines.finish(report)


def write_title(console: Console) -> None:
    """The first line, and a blank one."""
    console.print(Text("lkdiag doctor", "bold"))
    console.print()


def render_doctor_json(report: DoctorReport) -> str:
    """Indented JSON in ASCII that ends with a newline, so that it is safe to `cat`."""
    fields: dict[str, Any] = msgspec.to_builtins(report)
    text = json.dumps({"schema": fields.pop("schema"), **fields}, indent=2, ensure_ascii=True)
    return text.replace("\x7f", "\\u007f") + "\n"


def _line(checked: Checked, took: str) -> Table:
    """Mark, title, and beside them what was seen with the fix below it."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, width=TITLE_CELLS)
    grid.add_column(overflow="fold")
    dim = checked.mark is Mark.NOT_TRIED
    mark = Text(SYMBOLS[checked.mark], STYLES[checked.mark])
    seen = plain(checked.seen, "dim" if dim else "")
    if took:
        seen.append_text(plain(f"  {took}", "dim"))
    grid.add_row(mark, plain(checked.title, "dim" if dim else "bold"), seen)
    if checked.fix:
        grid.add_row("", "", _marked("→", plain(checked.fix), "cyan"))
    if checked.mark in (Mark.WARNING, Mark.FAILED):
        grid.add_row("", "", _marked("more:", plain(more([checked.check])), "cyan"))
    return grid


def _marked(mark: str, text: Text, style: str) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark, style), text)
    return grid


def _counts(report: DoctorReport) -> str:
    """`24 checks: 18 in order, 6 for information`."""
    words = {
        Mark.OK: "in order",
        Mark.INFO: "for information",
        Mark.WARNING: "worth a look",
        Mark.FAILED: "wrong",
        Mark.NOT_TRIED: "not tried",
    }
    counts = Counter(checked.mark for checked in report.checks)
    told = ", ".join(f"{counts[mark]} {word}" for mark, word in words.items() if counts[mark])
    return f"{len(report.checks)} checks: {told}"
