"""`lkdiag canary`: a trial every minute, for ever, and metrics for Prometheus."""

from __future__ import annotations

import secrets

import typer

from lkdiag import settings
from lkdiag.cli import canary_options as own
from lkdiag.cli import dispatch_options as dispatch
from lkdiag.cli import options as shared
from lkdiag.errors import UsageError
from lkdiag.scenario.dispatch import Caller, JobType, Method

DAY_S = 24 * 3600.0
EXAMPLES = """[bold]Examples[/]

lkdiag canary [dim]– a trial a minute on your project, with lkdiag's own worker[/]

lkdiag canary --agent-name my-agent --control --every 2m [dim]– your worker, with lkdiag's own beside it[/]

lkdiag canary --listen 0.0.0.0:9108 --keep 14 [dim]– for a Prometheus elsewhere; two weeks of journals[/]
"""


def canary(
    every: own.Every = 60.0,
    max_trials: own.MaxTrials = None,
    listen: own.Listen = "127.0.0.1:9108",
    rotate: own.Rotate = None,
    keep: own.Keep = 7,
    agent_name: dispatch.AgentName = None,
    control: dispatch.Control = False,
    control_share: dispatch.ControlShare = 0.25,
    job_type: dispatch.JobTypeOption = JobType.ROOM,
    method: dispatch.MethodOption = Method.CREATE_ROOM,
    caller: dispatch.CallerOption = Caller.NONE,
    metadata: dispatch.Metadata = "",
    fallback: dispatch.Fallback = True,
    fallback_timeout: dispatch.FallbackTimeout = 10.0,
    timeout: dispatch.Timeout = 20.0,
    delayed_after: dispatch.DelayedAfter = 2.0,
    settle: dispatch.Settle = 6.0,
    fault: dispatch.FaultOption = None,
    seed: dispatch.Seed = None,
    local: shared.Local = False,
    project: shared.Project = None,
    url: shared.Url = None,
    api_key: shared.ApiKey = None,
    api_secret: shared.ApiSecret = None,
    server_binary: shared.ServerBinary = None,
    verbose: shared.Verbose = False,
    quiet: shared.Quiet = False,
    runs_dir: shared.RunsDir = None,
) -> None:
    """Play one small dispatch trial a minute for as long as it lives, and tell Prometheus what became of them.

    Each trial is one of dispatch-trial's, judged by the same checks. One that is not clean is a line on stderr, with
    its run and its number: `lkdiag report RUN` tells its story. A server that does not answer makes trials
    `inconclusive`, never `dropped`; the canary goes on, and is there when the server is back.

    Exit codes: 0 ended as asked (Ctrl-C, SIGTERM, --max-trials), whatever the trials were like · 2 usage ·
    4 credentials, connection or set-up, at the start; or the journal can't be written · 5 rooms left behind.
    """
    from lkdiag.canary.run import EVERY_MIN_S
    from lkdiag.cli.dispatch_trial import faults_of
    from lkdiag.cli.recording import command_line
    from lkdiag.cli.session import choose_credentials
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.scenario.address import parse_address
    from lkdiag.scenario.script import DispatchScript, load_script, with_settings

    if every < EVERY_MIN_S:
        raise UsageError(
            f"--every is {every:g} s", "it has to be 1s or more: for load there is lkdiag dispatch-trial --rate"
        )
    address = parse_address(listen)
    assert address is not None, "it has a default"
    faults = faults_of(fault)
    script = with_settings(
        load_script("dispatch-trial", tuple(BEHAVIOURS), make_behaviour),
        count=rotate or max(1, round(DAY_S / every)),
        agent_name=agent_name,
        control=control,
        control_share=control_share,
        job_type=job_type,
        method=method,
        caller=caller,
        metadata=metadata,
        fallback=fallback,
        fallback_timeout_s=fallback_timeout,
        timeout_s=timeout,
        delayed_after_s=delayed_after,
        settle_s=settle,
        faults=faults,
        seed=secrets.randbelow(2**31) if faults and seed is None else seed or 0,
    )
    assert isinstance(script, DispatchScript), "it is about an agent that is called"
    flags = settings.CredentialFlags(url, api_key, api_secret, project)
    credentials = choose_credentials(flags, local=local)

    from lkdiag.cli.canary_play import Canary

    player = Canary(
        script=script,
        credentials=credentials,
        server_binary=settings.server_binary(server_binary),
        runs_dir=settings.runs_dir(runs_dir),
        command=command_line(),
        address=address,
        every_s=every,
        keep=keep,
        max_trials=max_trials,
        verbose=verbose,
        quiet=quiet,
    )
    raise typer.Exit(player.run())
