"""Carries a run out: credentials or a private server, journal, progress, signals."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkdiag import settings
from lkdiag.cli.messages import Progress, away_line, say, say_project
from lkdiag.cli.recording import carry_out, record_run, stop_on_signals, written
from lkdiag.cli.tally import tally_of
from lkdiag.errors import CredentialsError, UsageError
from lkdiag.journal.run_kinds import (
    ClockOff,
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
    from lkdiag.run.trials import ScriptChooser
    from lkdiag.scenario.script import DispatchScript, TeardownScript
    from lkdiag.scenario.shard import Shard
    from lkdiag.server.binary import ServerBinary

LOCAL_HOST = "private livekit-server"
SERVER_LOG = "livekit-server.log"


def choose_credentials(flags: settings.CredentialFlags, *, local: bool) -> settings.Credentials | None:
    """The project's credentials; None with `--local`. Raises UsageError for both at once, CredentialsError for none."""
    if not local:
        return settings.load_to_use(flags)
    if flags.given:
        raise UsageError(
            f"--local and {flags.given[0]} exclude each other", "--local starts a server with keys of its own"
        )
    return None


def own_credentials(flags: settings.CredentialFlags, *, local: bool) -> settings.Credentials | None:
    """Those found here, for a run that uses other machines' credentials. Raises UsageError where any were given."""
    if local or flags.given:
        option = "--local" if local else flags.given[0]
        raise UsageError(
            f"--cluster and {option} exclude each other",
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
    """Where webhooks are received (port 0: any); None: nowhere."""
    mix: ScriptChooser | None = None
    """Which scenario each trial belongs to, where there are several."""
    carry_out: Callable[[settings.Credentials, Recorder, str, asyncio.Event], Awaitable[None]] | None = None
    """Carries the script out, given the recorder, the run's id, and the event that stops it; None: run_script does."""
    watchers: tuple[Callable[[Event], object], ...] = ()
    """Called with each event, instead of the line that shows progress."""
    shard: Shard | None = None
    """The share of the trials that it runs; None: all of them."""
    server_pid: int | None = None
    """The process of a private server that another lkdiag started on this machine, to measure its load."""
    run_id: str | None = None
    """None: a new one."""
    merged: dict[str, Any] | None = None
    """The shards that make up the run, if there are any."""
    announced: bool = True
    """False: it shows only its trials, because another lkdiag has announced the run."""

    def run(self) -> Path:
        """Carry the run out; its journal. Raises LkdiagError when it could not begin."""
        if self.credentials is not None:
            say_project(self.credentials, quiet=self.quiet or not self.announced)
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
            await carry_out(recording, self._carry_out(recording, binary, stop), begun, stop)
        return written(recording)

    @contextlib.contextmanager
    def _followed(self) -> Iterator[Sequence[Callable[[Event], object]]]:
        if self.watchers:
            yield self.watchers
            return
        with Progress(tally_of(self.script, self.shard), quiet=self.quiet) as progress:
            yield [progress.note]

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
        self._say(f"livekit-server {server.version} on {server.url}, its log next to the journal")
        recording.recorder.record(ServerStarted(version=server.version, url=server.url, source=binary.source))

        def note_end() -> None:
            if server.returncode is not None:
                recording.recorder.record(ServerExited(returncode=server.returncode))

        stack.callback(note_end)  # runs before the server is stopped: by then it should still be there
        return settings.Credentials(server.url, server.api_key, server.api_secret, "the private server"), server.pid

    def _say(self, text: str) -> None:
        if self.announced and not self.quiet:
            say(text)
