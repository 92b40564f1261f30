"""`lkdiag worker`: one worker that behaves well or badly, for as long as you like: does your fallback notice?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from lkdiag import settings
from lkdiag.cli.messages import say, say_project
from lkdiag.cli.options import OUTPUT, ProjectOptions
from lkdiag.errors import ExitCode, UsageError
from lkdiag.scenario.dispatch import JobType
from lkdiag.scenario.option import UNTIL_STOPPED, Option

if TYPE_CHECKING:
    from lkdiag.scenario.fault import BehaviourSpec

EXAMPLES = """[bold]Examples[/]

lkdiag worker --agent-name my-agent-test --behaviour ghost [dim]– does your fallback notice?[/]

lkdiag worker --agent-name my-agent --behaviour stale --for 10m [dim]– takes jobs from your own workers[/]
"""


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


COMMAND_CLASS = WorkerCommand
"""The command's, for typer."""


def worker(
    *,
    agent_name: Annotated[
        str,
        Option("As what it registers. Empty (--agent-name=): for automatic dispatch, so for every room."),
    ],
    behaviour: Annotated[
        str, Option("How it treats its jobs: one of those below.", metavar="NAME[:ARGUMENT]")
    ] = "honest",
    job_type: Annotated[JobType, Option("For which jobs it registers.")] = JobType.ROOM,
    for_s: Annotated[
        float | None, Option("End by itself after that time: 30s, 10m, 2h.", above=0, why=UNTIL_STOPPED)
    ] = None,
    project: ProjectOptions,
    quiet: Annotated[bool, Option("No notes: errors and what happens only.", panel=OUTPUT, short="-q")] = False,
) -> None:
    """Run one worker that misbehaves in a way of your choice, to see whether your fallback notices.

    It registers with your project, and treats every job that it is given like
    that: what your own code does about it is then the question. Each happening
    is a line on stdout: when (UTC), what, and the ids. It goes on until Ctrl-C,
    or for the time given by --for; then its agents leave their rooms, and it
    deregisters.

    Under the name of a worker of yours it takes real jobs from that one: better
    choose a name for tests.

    Exit codes: 0 it ended as asked · 2 usage · 4 credentials or connection.
    """
    spec = _behaviour(behaviour)
    credentials = settings.load_to_use(project.flags)

    import asyncio

    from lkdiag.cli.worker_run import run_worker
    from lkdiag.client.behaviours import describe

    say_project(credentials, quiet=quiet)
    if not quiet:
        name = f"a worker named {agent_name!r}" if agent_name else "a worker without a name"
        say(f"Running {name}, {spec}: {describe(spec.name)} Ctrl-C ends it.")
    ended = asyncio.run(run_worker(credentials, agent_name, job_type, spec, for_s))
    if not quiet:
        say(ended)
    raise typer.Exit(ExitCode.OK)


def _behaviour(text: str) -> BehaviourSpec:
    from lkdiag.client.behaviours import make_behaviour
    from lkdiag.scenario.fault import parse_behaviour

    spec = parse_behaviour(text)
    try:
        make_behaviour(spec)
    except UsageError as error:
        hint = error.hint or "as in ghost, slow:4s, join-then-leave:2s; lkdiag worker --help lists them"
        raise UsageError(f"--behaviour: {error.message}", hint) from None
    return spec
