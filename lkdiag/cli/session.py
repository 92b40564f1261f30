"""Puts a run together: credentials or a private server, journal, progress, signals; and carries it out."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkdiag import settings
from lkdiag.cli.messages import Progress, away_line, say
from lkdiag.cli.recording import described, record_run, stop_on_signals
from lkdiag.cli.tally import tally_of
from lkdiag.errors import CredentialsError, LkdiagError, UsageError
from lkdiag.journal.run_kinds import (
    ClockOff,
    RunAborted,
    RunCrashed,
    RunFinished,
    ServerExited,
    ServerStarted,
    ShardsStarted,
)
from lkdiag.journal.trial_kinds import TrialStarted
from lkdiag.scenario.dispatch import DispatchScenario

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from lkdiag.cli.recording import Recording
    from lkdiag.client.webhooks import WebhookListener
    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import Recorder
    from lkdiag.run.trials import Mix
    from lkdiag.scenario.script import DispatchScript, TeardownScript
    from lkdiag.scenario.shard import Shard
    from lkdiag.server.binary import ServerBinary

LOCAL_HOST = "private livekit-server"
SERVER_LOG = "livekit-server.log"


def choose_credentials(flags: settings.CredentialFlags, *, local: bool) -> settings.Credentials | None:
    """The project's; None with `--local`. Raises UsageError for both at once, CredentialsError for none."""
    if not local:
        return settings.load_to_use(flags)
    given = [name for name in ("url", "api_key", "api_secret", "project") if getattr(flags, name) is not None]
    if given:
        option = given[0].replace("_", "-")
        raise UsageError(f"--local and --{option} exclude each other", "--local starts a server with keys of its own")
    return None


def own_credentials(flags: settings.CredentialFlags, *, local: bool) -> settings.Credentials | None:
    """What is found here, for a run that is played elsewhere with others. Raises UsageError where any were given."""
    given = [name for name in ("url", "api_key", "api_secret", "project") if getattr(flags, name) is not None]
    if local or given:
        option = "local" if local else given[0].replace("_", "-")
        raise UsageError(
            f"--cluster and --{option} exclude each other",
            "no credentials are sent through a cluster: each worker uses those of its own environment",
        )
    with contextlib.suppress(CredentialsError):
        return settings.load_to_use(flags)
    return None


