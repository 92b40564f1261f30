"""`lkdiag run`: run a scenario, one that comes with lkdiag or a file of the user's own."""

from __future__ import annotations

from typing import Annotated

import typer

from lkdiag.cli.options import OutputOptions, ServerOptions, WorkerLog
from lkdiag.cli.scenario_run import RunOptions, run_scenario
from lkdiag.cli.secrets import check_script
from lkdiag.scenario.option import Option

EXAMPLES = """[bold]Examples[/]

lkdiag scenarios [dim]– which there are[/]

lkdiag run token-on-existing-room --local [dim]– reproduce livekit#4390 on a private server[/]

lkdiag run late-agent --local --set count=10 --set fault=slow:6s [dim]– with other settings[/]

lkdiag scenarios show room-name-reuse > mine.toml; lkdiag run mine.toml [dim]– your own, from a copy[/]
"""


def run(
    scenario: Annotated[
        str, typer.Argument(metavar="NAME_OR_FILE", help="A scenario of lkdiag's, or a TOML file of your own.")
    ],
    *,
    overrides: Annotated[
        tuple[str, ...], Option("Set one of the scenario's settings.", key="set", metavar="KEY=VALUE")
    ] = (),
    worker_log: WorkerLog = None,
    server: ServerOptions,
    output: OutputOptions,
) -> None:
    """Run a scenario: a failure that users reported, step by step on a real server, judged from outside.

    A scenario's file says who takes part, what happens in which order, what is expected, and whose report it is.
    `lkdiag scenarios` lists those that come with lkdiag. The options below are those of every run; a scenario's own
    settings are changed by --set.
    """
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.scenario.reading import split_overrides
    from lkdiag.scenario.script import load_script

    script = load_script(scenario, tuple(BEHAVIOURS), make_behaviour, split_overrides(overrides))
    options = RunOptions(server, output, worker_log)
    credentials = options.check(script.kind)
    check_script(script, [] if credentials is None else [credentials.api_secret])
    raise typer.Exit(run_scenario(script, options, credentials))
