"""Shows a report: each format is a function that writes it to a text stream, and loads what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from lkdiag.report.value import Report


def write_terminal(report: Report, file: TextIO, *, verbose: bool = False) -> None:
    """For reading: with colours and the width of the terminal if `file` is one, else plain text in full width."""
    from lkdiag.document.build import document_of
    from lkdiag.render import terminal

    console = terminal.make_console(file, is_terminal=file.isatty())
    terminal.render(document_of(report), console, verbose=verbose)


def write_json(report: Report, file: TextIO, *, verbose: bool = False) -> None:  # noqa: ARG001 - always in full
    """For programs: the contract `lkdiag.report/1`."""
    from lkdiag.render import json

    file.writelines(json.parts(report))


def write_markdown(report: Report, file: TextIO, *, verbose: bool = False) -> None:  # noqa: ARG001 - always in full
    """For the body of an issue."""
    from lkdiag.document.build import document_of
    from lkdiag.render import markdown

    file.write(markdown.render(document_of(report)))


def write_junit(report: Report, file: TextIO, *, verbose: bool = False) -> None:  # noqa: ARG001 - always in full
    """For CI: a test for each trial."""
    from lkdiag.render import junit

    file.writelines(junit.parts(report))


def write_html(report: Report, file: TextIO, *, verbose: bool = False) -> None:  # noqa: ARG001 - always in full
    """To be attached: one page that loads nothing."""
    from lkdiag.document.build import document_of
    from lkdiag.render import html

    file.write(html.render(document_of(report)))


def write_svg(report: Report, file: TextIO, *, verbose: bool = False) -> None:
    """The terminal's report as a picture."""
    from lkdiag.document.build import document_of
    from lkdiag.render import svg

    file.write(svg.render(document_of(report), verbose=verbose))


FORMATS: dict[str, Callable[..., None]] = {
    "terminal": write_terminal,
    "json": write_json,
    "markdown": write_markdown,
    "html": write_html,
    "svg": write_svg,
    "junit": write_junit,
}
"""By name; each takes (report, file, *, verbose=False)."""
