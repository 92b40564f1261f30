"""`lkdiag shard-runner`: one process of several, for lkdiag itself. Its request comes on stdin."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import typer

from lkdiag.cli.session import Session
from lkdiag.errors import UsageError
from lkdiag.scenario.dispatch import DispatchScenario

STDIN = 0
LINE_MAX = 1_000_000


def shard_runner() -> None:
    """Run one shard of a run. Started by `--processes` and `--cluster`, and of no use otherwise."""
    from lkdiag import settings
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.errors import ExitCode
    from lkdiag.run.health import check_capacity
    from lkdiag.scenario.script import DispatchScript, load_script
    from lkdiag.shard.node import Request

    request = Request.decoded(_first_line())
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    script = load_script("dispatch-trial", tuple(BEHAVIOURS), make_behaviour)
    assert isinstance(script, DispatchScript)
    try:
        scenario = msgspec.convert(request.options, DispatchScenario)
    except msgspec.ValidationError as error:
        raise UsageError(f"the request can't be read: {error}", "is the same lkdiag on every machine?") from error
    check_capacity(scenario)
    given = request.project
    credentials = (
        settings.load_to_use(settings.CredentialFlags())
        if given is None
        else settings.Credentials(given.url, given.api_key, given.api_secret, "the lkdiag that started this one")
    )
    session = Session(
        script=replace(script, settings=scenario),
        credentials=credentials,
        server_binary=None,
        runs_dir=Path(request.runs_dir),
        command=request.command,
        quiet=request.quiet,
        shard=request.shard,
        server_pid=request.server_pid,
        run_id=request.run_id,
        announced=False,
    )
    session.run()
    raise typer.Exit(ExitCode.OK)


def _first_line() -> bytes:
    """Read without Python's buffer: a thread that waits in it would keep the process from ending."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < LINE_MAX:
        if not (byte := os.read(STDIN, 1)):
            break
        line += byte
    return bytes(line)


def _end_with_parent() -> None:
    """When the parent is gone nobody reads this process's journal: it closes its rooms, and ends."""
    while os.read(STDIN, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
