"""The options that only `canary` has, with their words for `--help`."""

from __future__ import annotations

from typing import Annotated

import typer

from lkdiag.cli.duration_option import duration

METRICS = "Metrics"
JOURNALS = "Journals"
PACE = "Pace"

Every = Annotated[float, duration("--every", "From the beginning of one trial to that of the next; 1s or more.", PACE)]
MaxTrials = Annotated[
    int | None,
    typer.Option("--max-trials", min=1, help="End after so many trials of the subject.", rich_help_panel=PACE),
]
Listen = Annotated[
    str,
    typer.Option("--listen", metavar="HOST:PORT", help="Where Prometheus asks; port 0: any.", rich_help_panel=METRICS),
]
Rotate = Annotated[
    int | None,
    typer.Option(
        "--rotate",
        min=1,
        max=1_000_000,
        help="Begin a new journal after so many trials of the subject. \\[default: a day's]",
        rich_help_panel=JOURNALS,
    ),
]
Keep = Annotated[
    int,
    typer.Option(
        "--keep",
        min=1,
        help="How many finished journals of this canary are kept; older ones are deleted.",
        rich_help_panel=JOURNALS,
    ),
]
