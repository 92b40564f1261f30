"""`lkdiag merge`: make one run of the journals of several shards."""

from __future__ import annotations

import os
import shlex
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lkdiag import settings
from lkdiag.cli.options import FailIf, Redact, ReportFile, ReportFormat, RunsDir, Verbose
from lkdiag.errors import UsageError
from lkdiag.journal.run_kinds import RunFinished, RunStarted
from lkdiag.scenario.option import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.journal.event import Event

EXAMPLES = """[bold]Examples[/]

lkdiag merge shards/ -o merged-run [dim]– every journal below that folder[/]

lkdiag merge 20261121-034950-19f5 20261121-034951-b0c2 [dim]– two runs of this machine[/]
"""


def merge(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…", help="Each shard's id, folder or journal.jsonl; or a folder in which they all are."
        ),
    ],
    output: Annotated[
        Path | None,
        Option("The merged run's folder.", short="-o", metavar="FOLDER", default="a new one among your runs"),
    ] = None,
    force: Annotated[bool, Option("Also when settings, project or versions differ; the report says so.")] = False,
    format_: ReportFormat = None,
    report_file: ReportFile = None,
    verbose: Verbose = False,
    redact: Redact = False,
    fail_if: FailIf = (),
    runs_dir: RunsDir = None,
) -> None:
    """Merge the shards that `dispatch-trial --shard I/N` has run, on this machine or others, into one run.

    Trials of a shard that was killed, or of which there is no journal, are reported as missing, never as lost. Clocks
    of different machines are never compared. Afterwards it is a run like any other: report, compare, bundle.
    """
    from lkdiag.cli.output import check_output, show_run
    from lkdiag.cli.recording import new_run_id
    from lkdiag.journal.file import FILE_NAME, JournalWriter
    from lkdiag.journal.recorder import Recorder
    from lkdiag.report.threshold import parse_conditions
    from lkdiag.shard.merge import merge_into, read_shards

    check_output(report_file)
    parse_conditions(fail_if, "dispatch")
    directory = settings.runs_dir(runs_dir)
    paths = _journals(runs, directory)
    sources = read_shards(paths, force=force)
    run_id = new_run_id()
    began_ns, ended_ns = _span(paths)
    clock = iter((began_ns,))
    path = (output or directory / run_id) / FILE_NAME
    if os.path.exists(path):
        raise UsageError(f"there is a run in {path.parent} already", "choose another -o FOLDER")
    with JournalWriter(path) as journal:
        # the merged run has no clock of its own: it begins with its first shard, and ends with its last
        recorder = Recorder(journal.write, wall_ns=lambda: next(clock, ended_ns), mono_ns=lambda: 0)
        first = sources.found[0].started.data
        about = {name: value for name, value in first.items() if name not in ("run_id", "shard", "command")}
        group = sources.found[0].shard.group
        runs_of = [source.run_id for source in sources.found]
        recorder.record(
            RunStarted(
                **about,
                run_id=run_id,
                command=_command(str(first["command"])),
                merged={"of": sources.of, "runs": runs_of, **({} if group is None else {"group": group})},
            )
        )
        merge_into(recorder, sources)
        recorder.record(RunFinished())
    if journal.failure is not None:
        raise UsageError(f"the merged run can't be written: {journal.failure.strerror}", "choose another -o FOLDER")
    raise typer.Exit(show_run(journal.path, format_, report_file, verbose=verbose, redact=redact, fail_if=fail_if))


def _journals(runs: Sequence[str], directory: Path) -> list[Path]:
    """Each once, even if it is named both by its run's id and by its folder."""
    from lkdiag.journal.file import FILE_NAME, find_journal

    found: list[Path] = []
    for run in runs:
        folder = Path(run)
        if os.path.isdir(folder) and not os.path.exists(folder / FILE_NAME):
            below = sorted(folder.rglob(FILE_NAME))
            if not below:
                raise UsageError(
                    f"there is no {FILE_NAME} in {folder}", "name the folder in which the shards' runs are"
                )
            found += below
        else:
            found.append(find_journal(run, directory, folder))
    return list({path.resolve(): path for path in found}.values())


def _span(paths: Sequence[Path]) -> tuple[int, int]:
    """From the beginning of the first shard to the end of the last, by the wall clock of each."""
    from lkdiag.journal.file import read_journal

    ends: list[Event] = []
    for path in paths:
        if path.stat().st_size:
            journal = read_journal(path)
            ends += (journal.started, *deque(journal.events, maxlen=1))
    return min(event.at_ns for event in ends), max(event.at_ns for event in ends)


def _command(command: str) -> str:
    """The shards' command without the options that name a shard."""
    words = shlex.split(command)
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("--shard", "--run-group"):
            skip = True
        elif not word.startswith(("--shard=", "--run-group=")):
            kept.append(word)
    return shlex.join(kept)
