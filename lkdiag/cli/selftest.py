"""`lkdiag selftest`: lkdiag breaks things on purpose, and is measured at what it says of them."""

from __future__ import annotations

import contextlib
import secrets
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lkdiag import settings
from lkdiag.cli import options as shared
from lkdiag.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import asyncio

    from lkdiag.call.webhooks import WebhookListener
    from lkdiag.scenario.script import DispatchScript
    from lkdiag.timeline import Recorder

EXAMPLES = """[bold]Examples[/]

lkdiag selftest [dim]– two hundred trials on a private server[/]

lkdiag selftest --trials 1000 --seed 1 [dim]– more, and the same ones again[/]

lkdiag selftest --only honest --trials 1000 [dim]– does it ever cry wolf?[/]
"""
COMMON: dict[str, Any] = {"timeout_s": 5.0, "delayed_after_s": 2.0, "fallback_timeout_s": 5.0, "webhooks": "ok"}
"""Settings of every trial, so that all of them can be part of one run."""
HONEST_WORD = "honest"
APART = frozenset(
    {
        "webhooks-missing", "webhooks-late", "webhooks-doubled", "cold-start", "room-name-reuse", "automatic",
        "name-turns-automatic-off", "participant-job-without-participant", "publisher-job-without-track",
    }
)  # fmt: skip
"""Scenarios that can't be part of a run of others: what they break is the run's own (its receiver of webhooks, its
pace, the job type of its worker), or the whole project's (workers without a name)."""


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

    Prints the confusion matrix (injected against diagnosed), false alarms, and by how much the reported latency is off
    the server's own. Exit code 1 when a trial is off the diagonal.
    """
    from dataclasses import replace

    from lkdiag.cli.output import check_output
    from lkdiag.cli.recording import command_line
    from lkdiag.cli.session import Session
    from lkdiag.cli.tally import DispatchTally
    from lkdiag.journal import read_journal
    from lkdiag.render import selftest as render
    from lkdiag.report.build import build_report
    from lkdiag.report.value import DispatchReport
    from lkdiag.scenario.script import with_settings
    from lkdiag.selftest.confusion import confusion_of
    from lkdiag.selftest.mix import HONEST, Mix, prepare

    check_output(output)
    own_seed = secrets.randbelow(2**31) if seed is None else seed
    scripts = _scripts(only)
    honest = _load(HONEST)
    common = replace(
        with_settings(honest, count=trials, concurrency=concurrency, warmup=1, seed=own_seed, **COMMON), name="selftest"
    )
    mix = Mix(prepare(scripts, common), own_seed)

    async def carry_out(
        used: settings.Credentials,
        recorder: Recorder,
        run_id: str,
        stop: asyncio.Event,
        webhooks: WebhookListener | None,
    ) -> None:
        from lkdiag.trial.run import run_script

        await run_script(common, used, recorder, run_id, stop, webhooks, mix=mix.script_of)

    session = Session(
        script=common,
        tally=DispatchTally(common.settings, trials),
        carry_out=carry_out,
        credentials=None,
        server_binary=settings.server_binary(server_binary),
        runs_dir=settings.runs_dir(runs_dir),
        command=command_line([] if seed is not None else ["--seed", str(own_seed)]),
        quiet=quiet,
        webhook_address=("127.0.0.1", 0),
    )
    journal = read_journal(session.run())
    report = build_report(journal.events, journal.notes)
    assert isinstance(report, DispatchReport), "a selftest is made of dispatch trials"
    result = confusion_of(
        report, journal.events, {name: _truth(script) for name, script in mix.scripts.items()}, own_seed
    )
    with contextlib.nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8") as file:
        if format_ is ResultFormat.JSON:
            file.write(render.to_json(result))
        else:
            render.write_terminal(result, file, is_terminal=file.isatty())
    if report.run.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(ExitCode.OK if result.right == trials else ExitCode.FINDING)


def _scripts(only: list[str] | None) -> list[DispatchScript]:
    """Those that are to be played; by default all that can be, and the honest one. Raises UsageError."""
    from lkdiag.scenario.script import DispatchScript, builtin_names
    from lkdiag.selftest.mix import HONEST

    wanted = [HONEST if name == HONEST_WORD else name for name in only or ()]
    apart = [name for name in wanted if name in APART]
    if apart:
        raise UsageError(f"{apart[0]} can't be part of a selftest", f"play it alone: lkdiag run {apart[0]} --local")
    found = []
    for name in wanted or builtin_names():
        script = _load(name) if wanted or name not in APART else None
        if isinstance(script, DispatchScript) and (name == HONEST or _truth(script)):
            found.append(script)
    return sorted(found, key=lambda script: (script.name != HONEST, script.name))


def _load(name: str) -> Any:
    from lkdiag.scenario.script import load_script
    from lkdiag.worker.behaviour import BEHAVIOURS, make_behaviour

    return load_script(name, tuple(BEHAVIOURS), make_behaviour)


def _truth(script: DispatchScript) -> dict[str, Any]:
    """What has to be seen where it is played."""
    import msgspec

    from lkdiag.selftest.mix import HONEST

    if script.name == HONEST:
        return {"outcome": "delivered", "mismatch": "none", "cause": "none"}
    return {key: value for key, value in msgspec.to_builtins(script.expect).items() if value}
