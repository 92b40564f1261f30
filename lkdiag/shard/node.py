"""What runs inside a worker of a Dask cluster: a description of it, and one shard in a separate process.

The cluster calls these functions by name, so the same lkdiag has to be installed there. No secret is sent or returned,
because tasks and results are visible in the cluster's dashboards: the worker uses its own credentials."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag import __version__, settings
from lkdiag.errors import LkdiagError, UsageError
from lkdiag.journal.file import FILE_NAME
from lkdiag.scenario.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


COMMAND = ("-m", "lkdiag", "shard-runner")
"""Arguments of the interpreter: a process that reads a request from stdin, so that no secret is in a command line."""


@dataclass(frozen=True)
class Project:
    """A server and its credentials. It is sent through a pipe between processes of one machine only."""

    url: str
    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return f"Project(url={self.url!r})"


@dataclass(frozen=True)
class Request:
    """One shard of a run."""

    run_id: str
    """The shard's own. It begins with the id of the whole run, by which the rooms of all shards are found."""
    shard: Shard
    command: str
    options: dict[str, Any]
    """Every setting of the scenario."""
    runs_dir: str = ""
    """The folder for the shard's run."""
    project: Project | None = None
    """None: the process uses the credentials of its own environment."""
    server_pid: int | None = None
    """The process id of the private server on the same machine, if there is one."""
    quiet: bool = False

    def encoded(self) -> bytes:
        """The request as one line of JSON."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def decoded(cls, line: bytes) -> Request:
        """Parse a request. Raises UsageError."""
        try:
            return msgspec.json.decode(line, type=cls)
        except msgspec.DecodeError as error:
            raise UsageError("this is no request of lkdiag's", "shard-runner is started by lkdiag itself") from error


def requests_of(run_id: str, of: int, command: str, options: Mapping[str, Any], *, quiet: bool) -> Sequence[Request]:
    """One for each shard of a run."""
    return [
        Request(f"{run_id}-s{index}", Shard(index, of, run_id), command, dict(options), quiet=quiet)
        for index in range(1, of + 1)
    ]


NONCE = secrets.token_hex(8)
"""Identifies this process. A restarted worker has a new one, even if its address is the same."""

_running: dict[str, subprocess.Popen[str]] = {}
_stopped: set[str] = set()


def describe() -> dict[str, Any]:
    """Nonce and version of this worker, and the project that it would use."""
    about: dict[str, Any] = {"nonce": NONCE, "lkdiag_version": __version__}
    try:
        found = settings.load_to_use(settings.CredentialFlags())
    except LkdiagError as error:
        return {**about, "error": error.message}
    return {**about, "host": found.host, "source": found.source}


def run_shard(line: bytes, nonce: str) -> dict[str, Any]:
    """Run one shard to its end; returns its journal, compressed. A restarted worker runs nothing.

    A scheduler gives the task of a lost worker to the next worker of that address, which would repeat its trials.
    """
    if nonce != NONCE:
        return {"restarted": True}
    with tempfile.TemporaryDirectory(prefix="lkdiag-") as folder:
        request = replace(Request.decoded(line), runs_dir=folder)
        child = subprocess.Popen(
            [sys.executable, *COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert child.stdin is not None
        assert child.stderr is not None
        _running[request.run_id] = child
        try:
            child.stdin.write(request.encoded().decode())
            child.stdin.flush()  # stays open: when this worker ends, the process notices and ends too
            if request.run_id in _stopped:
                child.send_signal(signal.SIGTERM)
            error = _last_error(child.stderr)
            code = child.wait()
        finally:
            child.kill()
            _running.pop(request.run_id, None)
        journal = Path(folder) / request.run_id / FILE_NAME
        content = zlib.compress(journal.read_bytes()) if journal.is_file() else None
    return {"code": code, "error": error, "journal": content}


def stop(run_id: str) -> None:
    """Stop the shards of that run, as Ctrl-C would: they close their rooms, and their journals are returned."""
    own = [name for name in _running if name.startswith(f"{run_id}-")]
    _stopped.update(own)
    for name in own:
        _running[name].send_signal(signal.SIGTERM)


def _last_error(lines: Iterable[str]) -> str | None:
    """The last `error:` line, without that prefix; None without one."""
    found = None
    for line in lines:
        if line.startswith("error: "):
            found = line.removeprefix("error: ").strip()
    return found