@dataclass(frozen=True)
class Session:
    """One run of a command."""

    script: DispatchScript | TeardownScript
    credentials: settings.Credentials | None
    """None: on a private server."""
    server_binary: Path | None
    runs_dir: Path
    command: str
    quiet: bool
    webhook_address: tuple[str, int] | None = None
    """Where webhooks are to be received (port 0: any); None: nowhere."""
    mix: Mix | None = None
    """Which scenario each trial is of, where they are of several."""
    carry_out: Callable[[settings.Credentials, Recorder, str, asyncio.Event], Awaitable[None]] | None = None
    """What plays the script, with the recorder, the run's id, and what stops it; None: run_script does."""
    watchers: tuple[Callable[[Event], object], ...] = ()
    """Who follows the run, instead of the line that shows its progress."""
    shard: Shard | None = None
    """Which share of the trials it plays; None: all of them."""
    server_pid: int | None = None
    """Of a private server that another lkdiag has started on this machine: its load is measured."""
    run_id: str | None = None
    """None: a new one."""
    merged: dict[str, Any] | None = None
    """Of which shards the run is put together, if it is."""
    announced: bool = True
    """False: only its trials are told of, for another lkdiag that has announced the run."""

    def run(self) -> Path:
        """Carry the run out; the journal that it left. Raises LkdiagError when it could not begin."""
        if self.credentials is not None:
            for warning in self.credentials.warnings:
                say(f"warning: {warning}")
            self._say(f"Project {self.credentials.host}, credentials from {self.credentials.source}")
        return asyncio.run(self._run())

    async def _run(self) -> Path:
        binary = await self._find_server() if self.credentials is None else None
        return await self._record(binary, LOCAL_HOST if self.credentials is None else self.credentials.host)

    async def _record(self, binary: ServerBinary | None, host: str) -> Path:
        begun = asyncio.Event()

        def watch(event: Event) -> None:
            row = event.row
            if isinstance(row, TrialStarted | ShardsStarted):
                begun.set()
            elif isinstance(row, ClockOff):
                self._say(f"warning: {row.told}")
            elif line := away_line(event):
                self._say(line)

        stop = asyncio.Event()
        with (
            self._followed() as watchers,
            stop_on_signals(lambda: recording.recorder, stop),
            record_run(
                self.runs_dir,
                self.script,
                host,
                self.command,
                [*watchers, watch],
                shard=self.shard,
                merged=self.merged,
                run_id=self.run_id,
                secret=None if self.credentials is None else self.credentials.api_secret,
            ) as recording,
        ):
            self._say(f"Run {recording.run_id}, recorded in {recording.folder}")
            try:
                await self._until_stopped(recording, binary, begun, stop)
            except LkdiagError as error:
                recording.recorder.record(RunAborted(reason=error.message))
                raise
            except Exception as error:
                # a fault of lkdiag's own: what was seen until then is still worth a report
                recording.recorder.record(
                    RunCrashed(
                        reason=f"lkdiag failed: {described(error)}",
                        trace=traceback.format_exc(),
                    )
                )
            finally:
                recording.recorder.record(RunFinished())
        if (failure := recording.journal.failure) is not None:
            raise LkdiagError(
                f"the journal can't be written any further: {failure.strerror}; the run was ended",
                f"make room, or choose another --runs-dir. What was seen: lkdiag report {recording.run_id}",
            )
        return recording.folder / "journal.jsonl"

    @contextlib.contextmanager
    def _followed(self) -> Iterator[Sequence[Callable[[Event], object]]]:
        if self.watchers:
            yield self.watchers
            return
        with Progress(tally_of(self.script, self.shard), quiet=self.quiet) as progress:
            yield [progress.note]

    async def _until_stopped(
        self, recording: Recording, binary: ServerBinary | None, begun: asyncio.Event, stop: asyncio.Event
    ) -> None:
        """Carry it out. When stopped, trials that have begun end in good order; what comes before them is cut off."""
        recording.journal.on_failure = stop.set
        work = asyncio.create_task(self._carry_out(recording, binary, stop), name="run")
        stopped = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not begun.is_set():
            work.cancel()
        await asyncio.wait({work})
        if not work.cancelled():
            work.result()

    async def _carry_out(self, recording: Recording, binary: ServerBinary | None, stop: asyncio.Event) -> None:
        async with contextlib.AsyncExitStack() as stack:
            webhooks = await self._listen(stack)
            credentials, server_pid = self.credentials, None
            if binary is not None:
                credentials, server_pid = await self._start_server(recording, binary, webhooks, stack)
            elif credentials is not None:
                from lkdiag.server.private import pid_behind

                server_pid = pid_behind(credentials.url)
            assert credentials is not None, "without credentials there is a private server"
            if webhooks is not None:
                webhooks.trust(credentials)
            if self.carry_out is not None:
                await self.carry_out(credentials, recording.recorder, recording.run_id, stop)
                return
            from lkdiag.run.trials import run_script

            await run_script(
                self.script, credentials, recording.recorder, recording.run_id, stop, webhooks,
                mix=self.mix, shard=self.shard, server_pid=server_pid or self.server_pid,
            )  # fmt: skip

    async def _listen(self, stack: contextlib.AsyncExitStack) -> WebhookListener | None:
        if self.webhook_address is None:
            return None
        from lkdiag.client.webhooks import WebhookListener

        webhooks = await stack.enter_async_context(WebhookListener(*self.webhook_address, manner=self._webhook_manner))
        if self.webhook_address[1]:  # those of a private server come to any port, and nobody has to send them
            self._say(f"Webhooks are received at {webhooks.url}")
        return webhooks

    @property
    def _webhook_manner(self) -> str:
        scenario = self.script.settings
        return (scenario.webhooks if isinstance(scenario, DispatchScenario) else None) or "ok"

    async def _find_server(self) -> ServerBinary:
        from lkdiag.server.binary import find_server

        return await find_server(self.server_binary, self._say)

    async def _start_server(
        self,
        recording: Recording,
        binary: ServerBinary,
        webhooks: WebhookListener | None,
        stack: contextlib.AsyncExitStack,
    ) -> tuple[settings.Credentials, int]:
        from lkdiag.server.private import PrivateServer

        urls = () if webhooks is None else (webhooks.url,)
        log_path = recording.folder / SERVER_LOG
        server = await stack.enter_async_context(PrivateServer(binary, log_path, webhook_urls=urls))
        recording.recorder.hide(server.api_secret)
        self._say(f"livekit-server {server.version} on {server.url}, its log beside the journal")
        recording.recorder.record(ServerStarted(version=server.version, url=server.url, source=binary.source))

        def note_end() -> None:
            if server.returncode is not None:
                recording.recorder.record(ServerExited(returncode=server.returncode))

        stack.callback(note_end)  # runs before the server is stopped: by then it should still be there
        return settings.Credentials(server.url, server.api_key, server.api_secret, "the private server"), server.pid

    def _say(self, text: str) -> None:
        if self.announced and not self.quiet:
            say(text)
