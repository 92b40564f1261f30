"""The terminal's report as a picture: one SVG that asks for nothing from anywhere."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING

from lkdiag.document.blocks import Part, Table
from lkdiag.document.selection import MOST_ROWS
from lkdiag.document.wording import NONE, VERDICT_SYMBOL
from lkdiag.render.terminal import make_console
from lkdiag.render.terminal import render as render_terminal
from lkdiag.text import visible

if TYPE_CHECKING:
    from typing import Any

    from lkdiag.document.blocks import Document

WIDTHS = (120, 160, 200, 260, 340, 440)
"""Cells; the first of them in which every id has its place, as nobody can widen a picture."""
COMPLETE_UP_TO = 100
"""Trials; of more the picture shows what a terminal would: the failing ones."""

_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" width="{width}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>REPORT_TITLE</title>
<style>
.{unique_id}-matrix, .{unique_id}-title {{
font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""As rich's own, but for the web font that it would load, and with a title for those who don't see it."""


def render(document: Document, *, verbose: bool = False) -> str:
    """XML that ends with a newline."""
    tables = [block for section in document.sections if section.part is Part.TABLE for block in section.blocks]
    shown = [table for table in tables if isinstance(table, Table)]
    count = sum(len(table.rows) for table in shown)
    complete = count <= COMPLETE_UP_TO or (verbose and count <= MOST_ROWS)
    wanted = {an_id for table in shown for an_id in _ids(table)} if complete else set()
    for cells in WIDTHS:
        console = make_console(io.StringIO(), is_terminal=not complete)
        console.width = cells
        console.record = True
        render_terminal(document, console, verbose=verbose)
        text = console.export_text(clear=False)
        if all(an_id in text for an_id in wanted):
            break
    title = visible(f"{document.title}, run {document.run_id}")
    verdict = f"{VERDICT_SYMBOL[document.verdict]} {document.verdict.value.upper()}"
    told = visible(f"{title}: {verdict}. {document.headline}")
    # the format is one for str.format
    safe = escape(told).replace("{", "{{").replace("}", "}}")
    picture = console.export_svg(title=title, code_format=_FORMAT.replace("REPORT_TITLE", safe))
    return picture if picture.endswith("\n") else f"{picture}\n"


def _ids(table: Table[Any]) -> set[str]:
    found = {column.cell(row) for column in table.columns if column.is_id for row in table.rows}
    return {visible(an_id) for an_id in found if an_id != NONE}
