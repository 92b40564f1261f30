"""What runs inside a worker of a Dask cluster: a look at what it has, and one shard in a process of its own."""

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


# What one process of several is asked to play; it comes on its stdin, so that no secret stands in a command line.

COMMAND = ("-m", "lkdiag", "shard-runner")
"""Of the interpreter: what takes a request."""


@dataclass(frozen=True)
class Project:
    """Whose server, with which credentials. It goes from process to process on one machine only, through a pipe."""

    url: str
    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return f"Project(url={self.url!r})"


@dataclass(frozen=True)
class Request:
    """One shard of a run."""

    run_id: str
    """The shard's own. It begins with that of the whole run, by which the rooms of all are found."""
    shard: Shard
    command: str
    options: dict[str, Any]
    """Every setting of the scenario."""
    runs_dir: str = ""
    """Where the shard's run is to be kept."""
    project: Project | None = None
    """None: whatever that process finds in its own environment."""
    server_pid: int | None = None
    """Of the private server on the same machine, if there is one."""
    quiet: bool = False

    def encoded(self) -> bytes:
        """One line."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def decoded(cls, line: bytes) -> Request:
        """Raises UsageError."""
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


# What runs inside a worker of a Dask cluster: a look at what it has, one shard in a process of its own, and its end.
#
# It is called by name over there: the same lkdiag has to be installed. No secret comes in or goes out, for what a
# cluster is asked and answers stands in its dashboards; the credentials are those that the worker itself finds.

NONCE = secrets.token_hex(8)
"""Of this process. A worker that was restarted has another one, though its address may be the same."""

_running: dict[str, subprocess.Popen[str]] = {}
_stopped: set[str] = set()


def look() -> dict[str, Any]:
    """Who this is, and which project it would use."""
    about: dict[str, Any] = {"nonce": NONCE, "lkdiag_version": __version__}
    try:
        found = settings.load_to_use(settings.CredentialFlags())
    except LkdiagError as error:
        return {**about, "error": error.message}
    return {**about, "host": found.host, "source": found.source}


def play(line: bytes, nonce: str) -> dict[str, Any]:
    """Play one shard to its end; its journal, compressed. Nothing is played by a worker that was restarted.

    A scheduler gives the task of a lost worker to the next one of that address: that would be a trial played again.
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
            child.stdin.flush()  # and stays open: when this worker is gone the process ends itself
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
    """End the shards of that run, as Ctrl-C would: they close their rooms, and their journals are given back."""
    own = [name for name in _running if name.startswith(f"{run_id}-")]
    _stopped.update(own)
    for name in own:
        _running[name].send_signal(signal.SIGTERM)


def _last_error(lines: Iterable[str]) -> str | None:
    """What it could not do, if anything; its other words are for nobody."""
    found = None
    for line in lines:
        if line.startswith("error: "):
            found = line.removeprefix("error: ").strip()
    return found
