"""Options that are of no scenario, each declared once: of the project, and of the output."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from lkdiag import settings
from lkdiag.scenario.option import Option, Options

PROJECT = "Project"
OUTPUT = "Output"

# -- the project -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class ProjectOptions(Options):
    """Which project, and with which credentials: they are in no repr."""

    project: Annotated[str | None, Option("A project of the lk CLI's own configuration.", panel=PROJECT)] = None
    url: Annotated[
        str | None,
        Option(
            "Server URL, as wss://NAME.livekit.cloud.",
            panel=PROJECT,
            env="LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET",
            env_help="the project; else .env.local, .env, then lk's default project",
        ),
    ] = None
    api_key: Annotated[str | None, Option("API key.", panel=PROJECT)] = None
    api_secret: Annotated[
        str | None,
        Option(
            "API secret. Others can see it in the process list: the environment or .env.local is better.",
            panel=PROJECT,
        ),
    ] = None

    @property
    def flags(self) -> settings.CredentialFlags:
        """What the command line says of the credentials."""
        return settings.CredentialFlags(self.url, self.api_key, self.api_secret, self.project)


ServerBinary = Annotated[
    Path | None,
    Option(
        "For --local: the livekit-server to start.",
        panel=PROJECT,
        env="LKDIAG_SERVER_BINARY",
        env_help="the livekit-server to start, where a private one is wanted",
    ),
]


@dataclass(frozen=True)
class ServerOptions(Options):
    """A project's server, or a private one."""

    local: Annotated[bool, Option("Start a private livekit-server on loopback, and use that.", panel=PROJECT)] = False
    project: ProjectOptions = ProjectOptions()
    server_binary: ServerBinary = None


# -- the output --------------------------------------------------------------------------------------------------------


class Format(StrEnum):
    """How a report is written."""

    TERMINAL = "terminal"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    SVG = "svg"
    JUNIT = "junit"


class ListFormat(StrEnum):
    """How a list, or a result, is written."""

    TERMINAL = "terminal"
    JSON = "json"


F = TypeVar("F", bound=StrEnum)
SUFFIXES = {".json": "json", ".md": "markdown", ".html": "html", ".svg": "svg", ".xml": "junit"}


def chosen_format(asked: F | None, path: Path | None, formats: type[F]) -> F:
    """The format that was asked for, else what the file's suffix says, else `terminal`."""
    by_suffix = "terminal" if path is None else SUFFIXES.get(path.suffix.lower(), "terminal")
    return asked or formats(by_suffix if by_suffix in list(formats) else "terminal")


FORMAT = Option("How it is written.", panel=OUTPUT, short="-f", key="format")
FORMAT_OR_SUFFIX = Option(
    "How it is written; by default terminal, or what FILE's suffix says.", panel=OUTPUT, short="-f", key="format"
)
ReportFormat = Annotated[Format | None, FORMAT_OR_SUFFIX]
Output = Annotated[Path | None, Option("Write the report there.", panel=OUTPUT, short="-o", metavar="FILE")]
ReportFile = Annotated[Path | None, Option("Write the report there.", panel=OUTPUT, key="report", metavar="FILE")]
"""Where --output is something else."""
WorkerLog = Annotated[
    Path | None,
    Option(
        "The JSON log of your worker (Python or Node): it says whether the worker ever saw the request.",
        panel=OUTPUT,
        metavar="FILE",
    ),
]
FailIf = Annotated[
    tuple[str, ...],
    Option(
        "Fail the run (exit code 1) also then, as in k6: 'lost_rate>0.01', 'p95_ms>2000', 'leftover_rooms>0'. "
        "May be repeated; a METRIC that there is not lists all of them.",
        panel=OUTPUT,
        metavar="'METRIC>NUMBER'",
    ),
]
RunsDir = Annotated[
    Path | None,
    Option("Where runs are kept.", panel=OUTPUT, env="LKDIAG_RUNS_DIR", env_help="where runs are kept"),
]
Verbose = Annotated[bool, Option("Show every trial's ids and timeline.", panel=OUTPUT, short="-v")]
Redact = Annotated[bool, Option("Mask host, numbers, identities and metadata in the report.", panel=OUTPUT)]
Quiet = Annotated[bool, Option("No progress and no notes: errors and the report only.", panel=OUTPUT, short="-q")]


@dataclass(frozen=True)
class OutputOptions(Options):
    """How the report of a run is given, and where the run is kept."""

    format_: ReportFormat = None
    output: Output = None
    verbose: Verbose = False
    quiet: Quiet = False
    redact: Redact = False
    fail_if: FailIf = ()
    runs_dir: RunsDir = None


# -- a run that is there -----------------------------------------------------------------------------------------------

Run = Annotated[str | None, typer.Argument(metavar="RUN", help="A run's id, its folder, or its journal.jsonl.")]
Last = Annotated[bool, Option("The newest run.")]
