"""The options of `transfer-teardown`, with their words for `--help`. Defaults are the scenario's."""

from __future__ import annotations

from typing import Annotated

import typer

from lkdiag.cli.duration_option import duration
from lkdiag.scenario.teardown import AgentExit, Cleanup, HangupStyle, Side

CALL = "The call"
VERDICT = "Verdict"
PACE = "Pace"

CleanupOption = Annotated[
    list[Cleanup] | None,
    typer.Option(
        "--cleanup", help="Who cleans up; may be repeated. \\[default: each of lkdiag's own]", rich_help_panel=CALL
    ),
]
Hangup = Annotated[
    list[Side] | None,
    typer.Option("--hangup", help="Which side hangs up; may be repeated. \\[default: both]", rich_help_panel=CALL),
]
AgentExitOption = Annotated[
    list[AgentExit] | None,
    typer.Option("--agent-exit", help="How the agent leaves; may be repeated. \\[default: each]", rich_help_panel=CALL),
]
HangupStyleOption = Annotated[
    HangupStyle,
    typer.Option(
        "--hangup-style",
        help="bye leaves cleanly; lost dies like a cut line, which the server lists for about 21 s more.",
        rich_help_panel=CALL,
    ),
]
AgentName = Annotated[
    str | None,
    typer.Option("--agent-name", help="Your own agent, for --cleanup subject.", rich_help_panel=CALL),
]
AgentLeavesWithin = Annotated[
    float,
    duration(
        "--agent-leaves-within",
        "How long to wait for your agent to leave. Then one side hangs up, whether the agent is there or not.",
        CALL,
    ),
]
RemoveAgent = Annotated[
    bool,
    typer.Option(
        "--remove-agent",
        help="Put your agent out when it has not left by then: does something outside of it clean up?",
        rich_help_panel=CALL,
    ),
]
WebhookListen = Annotated[
    str | None,
    typer.Option(
        "--webhook-listen",
        metavar="HOST:PORT",
        help="Receive a project's webhooks there, under /webhook; the project has to send them to it. "
        "With --local they come by themselves.",
        rich_help_panel=CALL,
    ),
]

Window = Annotated[
    float | None,
    duration("--window", "How long to watch after the hang-up. \\[default: 8 s; 29 s for lost lines]", VERDICT),
]
ClosedWithin = Annotated[
    float | None,
    duration("--closed-within", "A room that is closed later is slow. \\[default: 5 s; 26 s for lost lines]", VERDICT),
]

Count = Annotated[
    int, typer.Option("--count", "-n", help="Times that each cell of the grid is played.", rich_help_panel=PACE)
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        "-c",
        min=1,
        help="Calls at a time. \\[default: 6; 1 with your own agent]",
        rich_help_panel=PACE,
    ),
]
