"""`lkdiag compare`: is one run better than another, or was it chance?"""

from __future__ import annotations

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lkdiag import settings
from lkdiag.cli import options as shared
from lkdiag.cli.notes import give_up, say
from lkdiag.cli.output import check_output, judge
from lkdiag.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from typing import TextIO

    from lkdiag.compare import Comparison
    from lkdiag.report.value import Report

EXAMPLES = """[bold]Examples[/]

lkdiag compare 20261121-034950-19f5 20261121-051210-77aa [dim]– before and after a deployment[/]

lkdiag compare before/ after/ --format markdown -o comparison.md [dim]– for a pull request[/]

lkdiag compare A B --alpha 0.01 && deploy [dim]– stop only on strong evidence[/]
"""


class CompareFormat(StrEnum):
    """How a comparison is written."""

    TERMINAL = "terminal"
    JSON = "json"
    MARKDOWN = "markdown"


SUFFIXES = {".json": CompareFormat.JSON, ".md": CompareFormat.MARKDOWN}


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A run to measure against: its id, folder or journal.jsonl.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The run to be measured.")],
    alpha: Annotated[
        float,
        typer.Option(
            "--alpha",
            min=0.0001,
            max=0.5,
            help="A difference counts if chance alone makes it in at most this share of pairs.",
        ),
    ] = 0.05,
    format_: Annotated[
        CompareFormat | None,
        typer.Option(
            "--format", "-f", help="By default terminal, or what FILE's suffix says.", rich_help_panel=shared.OUTPUT
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there.", rich_help_panel=shared.OUTPUT),
    ] = None,
    redact: Annotated[
        bool,
        typer.Option("--redact", help="Mask the project's host and phone numbers.", rich_help_panel=shared.OUTPUT),
    ] = False,
    runs_dir: shared.RunsDir = None,
) -> None:
    """Compare two runs: is B better than A, worse, or can't it be told?

    Two methods, regions, versions, or before and after a deployment. Settings
    that differ are said first, with a warning where they make it unfair.

    Lost agents count as longer than every delay that was seen, up to the shorter
    timeout of the two. Trials that could not be judged are left out, and counted.
    Teardowns are compared cell by cell. Where trials are too few, it says how
    many would do.

    Exit codes: 0 B is not worse, beyond chance (better, alike, or the difference
    can't be told from chance) · 1 B is worse · 2 usage · 3 so few trials that no
    outcome whatever could have told.
    """
    from lkdiag.compare import compare as compared
    from lkdiag.journal import find_journal
    from lkdiag.report.redact import redact as redacted

    check_output(output)
    directory = settings.runs_dir(runs_dir)
    reports = [_judged(name, find_journal(run, directory, Path(run))) for name, run in (("A", a), ("B", b))]
    if redact:
        reports = [redacted(report) for report in reports]
    comparison = compared(reports[0], reports[1], alpha)
    _write(comparison, format_ or _by_suffix(output), output)
    raise typer.Exit(exit_code_of(comparison))


def exit_code_of(comparison: Comparison) -> ExitCode:
    """1 when B is worse, 3 when nothing could have been told, else 0: as benchstat's `~`, noise is no failure."""
    from lkdiag.compare.value import Result

    codes = {Result.WORSE: ExitCode.FINDING, Result.TOO_FEW: ExitCode.INCONCLUSIVE}
    return codes.get(comparison.result, ExitCode.OK)


def _judged(name: str, path: Path) -> Report:
    from lkdiag.journal import read_journal

    journal = read_journal(path)
    for note in journal.notes:
        say(f"note: {name}: {note}")
    return judge(path, journal.events, journal.notes)


def _by_suffix(path: Path | None) -> CompareFormat:
    return CompareFormat.TERMINAL if path is None else SUFFIXES.get(path.suffix.lower(), CompareFormat.TERMINAL)


def _write(comparison: Comparison, format_: CompareFormat, path: Path | None) -> None:
    """To the file, or to stdout. Raises UsageError when it can't be written."""
    try:
        if path is not None:
            text = io.StringIO()
            _render(comparison, format_, text)
            path.write_text(text.getvalue(), encoding="utf-8")
            say(f"{comparison.headline} Comparison: {path}")
            return
        _render(comparison, format_, sys.stdout)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        give_up(sys.stdout)  # a reader that has enough; rich makes a SystemExit(1) of it
    except OSError as error:
        if path is None:
            give_up(sys.stdout)
        raise UsageError(
            f"the comparison can't be written{'' if path is None else f' to {path}'}: {error.strerror}",
            "choose another -o FILE",
        ) from error


def _render(comparison: Comparison, format_: CompareFormat, file: TextIO) -> None:
    from lkdiag.render import compare as render

    if format_ is CompareFormat.JSON:
        file.write(render.render_json(comparison))
    elif format_ is CompareFormat.MARKDOWN:
        file.write(render.render_markdown(comparison))
    else:
        render.render_terminal(comparison, file)
