"""`lkdiag selftest`: lkdiag breaks things on purpose, and is measured at what it says of them."""

from __future__ import annotations

import contextlib
import secrets
import sys
from enum import StrEnum
from typing import Annotated

import typer

from lkdiag import settings
from lkdiag.cli import options as shared
from lkdiag.errors import ExitCode

EXAMPLES = """[bold]Examples[/]

lkdiag selftest [dim]– two hundred trials on a private server[/]

lkdiag selftest --trials 1000 --seed 1 [dim]– more, and the same ones again[/]

lkdiag selftest --only honest --trials 1000 [dim]– does it ever cry wolf?[/]
"""


class ResultFormat(StrEnum):
    """How the result is written."""

    TERMINAL = "terminal"
    JSON = "json"


def selftest(
    trials: Annotated[int, typer.Option("--trials", "-n", min=1, help="Trials in all.")] = 200,
    seed: Annotated[int | None, typer.Option("--seed", help="The same seed plays the same failures.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Only this scenario, or honest; may be repeated."),
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", "-c", min=1, help="Trials at a time.")] = 8,
    server_binary: shared.ServerBinary = None,
    format_: Annotated[ResultFormat, typer.Option("--format", "-f", help="terminal or json.")] = ResultFormat.TERMINAL,
    output: shared.Output = None,
    quiet: shared.Quiet = False,
    runs_dir: shared.RunsDir = None,
) -> None:
    """Play every failure, and the honest case, in random order on a private server, and compare with the diagnosis.

    It needs no project. Prints the confusion matrix (injected against diagnosed), false alarms, and by how much the
    reported latency is off the server's own. Failures that are the whole run's (webhooks, job types, calls) are played
    alone at its end, from 100 trials on.

    Exit codes: 0 every diagnosis is right · 1 a trial is off the diagonal · 2 usage · 4 set-up · 130 interrupted.
    """
    from lkdiag.cli.output import check_output
    from lkdiag.cli.selftest_play import Bench
    from lkdiag.render import selftest as render

    check_output(output)
    own_seed = secrets.randbelow(2**31) if seed is None else seed
    bench = Bench(
        trials,
        own_seed,
        concurrency,
        tuple(only or ()),
        settings.server_binary(server_binary),
        settings.runs_dir(runs_dir),
        quiet=quiet,
        seed_is_drawn=seed is None,
    )
    played = bench.run()
    with contextlib.nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8") as file:
        if format_ is ResultFormat.JSON:
            file.write(render.to_json(played.result))
        else:
            render.write_terminal(played.result, file, is_terminal=file.isatty())
    if played.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(ExitCode.OK if played.result.right == played.planned else ExitCode.FINDING)
