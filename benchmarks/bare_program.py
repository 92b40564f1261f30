"""A bare typer and rich program, to compare lkdiag's start-up with."""

from __future__ import annotations

from typing import Annotated

import rich.console
import typer

app = typer.Typer(rich_markup_mode="rich")


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Do nothing, with options."""
    if version:
        rich.console.Console().print("1.0")


@app.command()
def command(name: str = "x") -> None:
    """One of them."""


if __name__ == "__main__":
    app()
