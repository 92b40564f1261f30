"""Options that more than one command has, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lkdiag.cli.output import Format

PROJECT = "Project"
OUTPUT = "Output"

Url = Annotated[
    str | None, typer.Option("--url", help="Server URL, as wss://NAME.livekit.cloud.", rich_help_panel=PROJECT)
]
ApiKey = Annotated[str | None, typer.Option("--api-key", help="API key.", rich_help_panel=PROJECT)]
ApiSecret = Annotated[
    str | None,
    typer.Option(
        "--api-secret",
        help="API secret. Others can see it in the process list: the environment or .env.local is better.",
        rich_help_panel=PROJECT,
    ),
]
Project = Annotated[
    str | None,
    typer.Option("--project", help="A project of the lk CLI's own configuration.", rich_help_panel=PROJECT),
]
Local = Annotated[
    bool,
    typer.Option("--local", help="Start a private livekit-server on loopback, and use that.", rich_help_panel=PROJECT),
]
ServerBinary = Annotated[
    Path | None,
    typer.Option(
        "--server-binary",
        help="For --local: the livekit-server to start \\[env: LKDIAG_SERVER_BINARY].",
        rich_help_panel=PROJECT,
    ),
]
ReportFormat = Annotated[
    Format | None,
    typer.Option(
        "--format", "-f", help="Of the report; by default terminal, or what FILE's suffix says.", rich_help_panel=OUTPUT
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the report there.", rich_help_panel=OUTPUT),
]
WorkerLog = Annotated[
    Path | None,
    typer.Option(
        "--worker-log",
        metavar="FILE",
        help="The JSON log of your worker (Python or Node): it says whether the worker ever saw the request.",
        rich_help_panel=OUTPUT,
    ),
]
FailIf = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-if",
        metavar="'METRIC>NUMBER'",
        help="Fail the run (exit code 1) also then, as in k6: 'lost_rate>0.01', 'p95_ms>2000', 'leftover_rooms>0'. "
        "May be repeated; a METRIC that there is not lists all of them.",
        rich_help_panel=OUTPUT,
    ),
]
RunsDir = Annotated[
    Path | None,
    typer.Option("--runs-dir", help="Where runs are kept \\[env: LKDIAG_RUNS_DIR].", rich_help_panel=OUTPUT),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show every trial's ids and timeline.", rich_help_panel=OUTPUT)
]
Redact = Annotated[
    bool,
    typer.Option("--redact", help="Mask host, numbers, identities and metadata in the report.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress and no notes: errors and the report only.", rich_help_panel=OUTPUT),
]
