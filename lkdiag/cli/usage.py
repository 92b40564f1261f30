"""typer's own errors, told as every other error is: one line, and a hint."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import typer

from lkdiag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]
"""click's ClickException. Newer versions of typer have a copy of click under a private name: what typer exports leads
to the one that it raises."""


def as_usage_error(error: Any, arguments: Sequence[str]) -> UsageError:
    """The error in lkdiag's form. `arguments` are the command line, whose secret is not shown again."""
    said = str(error.message).removeprefix("Value error, ")
    name = getattr(error, "option_name", None)
    context = getattr(error, "ctx", None)
    command = "lkdiag" if context is None else context.command_path
    hint = f"`{command} --help` lists what there is"
    if possible := getattr(error, "possibilities", None):
        near = difflib.get_close_matches(str(name), possible, n=1)
        hint = f"did you mean {near[0]}? {hint}" if near else hint
    elif getattr(error, "param", None) is not None:
        error.message = said
        said = error.format_message()
    from lkdiag.cli.known_secrets import given_secrets
    from lkdiag.privacy.secrets import scrub

    return UsageError(scrub(said.rstrip("."), given_secrets(arguments)), hint)
