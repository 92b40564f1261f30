"""`lkdiag dispatch-trial`: one room after another with an agent dispatch, and how each went."""

from __future__ import annotations

import secrets

import typer

from lkdiag.cli.options import OutputOptions, ServerOptions, WorkerLog
from lkdiag.cli.scenario_run import RunOptions, run_scenario
from lkdiag.cli.sharding import ShardingOptions
from lkdiag.errors import UsageError
from lkdiag.scenario.dispatch import DispatchScenario

EXAMPLES = """[bold]Examples[/]

lkdiag dispatch-trial --count 20 [dim]– twenty trials on your project, with lkdiag's own worker[/]

lkdiag dispatch-trial --local [dim]– the same on a private livekit-server[/]

lkdiag dispatch-trial --agent-name my-agent --control [dim]– your worker, with lkdiag's own as a control[/]

lkdiag dispatch-trial --local --fault ghost=0.2,slow:4s=0.1 [dim]– what such failures look like[/]

lkdiag dispatch-trial --format markdown -o report.md [dim]– for a bug report[/]
"""


def dispatch_trial(
    *,
    scenario: DispatchScenario,
    sharding_options: ShardingOptions,
    worker_log: WorkerLog = None,
    server: ServerOptions,
    output: OutputOptions,
) -> None:
    """Create rooms with an agent dispatch: whether and when does the agent join, and does listDispatch agree?

    Each trial makes a room (--method says how), watches from outside until the agent has joined or the timeout has
    passed, compares what listDispatch says with who is there, tries createDispatch as a fallback when nobody came, and
    deletes the room. Latency is the server's own: joined_at_ms - creation_time_ms.
    """
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.scenario.script import load_script, with_settings

    if {"count", "duration_s"} <= scenario.given.keys():
        raise UsageError("--count and --duration exclude each other", "one says how many trials, the other how long")
    sharding = sharding_options.sharding
    draws_seed = bool(scenario.faults) and "seed" not in scenario.given
    if sharding.shard is not None and draws_seed:
        raise UsageError("--fault with --shard needs --seed", "else each shard would draw faults of its own")
    if draws_seed:
        scenario = scenario.changed(seed=secrets.randbelow(2**31))
    script = with_settings(load_script("dispatch-trial", tuple(BEHAVIOURS), make_behaviour), **scenario.given)
    sharding.check(scenario.count if scenario.duration_s is None else None, scenario.burst)
    options = RunOptions(server, output, worker_log)
    drawn_seed = ["--seed", str(scenario.seed)] if draws_seed else []
    credentials = options.check(script.kind, elsewhere=sharding.cluster is not None)
    raise typer.Exit(run_scenario(script, options, credentials, drawn_seed, sharding))
