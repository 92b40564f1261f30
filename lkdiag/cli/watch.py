"""`lkdiag watch`: follow real calls of a project without joining them."""

from __future__ import annotations

import typer

from lkdiag.cli.options import OutputOptions, ProjectOptions, ServerOptions, WorkerLog
from lkdiag.cli.scenario_run import RunOptions
from lkdiag.scenario.watch import WatchScenario, WatchScript

EXAMPLES = """[bold]Examples[/]

lkdiag watch --prefix call- [dim]– every room whose name begins so, until Ctrl-C[/]

lkdiag watch --room call-4711 --calls 1 [dim]– one call, to its end[/]

lkdiag watch --prefix '' --for 1h -o watch.html --fail-if 'p95_ms>1500' [dim]– an hour of the whole project[/]
"""


def watch(
    *, scenario: WatchScenario, worker_log: WorkerLog = None, project: ProjectOptions, output: OutputOptions
) -> None:
    """Follow real calls of your project, and judge them as trials are judged.

    It never joins a room (an observer would hold it open), and creates, deletes
    or changes nothing: it asks listRooms, listDispatch, listParticipants and
    getParticipant. Each dispatch that it sees is judged by the server's own
    times; after the hang-up it says whether the room was closed, or who was left
    alone in it.

    What it did not see from its beginning to the timeout is not called lost.

    It goes on until Ctrl-C, which is its ordinary end: the exit code is that of
    the report, 0 nothing found · 1 a finding, or a threshold not met · 2 usage
    · 3 inconclusive, or no call seen · 4 credentials or connection. A second
    Ctrl-C gives up at once (130); `lkdiag report --last` shows what was seen.
    """
    script = WatchScript(scenario)
    options = RunOptions(ServerOptions(project=project), output, worker_log)
    credentials = options.check(script.kind)
    assert credentials is not None, "only --local goes without"

    from lkdiag.cli.watch_run import run_watch

    raise typer.Exit(run_watch(script, options, credentials))
