"""`lkdiag explain`: what a finding, a cause or a check of the doctor means, how to tell, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from lkdiag.cli.messages import write_stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.pages import Page

EXAMPLES = """[bold]Examples[/]

lkdiag explain [dim]– every page, a line each[/]

lkdiag explain false-running [dim]– a finding, by the name that the report prints with it[/]

lkdiag explain no-worker worker-full [dim]– the causes that a trial may have had[/]

lkdiag explain tls [dim]– a line of lkdiag doctor[/]

lkdiag explain room-existed > room-existed.md [dim]– plain Markdown, to quote[/]
"""
HEADINGS = {
    "failures": "Findings and outcomes",
    "causes": "Causes",
    "doctor": "Checks of lkdiag doctor",
}


def _names() -> list[str]:
    """For the shell to complete."""
    from lkdiag.pages import read_pages

    return [name for page in read_pages() for name in (page.name, *page.also)]


def explain(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="As a report or the doctor prints it; several at once will do. Without one all are listed.",
            autocompletion=_names,
        ),
    ] = None,
) -> None:
    """Say what a finding, an outcome, a cause or a check of the doctor means, how to tell, and what to do.

    Every name that a report can print has a page, with the upstream source or thread behind it. The pages come with
    lkdiag: nothing is asked of any server. A terminal gets them rendered, a pipe gets plain Markdown.

    Exit codes: 0 shown · 2 there is no such page.
    """
    from lkdiag.pages import find_page, read_pages

    pages = [find_page(name) for name in dict.fromkeys(names or ())]

    def write(file: TextIO) -> None:
        if not pages:
            file.write(_listed(read_pages()))
        elif file.isatty():
            _render(pages, file)
        else:
            file.write("\n".join(page.text for page in pages))

    write_stdout(write)


def _listed(pages: Sequence[Page]) -> str:
    """Under a heading for each kind; other names of the same page stand behind its title."""
    width = max(len(page.name) for page in pages)
    blocks = []
    for group, heading in HEADINGS.items():
        lines = [
            f"  {page.name:<{width}}  {page.title}" + (f" ({', '.join(page.also)})" if page.also else "")
            for page in pages
            if page.group == group
        ]
        blocks.append("\n".join([heading, *lines, ""]))
    return "\n".join(blocks)


def _render(pages: Sequence[Page], file: TextIO) -> None:
    from rich.markdown import Markdown

    from lkdiag.render.terminal import make_console

    console = make_console(file, is_terminal=True)
    for page in pages:
        console.print(Markdown(page.text))
        console.print()
