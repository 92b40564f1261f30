"""Puts a run together: credentials or a private server, journal, progress, signals; and carries it out."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag import settings
from lkdiag.cli.notes import say
from lkdiag.cli.progress import Progress
from lkdiag.cli.recording import record_run, stop_on_signals
from lkdiag.errors import LkdiagError, UsageError
from lkdiag.trial.schedule import plan_trials

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.cli.recording import Recording
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.server.binary import ServerBinary

LOCAL_HOST = "private livekit-server"
SERVER_LOG = "livekit-server.log"


def choose_credentials(flags: settings.CredentialFlags, *, local: bool) -> settings.Credentials | None:
    """The project's; None with `--local`. Raises UsageError for both at once, CredentialsError for none."""
    if not local:
        return settings.load(flags)
    given = [name for name in ("url", "api_key", "api_secret", "project") if getattr(flags, name) is not None]
    if given:
        option = given[0].replace("_", "-")
        raise UsageError(f"--local and --{option} exclude each other", "--local starts a server with keys of its own")
    return None


@dataclass(frozen=True)
class Session:
    """One run of a command."""

    scenario: DispatchScenario
    credentials: settings.Credentials | None
    """None: on a private server."""
    server_binary: Path | None
    runs_dir: Path
    command: str
    quiet: bool

    def run(self) -> Path:
        """Carry the run out; the journal that it left. Raises LkdiagError when it could not begin."""
        if self.credentials is not None:
            for warning in self.credentials.warnings:
                say(f"warning: {warning}")
            self._say(f"Project {self.credentials.host}, credentials from {self.credentials.source}")
        return asyncio.run(self._run())

    async def _run(self) -> Path:
        binary = await self._find_server() if self.credentials is None else None
        host = LOCAL_HOST if self.credentials is None else self.credentials.host
        total = sum(not planned.warmup for planned in plan_trials(self.scenario))
        with (
            Progress(self.scenario, total, quiet=self.quiet) as progress,
            record_run(
                self.runs_dir, "dispatch-trial", self.scenario, host, self.command, [progress.note]
            ) as recording,
        ):
            self._say(f"Run {recording.run_id}, recorded in {recording.folder}")
            try:
                await self._carry_out(recording, binary)
            except LkdiagError as error:
                recording.recorder.record("run.aborted", reason=error.message)
                raise
            except Exception as error:
                # a fault of lkdiag's own: what was seen until then is still worth a report
                recording.recorder.record(
                    "run.crashed", reason=f"lkdiag failed: {_innermost(error)}", trace=traceback.format_exc()
                )
            finally:
                recording.recorder.record("run.finished")
        return recording.folder / "journal.jsonl"

    async def _carry_out(self, recording: Recording, binary: ServerBinary | None) -> None:
        from lkdiag.trial.run import run_dispatch_trials

        stop = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(stop_on_signals(recording.recorder, stop))
            credentials = self.credentials
            if binary is not None:
                credentials = await self._start_server(recording, binary, stack)
            assert credentials is not None, "without credentials there is a private server"
            await run_dispatch_trials(self.scenario, credentials, recording.recorder, recording.run_id, stop)

    async def _find_server(self) -> ServerBinary:
        from lkdiag.server.binary import find_server

        return await find_server(self.server_binary, self._say)

    async def _start_server(
        self, recording: Recording, binary: ServerBinary, stack: contextlib.AsyncExitStack
    ) -> settings.Credentials:
        from lkdiag.server.private import PrivateServer

        server = await stack.enter_async_context(PrivateServer(binary, recording.folder / SERVER_LOG))
        self._say(f"livekit-server {server.version} on {server.url}, its log beside the journal")
        recording.recorder.record("server.started", version=server.version, url=server.url, source=binary.source)

        def note_end() -> None:
            if server.returncode is not None:
                recording.recorder.record("server.exited", returncode=server.returncode)

        stack.callback(note_end)  # runs before the server is stopped: by then it should still be there
        return settings.Credentials(server.url, server.api_key, server.api_secret, "the private server")

    def _say(self, text: str) -> None:
        if not self.quiet:
            say(text)


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
