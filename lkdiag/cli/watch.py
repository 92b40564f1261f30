"""`lkdiag watch`: follow real calls of a project without joining them."""

from __future__ import annotations

import typer

from lkdiag.cli import options as shared
from lkdiag.cli import watch_options as own
from lkdiag.cli.play import Flags

EXAMPLES = """[bold]Examples[/]

lkdiag watch --prefix call- [dim]– every room whose name begins so, until Ctrl-C[/]

lkdiag watch --room call-4711 --calls 1 [dim]– one call, to its end[/]

lkdiag watch --prefix '' --for 1h -o watch.html --fail-if 'p95_ms>1500' [dim]– an hour of the whole project[/]
"""


def watch(
    room: own.Room = None,
    prefix: own.Prefix = None,
    agent_name: own.AgentName = None,
    for_: own.For = None,
    calls: own.Calls = None,
    timeout: own.Timeout = 20.0,
    delayed_after: own.DelayedAfter = 2.0,
    settle: own.Settle = 6.0,
    alone_for: own.AloneFor = 60.0,
    api_rate: own.ApiRate = None,
    worker_log: shared.WorkerLog = None,
    project: shared.Project = None,
    url: shared.Url = None,
    api_key: shared.ApiKey = None,
    api_secret: shared.ApiSecret = None,
    format_: shared.ReportFormat = None,
    output: shared.Output = None,
    verbose: shared.Verbose = False,
    quiet: shared.Quiet = False,
    redact: shared.Redact = False,
    fail_if: shared.FailIf = None,
    runs_dir: shared.RunsDir = None,
) -> None:
    """Follow real calls of your project, and judge them as trials are judged.

    It never joins a room (an observer would hold it open), and creates, deletes
    or changes nothing: it asks listRooms, listDispatch and listParticipants.
    Each dispatch that it sees is judged by the server's own times; after the
    hang-up it says whether the room was closed, or who was left alone in it.

    What it did not see from its beginning to the timeout is not called lost.

    It goes on until Ctrl-C, which is its ordinary end: the exit code is that of
    the report, 0 nothing found · 1 a finding, or a threshold not met · 2 usage
    · 3 inconclusive, or no call seen · 4 credentials or connection. A second
    Ctrl-C gives up at once (130); `lkdiag report --last` shows what was seen.
    """
    from lkdiag.scenario.watch import WatchScenario, WatchScript

    script = WatchScript(
        WatchScenario(
            room=room,
            prefix=prefix,
            agent_name=agent_name,
            for_s=for_,
            calls=calls,
            timeout_s=timeout,
            delayed_after_s=delayed_after,
            settle_s=settle,
            alone_for_s=alone_for,
            api_rate=api_rate,
        )
    )
    flags = Flags(
        False, project, url, api_key, api_secret, None, format_, output, verbose, quiet, redact, runs_dir,
        worker_log, tuple(fail_if or ()),
    )  # fmt: skip
    credentials = flags.check(script.kind)
    assert credentials is not None, "only --local goes without"

    from lkdiag.cli.watch_play import play_watch

    raise typer.Exit(play_watch(script, flags, credentials))
