"""Carries a watch out: its journal, its lines, its end by a signal, and its report."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING

from lkdiag import settings
from lkdiag.cli.messages import say
from lkdiag.cli.recording import command_line, described, record_run, stop_on_signals
from lkdiag.cli.watch_lines import WatchLines
from lkdiag.errors import ExitCode, LkdiagError
from lkdiag.journal.run_kinds import RunAborted, RunCrashed, RunFinished, WatchBegan, WatchStopped

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.cli.play import Flags
    from lkdiag.cli.recording import Recording
    from lkdiag.journal.event import Event
    from lkdiag.scenario.watch import WatchScript
    from lkdiag.settings import Credentials


def play_watch(script: WatchScript, flags: Flags, credentials: Credentials) -> ExitCode:
    """Watch, and show the report; the exit code that it asks for. Raises LkdiagError."""
    from lkdiag.cli.worker_log import worker_log_events
    from lkdiag.journal.file import append_events, read_journal

    for warning in credentials.warnings:
        say(f"warning: {warning}")
    if not flags.output.quiet:
        say(f"Project {credentials.host}, credentials from {credentials.source}")
    journal = asyncio.run(_watch(script, flags, credentials))
    if flags.worker_log is not None:
        secrets = [credentials.api_secret]
        append_events(journal, worker_log_events(read_journal(journal).events, flags.worker_log, secrets=secrets))
    return flags.show(journal)


async def _watch(script: WatchScript, flags: Flags, credentials: Credentials) -> Path:
    from lkdiag.run.watch import follow

    lines, begun = WatchLines(script.settings, quiet=flags.output.quiet), asyncio.Event()

    def note_begin(event: Event) -> None:
        if event.kind == WatchBegan.KIND:
            begun.set()

    runs_dir = settings.runs_dir(flags.output.runs_dir)
    stop = asyncio.Event()
    with (
        # for a watch that is the ordinary end
        stop_on_signals(
            lambda: recording.recorder, stop, recorded_as=WatchStopped, told="one last look …", given_up=""
        ),
        record_run(
            runs_dir, script, credentials.host, command_line(), [lines.note, note_begin], secret=credentials.api_secret
        ) as recording,
    ):
        recorder = recording.recorder
        recording.journal.on_failure = stop.set
        if not flags.output.quiet:
            say(f"Run {recording.run_id}, recorded in {recording.folder}")
            say("Watching; Ctrl-C ends it, and shows the report")
        try:
            work = asyncio.create_task(follow(script.settings, credentials, recorder, stop), name="watch")
            stopped = asyncio.create_task(stop.wait(), name="stop")
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not begun.is_set():
                work.cancel()  # it has seen nothing yet
            await asyncio.wait({work})
            if not work.cancelled():
                work.result()
        except LkdiagError as error:
            recorder.record(RunAborted(reason=error.message))
            raise
        except Exception as error:
            # a fault of lkdiag's own: what was seen until then is still worth a report
            reason = f"lkdiag failed: {described(error)}"
            recorder.record(RunCrashed(reason=reason, trace=traceback.format_exc()))
        finally:
            recorder.record(RunFinished())
    _check_journal(recording)
    return recording.folder / "journal.jsonl"


def _check_journal(recording: Recording) -> None:
    if (failure := recording.journal.failure) is not None:
        raise LkdiagError(
            f"the journal can't be written any further: {failure.strerror}; the watch was ended",
            f"make room, or choose another --runs-dir. What was seen: lkdiag report {recording.run_id}",
        )
