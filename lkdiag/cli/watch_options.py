"""The options of `watch`, with their words for `--help`. Defaults are the scenario's."""

from __future__ import annotations

from typing import Annotated

import typer

from lkdiag.cli.duration_option import duration

CALLS = "Which calls"
END = "How long"
VERDICT = "Verdict"

Room = Annotated[
    str | None, typer.Option("--room", metavar="NAME", help="The room of this name.", rich_help_panel=CALLS)
]
Prefix = Annotated[
    str | None,
    typer.Option(
        "--prefix",
        metavar="P",
        help="Every room whose name begins so; '' for all but lkdiag's own.",
        rich_help_panel=CALLS,
    ),
]
AgentName = Annotated[
    str | None,
    typer.Option("--agent-name", help="Judge only the dispatches of this name.", rich_help_panel=CALLS),
]
For = Annotated[float | None, duration("--for", "End after that time: 10m, 2h. Else at Ctrl-C.", END)]
Calls = Annotated[
    int | None,
    typer.Option(
        "--calls", metavar="N", help="End when so many calls have ended, or were left over.", rich_help_panel=END
    ),
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
AloneFor = Annotated[
    float,
    duration(
        "--alone-for",
        "Who is alone for so long after the others have left is left over. A lost line stays listed for 21 s.",
        VERDICT,
    ),
]
ApiRate = Annotated[
    float | None,
    typer.Option(
        "--api-rate",
        metavar="N",
        help="API calls a second at most; with many calls each is looked at less often. \\[default: 10; 300 on this "
        "machine]",
    ),
]
