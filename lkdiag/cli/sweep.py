"""`lkdiag sweep`: the rooms that lkdiag left, and those in which a caller was left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from lkdiag import settings
from lkdiag.cli.messages import Shield, say, say_away, say_project, write_stdout
from lkdiag.cli.options import FORMAT, ListFormat, ProjectOptions, Quiet
from lkdiag.errors import ExitCode
from lkdiag.scenario.sweep import SweepScenario

if TYPE_CHECKING:
    from lkdiag.report.sweep import SweepReport

EXAMPLES = """[bold]Examples[/]

lkdiag sweep [dim]– what lkdiag left, and what would close it[/]

lkdiag sweep --delete [dim]– delete it, but for runs that may still go on[/]

lkdiag sweep --run 20261121-034950-19f5 --delete [dim]– delete what this run left, however young[/]

lkdiag sweep --lone-sip --older-than 10m [dim]– callers of yours who have been alone for so long[/]
"""


def sweep(
    scenario: SweepScenario,
    project: ProjectOptions,
    format_: Annotated[ListFormat, FORMAT] = ListFormat.TERMINAL,
    quiet: Quiet = False,
) -> None:
    """List the rooms that lkdiag left on your project, and delete them if asked to.

    lkdiag's rooms are those named lkdiag-RUNID-…, and no others. --delete leaves
    a run's rooms alone as long as one of them is younger than 2 minutes, or than
    its own empty timeout: the run may still go on, perhaps on another machine.
    With --run RUN, or with --older-than TIME, you say yourself what is over.

    Rooms of others are only ever listed by --lone-sip, and only ever deleted by
    --lone-sip --delete --yes. Even then a room stays if an agent or a hidden
    observer is with the caller, if the caller came less than 2 minutes ago
    (--older-than TIME says otherwise), or if anybody came or went meanwhile.

    Exit codes: 0 nothing is left · 1 rooms are left · 2 usage · 3 inconclusive:
    the server did not say who is in a room of others · 4 credentials or
    connection · 5 a room could not be deleted.
    """
    credentials = settings.load_to_use(project.flags)

    import asyncio

    from lkdiag.run.sweep import sweep as carry_out

    say_project(credentials, quiet=quiet)
    report = asyncio.run(carry_out(scenario, credentials, *([] if quiet else [Shield().around(say_away)])))
    for note in report.notes:
        say(f"note: {note}")
    _write(report, format_)
    if not quiet:
        _advise(report)
    raise typer.Exit(exit_code_of(report))


def exit_code_of(report: SweepReport) -> ExitCode:
    """5 if a room could not be deleted, 1 if one is left for another reason, 3 if it can't be told, else 0."""
    from lkdiag.report.sweep import Action

    actions = {room.action for room in report.rooms}
    if Action.FAILED in actions:
        return ExitCode.ROOMS_LEFT
    if actions & {Action.LISTED, Action.SKIPPED}:
        return ExitCode.FINDING
    return ExitCode.INCONCLUSIVE if report.unseen_rooms else ExitCode.OK


def _write(report: SweepReport, format_: ListFormat) -> None:
    from lkdiag.document.sweep import blocks
    from lkdiag.render import json, terminal

    def write(file: TextIO) -> None:
        if format_ is ListFormat.JSON:
            file.write(json.render_value(report))
        else:
            terminal.write(blocks(report), terminal.make_console(file, is_terminal=file.isatty()))

    write_stdout(write, "the list")


def _advise(report: SweepReport) -> None:
    from lkdiag.report.sweep import Action

    if any(room.run is not None and room.action is Action.LISTED for room in report.rooms):
        say("hint: lkdiag sweep --delete removes lkdiag's own")
