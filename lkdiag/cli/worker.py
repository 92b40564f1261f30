"""`lkdiag worker`: one worker that behaves well or badly, for as long as you like: does your fallback notice?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lkdiag import settings
from lkdiag.cli import options as shared
from lkdiag.cli import worker_options as own
from lkdiag.cli.notes import say
from lkdiag.cli.worker_options import WorkerCommand
from lkdiag.errors import ExitCode, UsageError
from lkdiag.scenario.dispatch import JobType

if TYPE_CHECKING:
    from lkdiag.scenario.fault import BehaviourSpec

COMMAND_CLASS = WorkerCommand
"""The command's, for typer."""

EXAMPLES = """[bold]Examples[/]

lkdiag worker --agent-name my-agent-test --behaviour ghost [dim]– does your fallback notice?[/]

lkdiag worker --agent-name my-agent --behaviour stale --for 10m [dim]– takes jobs from your own workers[/]
"""


def worker(
    agent_name: own.AgentName,
    behaviour: own.BehaviourName = "honest",
    job_type: own.JobTypeOption = JobType.ROOM,
    for_: own.For = None,
    project: shared.Project = None,
    url: shared.Url = None,
    api_key: shared.ApiKey = None,
    api_secret: shared.ApiSecret = None,
    quiet: own.Quiet = False,
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
    if for_ is not None and for_ <= 0:
        raise UsageError(f"--for is {for_:g} s", "it has to be above 0: leave it out to go on until Ctrl-C")
    credentials = settings.load_to_use(settings.CredentialFlags(url, api_key, api_secret, project))

    import asyncio

    from lkdiag.cli.worker_play import play
    from lkdiag.client.behaviours import describe

    for warning in credentials.warnings:
        say(f"warning: {warning}")
    if not quiet:
        say(f"Project {credentials.host}, credentials from {credentials.source}")
        name = f"a worker named {agent_name!r}" if agent_name else "a worker without a name"
        say(f"Playing {name}, {spec}: {describe(spec.name)} Ctrl-C ends it.")
    ended = asyncio.run(play(credentials, agent_name, job_type, spec, for_))
    if not quiet:
        say(ended)
    raise typer.Exit(ExitCode.OK)


def _behaviour(text: str) -> BehaviourSpec:
    from lkdiag.client.behaviours import make_behaviour
    from lkdiag.scenario.workers import parse_behaviour

    spec = parse_behaviour(text)
    try:
        make_behaviour(spec)
    except UsageError as error:
        hint = error.hint or "as in ghost, slow:4s, join-then-leave:2s; lkdiag worker --help lists them"
        raise UsageError(f"--behaviour: {error.message}", hint) from None
    return spec
