"""`lkdiag scenarios`: list them, print one to copy, and print the schema of their format."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import Annotated

import typer

from lkdiag.cli.command import flat
from lkdiag.cli.messages import write_stdout
from lkdiag.cli.options import FORMAT, ListFormat

NARROWEST = 20
"""Cells for a title. In fewer, it would be a column of words."""

EXAMPLES = """[bold]Examples[/]

lkdiag scenarios [dim]– what can be run[/]

lkdiag scenarios show token-on-existing-room > mine.toml [dim]– one of them, to change; lkdiag run mine.toml[/]

lkdiag scenarios schema > scenario.schema.json [dim]– next to it, for an editor that completes TOML[/]

lkdiag scenarios --format json | jq -r '.scenarios[].name' [dim]– for a script that runs them all[/]

[bold]Exit codes[/]

0 shown · 2 there is no such scenario
"""


scenarios = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=EXAMPLES,
)


@scenarios.callback()
@flat
def list_scenarios(context: typer.Context, format_: Annotated[ListFormat, FORMAT] = ListFormat.TERMINAL) -> None:
    """List the scenarios that come with lkdiag: each reproduces one failure that people have reported.

    `lkdiag run NAME` runs one. They are TOML files: show one, copy it, change it, and run the copy by its path.
    """
    if context.invoked_subcommand is not None:
        return
    from lkdiag.scenario.file import read_summaries

    found = read_summaries()
    if format_ is ListFormat.JSON:
        listed = [
            {"name": one.name, "kind": one.kind, "failure": one.failure or None, "title": one.title,
             "report": one.report or None}
            for one in found
        ]  # fmt: skip
        _write(json.dumps({"schema": "lkdiag.scenarios/1", "scenarios": listed}, indent=2, ensure_ascii=False) + "\n")
        return
    widths = [max(len(text) for text in column) for column in zip(*((o.name, o.failure) for o in found), strict=True)]
    _write("".join(_line(f"{one.name:<{widths[0]}}  {one.failure:<{widths[1]}}  ", one.title) for one in found))


def _line(beginning: str, title: str) -> str:
    """In a terminal the title wraps below its beginning; in a pipe it is one line."""
    cells = shutil.get_terminal_size().columns - len(beginning) if sys.stdout.isatty() else 0
    lines = textwrap.wrap(title, cells) if cells >= NARROWEST else [title]
    return beginning + f"\n{' ' * len(beginning)}".join(lines) + "\n"


@scenarios.command(epilog="lkdiag scenarios show room-name-reuse > mine.toml; lkdiag run mine.toml --local")
def show(name: Annotated[str, typer.Argument(metavar="NAME", help="As `lkdiag scenarios` lists it.")]) -> None:
    """Print the file of a scenario as it is, to copy and to change.

    It says who takes part, what happens in which order, what is expected, and whose report it is.
    """
    from lkdiag.scenario.file import read_builtin_text

    _write(read_builtin_text(name.removesuffix(".toml")))


@scenarios.command(epilog="lkdiag scenarios schema > scenario.schema.json")
def schema() -> None:
    """Print the JSON Schema of the format: with it, editors complete and check a scenario's file.

    Save it next to the scenario, and make `#:schema ./scenario.schema.json` the first line of the scenario.
    """
    from lkdiag.scenario.file import read_schema_text

    _write(read_schema_text())


def _write(text: str) -> None:
    """As it is: no width cuts it."""
    write_stdout(lambda file: file.write(text))
