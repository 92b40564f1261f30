"""`lkdiag transfer-teardown`: a merged call whose agent has gone; one side hangs up. What is left?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lkdiag import settings
from lkdiag.cli import options as shared
from lkdiag.cli import teardown_options as own
from lkdiag.cli.notes import say
from lkdiag.cli.output import check_output, show_run
from lkdiag.errors import UsageError
from lkdiag.scenario.teardown import (
    LOST_LISTED_S,
    OWN_CLEANUPS,
    AgentExit,
    Cleanup,
    HangupStyle,
    Side,
    TeardownScenario,
)

if TYPE_CHECKING:
    import asyncio

    from lkdiag.call.webhooks import WebhookListener
    from lkdiag.timeline import Recorder

EXAMPLES = """[bold]Examples[/]

lkdiag transfer-teardown --local [dim]– the reported bug and its fixes, side by side[/]

lkdiag transfer-teardown --cleanup captured-context --hangup caller [dim]– one of them, on your project[/]

lkdiag transfer-teardown --cleanup subject --agent-name my-agent [dim]– does your own agent leave rooms behind?[/]
"""


def transfer_teardown(
    cleanup: own.CleanupOption = None,
    hangup: own.Hangup = None,
    agent_exit: own.AgentExitOption = None,
    hangup_style: own.HangupStyleOption = HangupStyle.BYE,
    agent_name: own.AgentName = None,
    agent_leaves_within: own.AgentLeavesWithin = 10.0,
    webhook_listen: own.WebhookListen = None,
    window: own.Window = None,
    closed_within: own.ClosedWithin = None,
    count: own.Count = 1,
    concurrency: own.Concurrency = None,
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
    runs_dir: shared.RunsDir = None,
) -> None:
    """Merge a phone call with a human, let the agent go, hang up on one side, and see what is left.

    Caller and human are simulated SIP participants, the agent is dispatched for real. Without options every cleanup
    meets both sides and each way for the agent to leave, in rooms of their own, and a grid shows which survive.
    """
    from lkdiag.cli.recording import command_line
    from lkdiag.cli.session import Session, choose_credentials
    from lkdiag.cli.tally import CallTally
    from lkdiag.trial.schedule import plan_calls

    check_output(output)
    credentials = choose_credentials(settings.CredentialFlags(url, api_key, api_secret, project), local=local)
    address = _address(webhook_listen)
    cleanups = _cleanups(cleanup, agent_name, webhooks=local or address is not None)
    unnoticed_s = LOST_LISTED_S if hangup_style is HangupStyle.LOST else 0.0
    scenario = TeardownScenario(
        cleanups=cleanups,
        hangups=tuple(dict.fromkeys(hangup or Side)),
        agent_exits=tuple(dict.fromkeys(agent_exit or AgentExit)),
        count=count,
        window_s=8.0 + unnoticed_s if window is None else window,
        closed_within_s=5.0 + unnoticed_s if closed_within is None else closed_within,
        hangup_style=hangup_style,
        agent_name=agent_name,
        agent_leaves_within_s=agent_leaves_within,
        # a real worker that is just starting a job may refuse the next one: livekit-agents calls itself full meanwhile
        concurrency=concurrency or (6 if agent_name is None else 1),
        webhook_listen=webhook_listen,
    )
    if cleanup is None and Cleanup.WEBHOOK_REAPER not in cleanups and agent_name is None:
        say("note: webhook-reaper is left out: a project's webhooks reach lkdiag only with --webhook-listen HOST:PORT")

    planned = plan_calls(scenario)

    async def carry_out(
        used: settings.Credentials,
        recorder: Recorder,
        run_id: str,
        stop: asyncio.Event,
        webhooks: WebhookListener | None,
    ) -> None:
        from lkdiag.trial.run_teardown import run_teardowns

        await run_teardowns(scenario, planned, used, recorder, run_id, stop, webhooks)

    wants_webhooks = Cleanup.WEBHOOK_REAPER in cleanups or address is not None
    session = Session(
        name="transfer-teardown",
        options=scenario,
        tally=CallTally(scenario, len(planned)),
        carry_out=carry_out,
        credentials=credentials,
        server_binary=settings.server_binary(server_binary),
        runs_dir=settings.runs_dir(runs_dir),
        command=command_line(),
        quiet=quiet,
        webhook_address=(address or ("127.0.0.1", 0)) if wants_webhooks else None,
    )
    raise typer.Exit(show_run(session.run(), format_, output, verbose=verbose, redact=redact))


def _cleanups(given: list[Cleanup] | None, agent_name: str | None, *, webhooks: bool) -> tuple[Cleanup, ...]:
    if given is None:
        if agent_name is not None:
            return (Cleanup.SUBJECT,)
        return tuple(c for c in OWN_CLEANUPS if webhooks or c is not Cleanup.WEBHOOK_REAPER)
    if Cleanup.WEBHOOK_REAPER in given and not webhooks:
        raise UsageError(
            "--cleanup webhook-reaper needs webhooks",
            "use --local; or --webhook-listen HOST:PORT, and let the project send its webhooks there, to /webhook",
        )
    return tuple(dict.fromkeys(given))


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{text!r} is not an address to listen on", "write it as HOST:PORT, as in 0.0.0.0:8787")
    return host.strip("[]"), int(port)
