"""`lkdiag selftest`: inject failures, and measure how many lkdiag diagnoses correctly."""

from __future__ import annotations

import secrets
from typing import Annotated, TextIO

import typer

from lkdiag import settings
from lkdiag.cli.options import FORMAT, ListFormat, Output, Quiet, RunsDir, ServerBinary
from lkdiag.errors import ExitCode
from lkdiag.scenario.option import Option

EXAMPLES = """[bold]Examples[/]

lkdiag selftest [dim]– two hundred trials on a private server[/]

lkdiag selftest --trials 1000 --seed 1 [dim]– more, and the same ones again[/]

lkdiag selftest --only honest --trials 1000 [dim]– does it ever cry wolf?[/]
"""


def selftest(
    trials: Annotated[int, Option("Trials in all.", short="-n", least=1)] = 200,
    seed: Annotated[int | None, Option("The same seed injects the same failures.")] = None,
    only: Annotated[tuple[str, ...], Option("Only this scenario, or honest.", metavar="NAME")] = (),
    concurrency: Annotated[int, Option("Trials at a time.", short="-c", least=1)] = 8,
    server_binary: ServerBinary = None,
    format_: Annotated[ListFormat, FORMAT] = ListFormat.TERMINAL,
    output: Output = None,
    quiet: Quiet = False,
    runs_dir: RunsDir = None,
) -> None:
    """Inject every failure, and the honest case, in random order on a private server; compare with the diagnosis.

    It needs no project. Prints the confusion matrix (injected against diagnosed), false alarms, and by how much the
    reported latency is off the server's own. Failures that are the whole run's (webhooks, job types, calls) are run
    alone at its end, from 100 trials on.

    Exit codes: 0 every diagnosis is right · 1 a trial is off the diagonal · 2 usage · 4 set-up · 130 interrupted.
    """
    from lkdiag.cli.messages import write_stdout
    from lkdiag.cli.output import check_output
    from lkdiag.cli.selftest_run import Selftest
    from lkdiag.document.selftest import blocks
    from lkdiag.render import json, terminal

    check_output(output)
    own_seed = secrets.randbelow(2**31) if seed is None else seed
    result = Selftest(
        trials,
        own_seed,
        concurrency,
        only,
        settings.server_binary(server_binary),
        settings.runs_dir(runs_dir),
        quiet=quiet,
        seed_is_drawn=seed is None,
    ).run()

    def write(file: TextIO) -> None:
        if format_ is ListFormat.JSON:
            file.write(json.as_declared(result.confusion))
        else:
            terminal.write(blocks(result.confusion), terminal.make_console(file, is_terminal=file.isatty()))

    if output is None:
        write_stdout(write)
    else:
        with output.open("w", encoding="utf-8") as file:
            write(file)
    if result.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(ExitCode.OK if result.confusion.right == result.planned else ExitCode.FINDING)
