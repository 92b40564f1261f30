"""Where the report goes, in which format, and with which exit code the process ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from lkdiag.cli.messages import PLEASE_REPORT, described, say, say_error, write_stdout
from lkdiag.cli.options import Format, chosen_format
from lkdiag.errors import ExitCode, LkdiagError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lkdiag.journal.event import Event
    from lkdiag.report.value import Report


BY_VERDICT = {"pass": ExitCode.OK, "fail": ExitCode.FINDING, "inconclusive": ExitCode.INCONCLUSIVE}


def check_output(path: Path | None) -> None:
    """Raises UsageError before anything is run, when the report could not be written there afterwards."""
    if path is None:
        return
    parent = path.parent
    try:
        if path.is_dir():
            problem = "it is a folder"
        elif not parent.is_dir():
            problem = f"there is no folder {parent}"
        elif not os.access(path if path.exists() else parent, os.W_OK):
            problem = "no permission"
        else:
            return
    except OSError as error:  # a name that is too long, a folder that can't be entered
        problem = str(error.strerror)
    raise UsageError(f"the report can't be written to {path}: {problem}", "choose another -o FILE")


def show_run(
    journal_path: Path,
    format_: Format | None,
    path: Path | None,
    *,
    verbose: bool,
    redact: bool,
    worker_log: Path | None = None,
    fail_if: Sequence[str] = (),
) -> ExitCode:
    """Judge a journal and show the report; the exit code that it asks for. A `worker_log` is judged with it.

    `fail_if` are thresholds of the user's own. Raises UsageError for those that this kind of run does not have.
    """
    from lkdiag.cli.secrets import secrets_of_run
    from lkdiag.cli.worker_log import worker_log_events
    from lkdiag.journal.file import read_journal
    from lkdiag.journal.timeline import InARow
    from lkdiag.report.redact import redact as redacted
    from lkdiag.report.threshold import judged_by, parse_conditions

    journal = read_journal(journal_path)
    for note in journal.notes:
        say(f"note: {note}")
    events: Iterable[Event] = journal.events
    if worker_log is not None:
        events = InARow(events, worker_log_events(events, worker_log, secrets=secrets_of_run(journal.started)))
    report = judge(journal_path, events, journal.notes)
    report = judged_by(report, parse_conditions(fail_if, report.run.kind))
    write_report(redacted(report) if redact else report, format_, path, verbose=verbose)
    if report.run.aborted is not None:
        say_error(LkdiagError(f"the run was given up: {report.run.aborted}", "the report has what was seen until then"))
    return exit_code_of(report)


def judge(path: Path, events: Iterable[Event], notes: Sequence[str]) -> Report:
    """The report of the journal at `path`. Raises LkdiagError where the run's own facts make no report.

    Every line is an event by then. So this is a file that was changed, or a fault of lkdiag's own: exit code 4.
    """
    from lkdiag.report.build import build_report

    try:
        return build_report(events, notes)
    except LkdiagError:
        raise
    except Exception as error:
        raise LkdiagError(
            f"{path} can't be judged: {described(error)}",
            "was it changed, or written by another version? If not, please report it with the journal attached",
        ) from error


def write_report(report: Report, format_: Format | None, path: Path | None, *, verbose: bool) -> None:
    """Write it to `path`, or to stdout. Without a format the file's suffix decides, else `terminal`.

    Raises UsageError when the file can't be written, LkdiagError when the renderer crashes: a fault of lkdiag's own is
    exit code 4, whatever the verdict, for nobody has seen the report. The run itself is not lost by either.
    """
    from lkdiag.render import FORMATS

    chosen = chosen_format(format_, path, Format)

    def write(file: TextIO) -> None:
        try:
            FORMATS[chosen](report, file, verbose=verbose)
        except OSError:
            raise
        except Exception as error:
            raise _renderer_crashed(error, chosen, report.run.id) from error

    if path is not None:
        try:
            with path.open("w", encoding="utf-8") as file:
                write(file)
        except OSError as error:
            raise UsageError(
                f"the report can't be written to {path}: {error.strerror}",
                f"the run is kept: lkdiag report {report.run.id} -o FILE",
            ) from error
        say(f"{report.headline} Report: {path}")
        return
    write_stdout(write, "the report", f"the run is kept: lkdiag report {report.run.id}")


def _renderer_crashed(error: Exception, format_: Format, run_id: str) -> LkdiagError:
    other = "" if format_ is Format.JSON else f"lkdiag report {run_id} --format json has all of it; "
    return LkdiagError(
        f"lkdiag failed while it wrote the report as {format_}, which is not complete: {described(error)}",
        f"{other}{PLEASE_REPORT}, with the output of `lkdiag bundle {run_id}`",
    )


def exit_code_of(report: Report) -> ExitCode:
    """The contract's exit code. The more the run itself went wrong, the more it counts."""
    if report.run.interrupted:
        return ExitCode.INTERRUPTED
    if report.run.aborted is not None:
        return ExitCode.SETUP
    if any(room.still_there and room.own for room in report.leftover_rooms):
        return ExitCode.ROOMS_LEFT
    return BY_VERDICT[report.verdict]
