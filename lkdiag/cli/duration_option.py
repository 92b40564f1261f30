"""An option that takes a duration, as 4s or 250ms."""

from __future__ import annotations

from typing import Any

import typer

from lkdiag.errors import UsageError
from lkdiag.scenario.duration import parse_duration_s


def duration(name: str, help_: str, panel: str) -> Any:
    """A typer option of that name, in seconds."""

    def seconds(value: str | float) -> float:
        """typer hands the default, which is in seconds already, to the parser too."""
        try:
            return parse_duration_s(value) if isinstance(value, str) else value
        except UsageError as error:
            raise UsageError(f"{name}: {error.message}", error.hint) from None

    return typer.Option(name, parser=seconds, metavar="TIME", help=help_, rich_help_panel=panel)
