"""`lkdiag selftest`: lkdiag breaks things on purpose, and is measured at what it says of them."""

from __future__ import annotations

import contextlib
import secrets
import sys
from typing import Annotated

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
    seed: Annotated[int | None, Option("The same seed plays the same failures.")] = None,
    only: Annotated[tuple[str, ...], Option("Only this scenario, or honest.", metavar="NAME")] = (),
    concurrency: Annotated[int, Option("Trials at a time.", short="-c", least=1)] = 8,
    server_binary: ServerBinary = None,
    format_: Annotated[ListFormat, FORMAT] = ListFormat.TERMINAL,
    output: Output = None,
    quiet: Quiet = False,
    runs_dir: RunsDir = None,
) -> None:
    """Play every failure, and the honest case, in random order on a private server, and compare with the diagnosis.

    It needs no project. Prints the confusion matrix (injected against diagnosed), false alarms, and by how much the
    reported latency is off the server's own. Failures that are the whole run's (webhooks, job types, calls) are played
    alone at its end, from 100 trials on.

    Exit codes: 0 every diagnosis is right · 1 a trial is off the diagonal · 2 usage · 4 set-up · 130 interrupted.
    """
    from lkdiag.cli.output import check_output
    from lkdiag.cli.selftest_play import Bench
    from lkdiag.document.selftest import blocks
    from lkdiag.render import json, terminal

    check_output(output)
    own_seed = secrets.randbelow(2**31) if seed is None else seed
    bench = Bench(
        trials,
        own_seed,
        concurrency,
        only,
        settings.server_binary(server_binary),
        settings.runs_dir(runs_dir),
        quiet=quiet,
        seed_is_drawn=seed is None,
    )
    played = bench.run()
    with contextlib.nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8") as file:
        if format_ is ListFormat.JSON:
            file.write(json.as_declared(played.result))
        else:
            terminal.write(blocks(played.result), terminal.make_console(file, is_terminal=file.isatty()))
    if played.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(ExitCode.OK if played.result.right == played.planned else ExitCode.FINDING)
