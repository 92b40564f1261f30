"""Carries a watch out: its journal, its lines, its end by a signal, and its report."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag import settings
from lkdiag.cli.messages import say, say_project
from lkdiag.cli.recording import carry_out, command_line, record_run, stop_on_signals, written
from lkdiag.cli.watch_lines import WatchLines
from lkdiag.errors import ExitCode
from lkdiag.journal.run_kinds import WatchBegan, WatchStopped

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.cli.scenario_run import RunOptions
    from lkdiag.journal.event import Event
    from lkdiag.scenario.watch import WatchScript
    from lkdiag.settings import Credentials


def run_watch(script: WatchScript, options: RunOptions, credentials: Credentials) -> ExitCode:
    """Watch, and show the report; the exit code that it asks for. Raises LkdiagError."""
    say_project(credentials, quiet=options.output.quiet)
    journal = asyncio.run(_watch(script, options, credentials))
    return options.show(journal, credentials)


async def _watch(script: WatchScript, options: RunOptions, credentials: Credentials) -> Path:
    from lkdiag.run.watch import follow

    lines, begun = WatchLines(script.settings, quiet=options.output.quiet), asyncio.Event()

    def note_begin(event: Event) -> None:
        if event.kind == WatchBegan.KIND:
            begun.set()

    runs_dir = settings.runs_dir(options.output.runs_dir)
    stop = asyncio.Event()
    with (
        # for a watch that is the ordinary end
        stop_on_signals(
            lambda: recording.recorder, stop, recorded_as=WatchStopped, message="one last look …", second_message=""
        ),
        record_run(
            runs_dir, script, credentials.host, command_line(), [lines.note, note_begin], secret=credentials.api_secret
        ) as recording,
    ):
        if not options.output.quiet:
            say(f"Run {recording.run_id}, recorded in {recording.folder}")
            say("Watching; Ctrl-C ends it, and shows the report")
        await carry_out(recording, follow(script.settings, credentials, recording.recorder, stop), begun, stop)
    return written(recording, "watch")
