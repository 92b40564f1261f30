"""`lkdiag canary`: a trial every minute until it is stopped, and metrics for Prometheus."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

import typer

from lkdiag import settings
from lkdiag.cli.command import Only
from lkdiag.cli.options import Quiet, RunsDir, ServerOptions, Verbose
from lkdiag.scenario.dispatch import TRIALS_MAX, DispatchScenario
from lkdiag.scenario.option import DAY_S, PACE, Option, Options, parse_address

EXAMPLES = """[bold]Examples[/]

lkdiag canary [dim]– a trial a minute on your project, with lkdiag's own worker[/]

lkdiag canary --agent-name my-agent --control --every 2m [dim]– your worker, with lkdiag's own as a control[/]

lkdiag canary --listen 0.0.0.0:9108 --keep 14 [dim]– for a Prometheus elsewhere; two weeks of journals[/]
"""

EVERY_MIN_S = 1.0
"""Anything more frequent is a load test, for which there is dispatch-trial."""


METRICS = "Metrics"
JOURNALS = "Journals"


@dataclass(frozen=True)
class CanaryOptions(Options):
    """The options that only a canary has."""

    every_s: Annotated[
        float,
        Option(
            "From the beginning of one trial to that of the next; 1s or more.",
            panel=PACE,
            least=EVERY_MIN_S,
            why="for load there is lkdiag dispatch-trial --rate",
        ),
    ] = 60.0
    max_trials: Annotated[int | None, Option("End after so many trials of the subject.", panel=PACE, least=1)] = None
    listen: Annotated[str, Option("Where Prometheus asks; port 0: any.", panel=METRICS, metavar="HOST:PORT")] = (
        "127.0.0.1:9108"
    )
    rotate: Annotated[
        int | None,
        Option(
            "Begin a new journal after so many trials of the subject.",
            panel=JOURNALS,
            least=1,
            most=TRIALS_MAX,
            default="a day's",
        ),
    ] = None
    keep: Annotated[
        int,
        Option("How many finished journals of this canary are kept; older ones are deleted.", panel=JOURNALS, least=1),
    ] = 7


SMALL = Only(
    "agent_name", "control", "control_share", "job_type", "method", "caller", "metadata", "fallback",
    "fallback_timeout_s", "timeout_s", "delayed_after_s", "settle_s", "faults", "seed",
)  # fmt: skip
"""The options of dispatch-trial that make sense for one trial at a time: none about load or sharding."""


def canary(
    own: CanaryOptions,
    scenario: Annotated[DispatchScenario, SMALL],
    server: ServerOptions,
    verbose: Verbose = False,
    quiet: Quiet = False,
    runs_dir: RunsDir = None,
) -> None:
    """Run one small dispatch trial a minute until it is stopped, and export the results to Prometheus.

    Each trial is one of dispatch-trial's, judged by the same checks. One that is not clean is a line on stderr, with
    its run and its number: `lkdiag report RUN` tells its story. A server that does not answer makes trials
    `inconclusive`, never `dropped`; the canary goes on, and is there when the server is back.

    Exit codes: 0 ended as asked (Ctrl-C, SIGTERM, --max-trials), whatever the trials were like · 2 usage ·
    4 credentials, connection or set-up, at the start; or the journal can't be written · 5 rooms left behind.
    """
    from lkdiag.cli.recording import command_line
    from lkdiag.cli.session import choose_credentials
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.scenario.script import DispatchScript, load_script, with_settings

    address = parse_address(own.listen, "--listen")
    changes = {**scenario.given, "count": own.rotate or max(1, round(DAY_S / own.every_s))}
    if scenario.faults and "seed" not in scenario.given:
        changes["seed"] = secrets.randbelow(2**31)
    script = with_settings(load_script("dispatch-trial", tuple(BEHAVIOURS), make_behaviour), **changes)
    assert isinstance(script, DispatchScript), "it is about an agent that is called"
    credentials = choose_credentials(server.project.flags, local=server.local)

    from lkdiag.cli.canary_run import Canary

    player = Canary(
        script=script,
        credentials=credentials,
        server_binary=settings.server_binary(server.server_binary),
        runs_dir=settings.runs_dir(runs_dir),
        command=command_line(),
        address=address,
        every_s=own.every_s,
        keep=own.keep,
        max_trials=own.max_trials,
        verbose=verbose,
        quiet=quiet,
    )
    raise typer.Exit(player.run())
