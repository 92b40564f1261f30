"""The report for the user's terminal, or as plain text for a pipe: the story first, the verdict last."""

from __future__ import annotations

import io
import shlex
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.text import Text

from lkdiag.checks.verdict import Verdict
from lkdiag.render import environment
from lkdiag.render.course import ended, expected
from lkdiag.render.dispatch import terminal as dispatch
from lkdiag.render.teardown import terminal as teardown
from lkdiag.render.terminal_table import Trimmed, indented, labelled, plain
from lkdiag.render.visible import visible
from lkdiag.render.watch import terminal as watch
from lkdiag.render.wording import THRESHOLD_SYMBOL, VERDICT_SYMBOL
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import RenderableType

    from lkdiag.report.value import Report, Threshold

PIPE_CELLS = 10_000
"""Wide enough that nothing is wrapped or cut where there is no terminal."""

THRESHOLD_STYLE = {True: "green", False: "bold red", None: "bold cyan"}
VERDICT_STYLE = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "bold cyan"}


def make_console(file: TextIO, *, is_terminal: bool) -> Console:
    """A console that takes no text for markup. For a terminal its width, and colours unless NO_COLOR says no.

    A stream whose encoding lacks a character gets an escape instead of raising UnicodeEncodeError.
    """
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="backslashreplace")
    return Console(
        file=file,
        force_terminal=is_terminal,
        width=None if is_terminal else PIPE_CELLS,
        markup=False,
        emoji=False,
        highlight=False,
    )


def render(report: Report, console: Console, *, verbose: bool = False) -> None:
    """Write the whole report. What a terminal leaves out for lack of room, `verbose` and a pipe get."""
    width = console.width
    complete = verbose or not console.is_terminal
    shown: list[tuple[str, list[RenderableType]]] = []
    if isinstance(report, DispatchReport):
        shown = dispatch.sections(report, width, verbose=verbose, complete=complete)
        if isinstance(report, WatchReport):
            shown.insert(0, ("Calls", watch.calls(report, width, complete=complete)))
    elif isinstance(report, TeardownReport):
        shown = teardown.sections(report, width, verbose=verbose, complete=complete)
    shown.append(("About the record", [indented(plain(note)) for note in report.notes]))
    parts = _head(report, verbose=verbose)
    for title, body in shown:
        if body:
            parts += ["", Text(title, "bold cyan"), *body]
    console.print(Trimmed(Group(*parts, "", *_verdict(report, width))))


def _head(report: Report, *, verbose: bool) -> list[RenderableType]:
    title = Text.assemble(
        (visible(f"lkdiag {report.run.scenario}"), "bold"), "  ", (visible(f"run {report.run.id}"), "")
    )
    rows = environment.identity_rows(report)
    if verbose:
        rows += environment.client_rows(report)
        rows += environment.option_rows(report)
    return [title, indented(labelled(rows))]


def _verdict(report: Report, width: int) -> list[RenderableType]:
    found: list[RenderableType] = []
    found += [plain(text, "bold") for text in ended(report)]
    style = VERDICT_STYLE[report.verdict]
    verdict = f"{VERDICT_SYMBOL[report.verdict]} {report.verdict.value.upper()}"
    found.append(Text.assemble((verdict, style), "  ", plain(report.headline, "bold")))
    found += [plain(text) for text in expected(report)]
    found += [_threshold(threshold) for threshold in report.thresholds]
    again = "\n".join(_command_lines(visible(report.run.command), width - 7))
    found.append(labelled([("again", Text(again))]))
    return found


def _threshold(threshold: Threshold) -> RenderableType:
    return plain(f"{THRESHOLD_SYMBOL[threshold.ok]} {threshold.told}", THRESHOLD_STYLE[threshold.ok])


def _command_lines(command: str, width: int) -> list[str]:
    """The command on as few lines as fit, continued by backslashes so that it can still be pasted."""
    if len(command) <= width:
        return [command]
    try:
        words = [shlex.quote(word) for word in shlex.split(command)]
    except ValueError:
        return [command]
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) + 2 <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]
