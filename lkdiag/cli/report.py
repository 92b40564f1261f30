"""`lkdiag report`: judge and show a run again, finished, interrupted or killed."""

from __future__ import annotations

from pathlib import Path

import typer

from lkdiag import settings
from lkdiag.cli.options import FailIf, Last, Output, Redact, ReportFormat, Run, RunsDir, Verbose, WorkerLog
from lkdiag.cli.output import check_output, show_run
from lkdiag.cli.worker_log import check_worker_log
from lkdiag.errors import UsageError

EXAMPLES = """[bold]Examples[/]

lkdiag report --last [dim]– the newest run, also one that was killed[/]

lkdiag report 20261121-034950-19f5 -o report.html [dim]– one page to attach; also .md, .json, .svg, .xml (JUnit)[/]

lkdiag report --last --worker-log worker.log [dim]– judged again, with what your worker's own log says[/]

lkdiag report --last --fail-if 'p95_ms>1500' [dim]– an old run by a new threshold[/]
"""


def report(
    run: Run = None,
    last: Last = False,
    worker_log: WorkerLog = None,
    format_: ReportFormat = None,
    output: Output = None,
    verbose: Verbose = False,
    redact: Redact = False,
    fail_if: FailIf = (),
    runs_dir: RunsDir = None,
) -> None:
    """Judge a recorded run again, with today's checks, and show its report.

    It reads the run's journal, finished, interrupted or killed, and asks nothing of any server: the same journal gives
    the same answer. With --worker-log the log of your worker is judged too, and may name the cause. The exit code
    is the run's own, but for the thresholds given here.
    """
    from lkdiag.journal.file import find_journal, last_run

    check_output(output)
    check_worker_log(worker_log)
    directory = settings.runs_dir(runs_dir)
    if last == (run is not None):
        raise UsageError("name a RUN, or --last", f"runs are kept in {directory}")
    path = last_run(directory) if run is None else find_journal(run, directory, Path(run))
    raise typer.Exit(
        show_run(path, format_, output, verbose=verbose, redact=redact, worker_log=worker_log, fail_if=fail_if)
    )
