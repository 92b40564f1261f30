"""`lkdiag dispatch-trial`: room after room with an agent dispatch, and what became of each."""

from __future__ import annotations

import secrets

import typer

from lkdiag.cli import dispatch_options as own
from lkdiag.cli import options as shared
from lkdiag.cli.play import Flags, play
from lkdiag.cli.spread import Spread, shard_of
from lkdiag.errors import UsageError
from lkdiag.scenario.dispatch import Caller, JobType, Method
from lkdiag.scenario.fault import Fault, parse_faults

EXAMPLES = """[bold]Examples[/]

lkdiag dispatch-trial --count 20 [dim]– twenty trials on your project, with lkdiag's own worker[/]

lkdiag dispatch-trial --local [dim]– the same on a private livekit-server[/]

lkdiag dispatch-trial --agent-name my-agent --control [dim]– your worker, with lkdiag's own beside it[/]

lkdiag dispatch-trial --local --fault ghost=0.2,slow:4s=0.1 [dim]– what such failures look like[/]

lkdiag dispatch-trial --format markdown -o report.md [dim]– for a bug report[/]
"""


def dispatch_trial(
    count: own.Count = None,
    agent_name: own.AgentName = None,
    control: own.Control = False,
    control_share: own.ControlShare = 0.25,
    job_type: own.JobTypeOption = JobType.ROOM,
    method: own.MethodOption = Method.CREATE_ROOM,
    caller: own.CallerOption = Caller.NONE,
    join: own.JoinOption = None,
    metadata: own.Metadata = "",
    fallback: own.Fallback = True,
    fallback_timeout: own.FallbackTimeout = 10.0,
    reuse_room_name: own.ReuseRoomName = False,
    timeout: own.Timeout = 20.0,
    delayed_after: own.DelayedAfter = 2.0,
    settle: own.Settle = 6.0,
    webhook_listen: own.WebhookListen = None,
    warmup: own.Warmup = None,
    concurrency: own.Concurrency = 1,
    rate: own.Rate = None,
    burst: own.Burst = None,
    burst_every: own.BurstEvery = 30.0,
    duration: own.Duration = None,
    max_in_flight: own.MaxInFlight = 1000,
    gap: own.Gap = 0.0,
    fault: own.FaultOption = None,
    seed: own.Seed = None,
    fault_fallback: own.FaultFallback = False,
    shard: own.Shard = None,
    run_group: own.RunGroup = None,
    processes: own.Processes = 1,
    cluster: own.Cluster = None,
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
    """Create rooms with an agent dispatch, and see whether, when and how truly the agent comes.

    Each trial makes a room (--method says how), watches from outside until the agent has joined or the timeout has
    passed, compares what listDispatch says with who is there, tries createDispatch as a fallback when nobody came, and
    deletes the room. Latency is the server's own: joined_at_ms - creation_time_ms.
    """
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.scenario.script import load_script, with_settings

    if count is not None and duration is not None:
        raise UsageError("--count and --duration exclude each other", "one says how many trials, the other how long")
    trials = 10 if count is None else count
    faults = faults_of(fault)
    spread = Spread(shard_of(shard, run_group), processes, cluster)
    if spread.shard is not None and faults and seed is None:
        raise UsageError("--fault with --shard needs --seed", "else each shard would draw faults of its own")
    own_seed = secrets.randbelow(2**31) if faults and seed is None else seed or 0
    chosen = {"warmup": warmup} if warmup is not None else {}
    script = with_settings(
        load_script("dispatch-trial", tuple(BEHAVIOURS), make_behaviour),
        count=trials,
        agent_name=agent_name,
        control=control,
        control_share=control_share,
        job_type=job_type,
        method=method,
        caller=caller,
        join=join,
        metadata=metadata,
        fallback=fallback,
        fallback_timeout_s=fallback_timeout,
        reuse_room_name=reuse_room_name,
        timeout_s=timeout,
        delayed_after_s=delayed_after,
        settle_s=settle,
        webhook_listen=webhook_listen,
        concurrency=concurrency,
        rate=rate,
        burst=burst,
        burst_every_s=burst_every,
        duration_s=duration,
        max_in_flight=max_in_flight,
        gap_s=gap,
        faults=faults,
        seed=own_seed,
        fault_fallback=fault_fallback,
        **chosen,
    )
    spread.check(trials if duration is None else None, burst)
    flags = Flags(
        local, project, url, api_key, api_secret, server_binary, format_, output, verbose, quiet, redact, runs_dir,
        worker_log, tuple(fail_if or ()),
    )  # fmt: skip
    drawn_seed = ["--seed", str(own_seed)] if faults and seed is None else []
    raise typer.Exit(play(script, flags, flags.check(script.kind, elsewhere=cluster is not None), drawn_seed, spread))


def faults_of(text: str | None) -> tuple[Fault, ...]:
    """What `--fault` says. Raises UsageError."""
    if text is None:
        return ()
    from lkdiag.client.behaviours import FAULTS, make_behaviour

    return parse_faults(text, FAULTS, make_behaviour)
