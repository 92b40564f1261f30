"""`lkdiag compare`: is one run better than another, or was it chance?"""

from __future__ import annotations

import io
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lkdiag import settings
from lkdiag.cli.messages import say, write_stdout
from lkdiag.cli.options import FORMAT_OR_SUFFIX, Output, Redact, RunsDir, chosen_format
from lkdiag.cli.output import check_output, judge
from lkdiag.errors import ExitCode, UsageError
from lkdiag.scenario.option import Option

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


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A run to measure against: its id, folder or journal.jsonl.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The run to be measured.")],
    alpha: Annotated[
        float,
        Option("A difference counts if chance alone makes it in at most this share of pairs.", least=0.0001, most=0.5),
    ] = 0.05,
    format_: Annotated[CompareFormat | None, FORMAT_OR_SUFFIX] = None,
    output: Output = None,
    redact: Redact = False,
    runs_dir: RunsDir = None,
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
    from lkdiag.journal.file import find_journal
    from lkdiag.report.redact import redact as redacted

    check_output(output)
    directory = settings.runs_dir(runs_dir)
    reports = [_judged(name, find_journal(run, directory, Path(run))) for name, run in (("A", a), ("B", b))]
    if redact:
        reports = [redacted(report) for report in reports]
    comparison = compared(reports[0], reports[1], alpha)
    _write(comparison, chosen_format(format_, output, CompareFormat), output)
    raise typer.Exit(exit_code_of(comparison))


def exit_code_of(comparison: Comparison) -> ExitCode:
    """1 when B is worse, 3 when there are too few trials to tell, else 0: like benchstat's `~`, noise is no failure."""
    from lkdiag.compare.value import Result

    codes = {Result.WORSE: ExitCode.FINDING, Result.TOO_FEW: ExitCode.INCONCLUSIVE}
    return codes.get(comparison.result, ExitCode.OK)


def _judged(name: str, path: Path) -> Report:
    from lkdiag.journal.file import read_journal

    journal = read_journal(path)
    for note in journal.notes:
        say(f"note: {name}: {note}")
    return judge(path, journal.events, journal.notes)


def _write(comparison: Comparison, format_: CompareFormat, path: Path | None) -> None:
    """To the file, or to stdout. Raises UsageError when it can't be written."""
    hint = "choose another -o FILE"
    if path is None:
        write_stdout(lambda file: _render(comparison, format_, file), "the comparison", hint)
        return
    text = io.StringIO()
    _render(comparison, format_, text)
    try:
        path.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the comparison can't be written to {path}: {error.strerror}", hint) from error
    say(f"{comparison.headline} Comparison: {path}")


def _render(comparison: Comparison, format_: CompareFormat, file: TextIO) -> None:
    from lkdiag.document.compare import for_issue, for_terminal
    from lkdiag.render import json, markdown, terminal

    if format_ is CompareFormat.JSON:
        file.write(json.render_value(comparison, "schema", "kind", "result", "headline"))
    elif format_ is CompareFormat.MARKDOWN:
        file.write(markdown.write(for_issue(comparison)))
    else:
        terminal.write(for_terminal(comparison), terminal.make_console(file, is_terminal=file.isatty()))
