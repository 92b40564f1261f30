"""The options of `lkdiag worker`, with their words for `--help`, and the list of behaviours below them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from lkdiag.cli.duration_option import duration
from lkdiag.cli.options import OUTPUT
from lkdiag.scenario.dispatch import JobType

AgentName = Annotated[
    str,
    typer.Option(
        "--agent-name", help="As what it registers. Empty (--agent-name=): for automatic dispatch, so for every room."
    ),
]
BehaviourName = Annotated[
    str,
    typer.Option("--behaviour", metavar="NAME[:ARGUMENT]", help="How it treats its jobs: one of those below."),
]
JobTypeOption = Annotated[JobType, typer.Option("--job-type", help="For which jobs it registers.")]
For = Annotated[float | None, duration("--for", "End by itself after that time: 30s, 10m, 2h.", "Options")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No notes: errors and what happens only.", rich_help_panel=OUTPUT),
]


class WorkerCommand(TyperCommand):
    """Its help lists the behaviours; they are loaded for that alone, so that no other help has to wait for them."""

    def format_help(self, *arguments: Any) -> None:
        """Write the help."""
        self.epilog = f"{_behaviours()}\n\n{self.epilog or ''}"
        super().format_help(*arguments)


def _behaviours() -> str:
    from rich.markup import escape

    from lkdiag.client.behaviours import BEHAVIOURS, describe

    lines = [f"{escape(name + kind.arguments)} [dim]– {escape(describe(name))}[/]" for name, kind in BEHAVIOURS.items()]
    return "\n\n".join(["[bold]Behaviours[/]", *lines])
