"""`lkdiag run`: play a scenario, one that comes with lkdiag or a file of the user's own."""

from __future__ import annotations

from typing import Annotated

import typer

from lkdiag.cli import options as shared
from lkdiag.cli.play import Flags, play
from lkdiag.cli.secret_words import check_script

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
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set one of the scenario's settings; may be repeated."),
    ] = None,
    worker_log: shared.WorkerLog = None,
    local: shared.Local = False,
    project: shared.Project = None,
    url: shared.Url = None,
    api_key: shared.ApiKey = None,
    api_secret: shared.ApiSecret = None,
    server_binary: shared.ServerBinary = None,
    format_: shared.ReportFormat = None,
    output: shared.Output = None,
    verbose: shared.Verbose = False,
    quiet: shared.Quiet = False,
    redact: shared.Redact = False,
    fail_if: shared.FailIf = None,
    runs_dir: shared.RunsDir = None,
) -> None:
    """Play a scenario: a failure that users reported, step by step on a real server, judged from outside.

    A scenario's file says who takes part, what happens in which order, what is expected, and whose report it is.
    `lkdiag scenarios` lists those that come with lkdiag. The options below are those of every run; a scenario's own
    settings are changed by --set.
    """
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.scenario.script import load_script, split_overrides

    script = load_script(scenario, tuple(BEHAVIOURS), make_behaviour, split_overrides(overrides or []))
    flags = Flags(
        local, project, url, api_key, api_secret, server_binary, format_, output, verbose, quiet, redact, runs_dir,
        worker_log, tuple(fail_if or ()),
    )  # fmt: skip
    credentials = flags.check(script.kind)
    check_script(script, [] if credentials is None else [credentials.api_secret])
    raise typer.Exit(play(script, flags, credentials))
