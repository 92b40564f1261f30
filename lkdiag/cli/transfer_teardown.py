"""`lkdiag transfer-teardown`: a merged call whose agent has gone; one side hangs up. What is left?"""

from __future__ import annotations

import typer

from lkdiag.cli import options as shared
from lkdiag.cli import teardown_options as own
from lkdiag.cli.play import Flags, play
from lkdiag.scenario.teardown import HangupStyle

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
    agent_leaves_within: own.AgentLeavesWithin = 5.0,
    remove_agent: own.RemoveAgent = False,
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
    fail_if: shared.FailIf = None,
    runs_dir: shared.RunsDir = None,
) -> None:
    """Merge a phone call with a human, let the agent go, hang up on one side, and see what is left.

    Caller and human are simulated SIP participants, the agent is dispatched for real. Without options every cleanup
    meets both sides and each way for the agent to leave, in rooms of their own, and a grid shows which survive. Rooms
    are watched by the API alone, as whoever joins one holds it open, and deleted afterwards.
    """
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.scenario.script import load_script, with_settings

    chosen = {
        "cleanups": cleanup and tuple(dict.fromkeys(cleanup)),
        "hangups": hangup and tuple(dict.fromkeys(hangup)),
        "agent_exits": agent_exit and tuple(dict.fromkeys(agent_exit)),
        "window_s": window,
        "closed_within_s": closed_within,
        "concurrency": concurrency,
    }
    script = with_settings(
        load_script("transfer-teardown", tuple(BEHAVIOURS), make_behaviour),
        count=count,
        hangup_style=hangup_style,
        agent_name=agent_name,
        agent_leaves_within_s=agent_leaves_within,
        remove_agent=remove_agent,
        webhook_listen=webhook_listen,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    flags = Flags(
        local, project, url, api_key, api_secret, server_binary, format_, output, verbose, quiet, redact, runs_dir,
        fail_if=tuple(fail_if or ()),
    )  # fmt: skip
    raise typer.Exit(play(script, flags, flags.check(script.kind)))
