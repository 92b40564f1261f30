"""typer's own errors, told as every other error is: one line, and a hint."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import typer

from lkdiag.errors import UsageError
from lkdiag.settings import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence

CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]
"""click's ClickException. Newer versions of typer have a copy of click under a private name: what typer exports leads
to the one that it raises."""

SECRET_OPTION = "--api-secret"


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
    return UsageError(scrub(said.rstrip("."), _secrets_in(arguments)), hint)


def _secrets_in(arguments: Sequence[str]) -> list[str]:
    """What may be the secret on a command line that could not be understood."""
    found: list[str] = []
    for number, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == SECRET_OPTION:
            # `--api-secret= SECRET` makes an extra argument of it
            found += [value, *arguments[number + 1 : number + 2]]
    return found
