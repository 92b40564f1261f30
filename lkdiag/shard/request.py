"""What one process of several is asked to play; it comes on its stdin, so that no secret stands in a command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag.errors import UsageError
from lkdiag.scenario.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
