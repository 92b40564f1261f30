"""The options of `dispatch-trial`, with their words for `--help`. Defaults are the scenario's."""

from __future__ import annotations

from typing import Annotated

import typer

from lkdiag.cli.duration_option import duration
from lkdiag.scenario.dispatch import Caller, JobType, JoinBy, Method

SUBJECT = "Subject: whose worker"
DISPATCH = "Dispatch"
VERDICT = "Verdict"
PACE = "Pace"
FAULTS = "Faults of lkdiag's own worker"
SPREAD = "More processes, more machines"


Count = Annotated[int | None, typer.Option("--count", "-n", help="Trials of the subject. \\[default: 10]")]

AgentName = Annotated[
    str | None,
    typer.Option(
        "--agent-name", help="Your worker's name. Without it lkdiag's own worker is tried.", rich_help_panel=SUBJECT
    ),
]
Control = Annotated[
    bool,
    typer.Option(
        "--control",
        help="Try lkdiag's own worker in between: is it your worker, or the platform?",
        rich_help_panel=SUBJECT,
    ),
]
ControlShare = Annotated[
    float, typer.Option("--control-share", help="Share of control trials among all.", rich_help_panel=SUBJECT)
]
JobTypeOption = Annotated[
    JobType, typer.Option("--job-type", help="For which jobs lkdiag's own worker registers.", rich_help_panel=SUBJECT)
]

MethodOption = Annotated[Method, typer.Option("--method", help="How the dispatch is made.", rich_help_panel=DISPATCH)]
CallerOption = Annotated[
    Caller,
    typer.Option(
        "--caller",
        help="A simulated caller in the room: workers for participants or publishers need one.",
        rich_help_panel=DISPATCH,
    ),
]
JoinOption = Annotated[
    JoinBy | None,
    typer.Option(
        "--join",
        help="How lkdiag's own agents and callers join: with media, or by signalling alone, which costs next to "
        "nothing. \\[default: media up to 8 trials at a time, then signal]",
        rich_help_panel=DISPATCH,
    ),
]
Metadata = Annotated[
    str,
    typer.Option(
        "--metadata",
        help="Job metadata for your worker. It stands in the report: a secret is refused.",
        rich_help_panel=DISPATCH,
    ),
]
Fallback = Annotated[
    bool,
    typer.Option(
        "--fallback/--no-fallback",
        help="When nobody came, try createDispatch in the same room.",
        rich_help_panel=DISPATCH,
    ),
]
FallbackTimeout = Annotated[float, duration("--fallback-timeout", "How long the fallback may take.", DISPATCH)]
ReuseRoomName = Annotated[
    bool, typer.Option("--reuse-room-name", help="Every trial in a room of the same name.", rich_help_panel=DISPATCH)
]

Timeout = Annotated[float, duration("--timeout", "An agent that joins later than that is lost.", VERDICT)]
DelayedAfter = Annotated[float, duration("--delayed-after", "An agent that joins later than that is late.", VERDICT)]
Settle = Annotated[
    float,
    duration(
        "--settle",
        "How long the job of a present agent may be missing in listDispatch; the server may need 5 s.",
        VERDICT,
    ),
]
WebhookListen = Annotated[
    str | None,
    typer.Option(
        "--webhook-listen",
        metavar="HOST:PORT",
        help="Receive the project's webhooks there, under /webhook: they tell of agents that stay for too short "
        "a time to be seen, and are judged themselves. With --local they come anyway.",
        rich_help_panel=VERDICT,
    ),
]

Warmup = Annotated[
    int | None,
    typer.Option(
        "--warmup",
        help="Trials kept out of the figures. \\[default: 1 for lkdiag's worker, 0 for yours]",
        rich_help_panel=PACE,
    ),
]
Concurrency = Annotated[int, typer.Option("--concurrency", "-c", help="Trials at a time.", rich_help_panel=PACE)]
Rate = Annotated[
    float | None,
    typer.Option("--rate", help="Trials begun a second, whatever became of earlier ones.", rich_help_panel=PACE),
]
Burst = Annotated[
    int | None,
    typer.Option("--burst", metavar="N", help="N trials begin at the same instant, as one.", rich_help_panel=PACE),
]
BurstEvery = Annotated[float, duration("--burst-every", "From one burst to the next.", PACE)]
Duration = Annotated[
    float | None, duration("--duration", "Trials begin until then, however many they are; instead of --count.", PACE)
]
MaxInFlight = Annotated[
    int,
    typer.Option(
        "--max-in-flight",
        help="With --rate or --burst: a trial that is due while so many go on is not begun, which the report says.",
        rich_help_panel=PACE,
    ),
]
Gap = Annotated[float, duration("--gap", "Pause between two trials.", PACE)]

FaultOption = Annotated[
    str | None,
    typer.Option(
        "--fault",
        metavar="NAME=SHARE,…",
        help="Break that share of the trials on purpose: ghost, silent, reject, slow:4s (joins late), slow:2s:answer "
        "(answers late), overloaded, … `lkdiag worker --help` says what each does.",
        rich_help_panel=FAULTS,
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", help="The same seed draws the same faults.", rich_help_panel=FAULTS)
]
FaultFallback = Annotated[
    bool, typer.Option("--fault-fallback", help="Let the fault strike the fallback too.", rich_help_panel=FAULTS)
]

Shard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Play only the I-th of N shares of the trials; `lkdiag merge` makes one report of all.",
        rich_help_panel=SPREAD,
    ),
]
RunGroup = Annotated[
    str | None,
    typer.Option(
        "--run-group",
        metavar="NAME",
        help="Which run the shard is of: merge keeps groups apart.",
        rich_help_panel=SPREAD,
    ),
]
Processes = Annotated[
    int,
    typer.Option(
        "--processes",
        metavar="N",
        help="Share the trials out to N processes here, each with --concurrency trials at a time.",
        rich_help_panel=SPREAD,
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Share the trials out to the workers of a Dask cluster: tcp://HOST:8786. Each uses the credentials of its "
        "own environment; none are sent. Needs `pip install 'lkdiag\\[cluster]'`.",
        rich_help_panel=SPREAD,
    ),
]
