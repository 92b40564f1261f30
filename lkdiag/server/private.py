"""A private livekit-server on loopback, during an `async with`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import yaml

from lkdiag.errors import ServerSetupError
from lkdiag.privacy.secrets import scrub
from lkdiag.private_files import open_private
from lkdiag.server import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    import aiohttp

    from lkdiag.server.binary import ServerBinary


LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """What the server listens on."""

    http: int
    """TCP: the API, signalling and workers."""
    udp: int
    """All media."""


@dataclass(frozen=True)
class ApiKey:
    """An API key for this server only."""

    key: str
    secret: str = field(repr=False)


def free_ports() -> Ports:
    """Two ports that were free just now. Another process may take them before they are used."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        tcp.bind((LOOPBACK, 0))
        udp.bind((LOOPBACK, 0))
        return Ports(http=tcp.getsockname()[1], udp=udp.getsockname()[1])


def random_key() -> ApiKey:
    """A random key. The server warns of secrets under 32 characters; this one has 43."""
    return ApiKey(f"lkdiag{secrets.token_hex(6)}", secrets.token_urlsafe(32))


def private_config(ports: Ports, api_key: ApiKey, webhook_urls: Sequence[str] = ()) -> dict[str, object]:
    """The configuration, for loopback only. Its fields are those of livekit's `config-sample.yaml`."""
    config: dict[str, object] = {
        "port": ports.http,
        "bind_addresses": [LOOPBACK],
        "rtc": {
            "udp_port": ports.udp,
            # Off: 1.13.5 opens this listener on every interface, whatever bind_addresses says
            # (mediatransportutil, rtcconfig/webrtc_config.go). Its default is 7881, so it has to be named.
            "tcp_port": 0,
            "node_ip": LOOPBACK,
            "use_external_ip": False,
            "enable_loopback_candidate": True,
            "interfaces": {"includes": ["lo0" if sys.platform == "darwin" else "lo"]},
        },
        "keys": {api_key.key: api_key.secret},
        "logging": {"level": "info", "json": True},
    }
    if webhook_urls:
        config["webhook"] = {"api_key": api_key.key, "urls": list(webhook_urls)}
    return config


def as_yaml(config: dict[str, object]) -> str:
    """The configuration in the format of LIVEKIT_CONFIG."""
    return yaml.safe_dump(config)


ANSWERS_WITHIN_S = 1.0
"""Another process on the port may accept the connection and never answer: ask again instead of waiting."""


async def answers(session: aiohttp.ClientSession, ports: Ports, api_key: ApiKey) -> bool:
    """Whether `GET /` says OK and the key is accepted: another server on that port would not know the key."""
    from aiohttp import ClientError, ClientTimeout
    from livekit.api import AccessToken, VideoGrants

    timeout = ClientTimeout(total=ANSWERS_WITHIN_S)
    base = f"http://{LOOPBACK}:{ports.http}"
    token = AccessToken(api_key.key, api_key.secret).with_grants(VideoGrants(room_list=True)).to_jwt()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with session.get(base, timeout=timeout) as health:
            if health.status != 200:
                return False
        list_rooms = f"{base}/twirp/livekit.RoomService/ListRooms"
        async with session.post(list_rooms, json={}, headers=headers, timeout=timeout) as rooms:
            return rooms.status == 200
    except (ClientError, TimeoutError):
        return False


ATTEMPTS = 4
"""How many starts, each on new ports, before a port in use is an error."""
READY_WITHIN_S = 15.0
"""A start takes under 1 s on an idle machine."""
GONE_WITHIN_S = sum(patience_s for _, patience_s in guard.ESCALATION) + 2.0
ASK_AGAIN_AFTER_S = 0.03


class _PortTakenError(Exception):
    """Another process has one of the ports."""


class PrivateServer:
    """`async with PrivateServer(binary, log_path) as server:` starts it; leaving the block ends it.

    It also ends when this process does, for whatever reason (see `guard`). It has its own session, so that a Ctrl-C in
    the terminal does not end it before its rooms are cleaned up. Entering raises ServerSetupError.
    """

    def __init__(
        self,
        binary: ServerBinary,
        log_path: Path,
        *,
        webhook_urls: Sequence[str] = (),
        ready_within_s: float = READY_WITHIN_S,
        choose_ports: Callable[[], Ports] = free_ports,
    ) -> None:
        self.binary = binary
        self.log_path = log_path
        """The server's output (JSON lines), without tokens and secrets. Each start overwrites it."""
        self._webhook_urls = tuple(webhook_urls)
        self._ready_within_s = ready_within_s
        self._choose_ports = choose_ports
        self._ports = Ports(0, 0)
        self._api_key = ApiKey("", "")
        self._guard: asyncio.subprocess.Process | None = None
        self._exited: asyncio.Task[int] | None = None
        self._pid = 0

    @property
    def url(self) -> str:
        return f"ws://{LOOPBACK}:{self._ports.http}"

    @property
    def api_key(self) -> str:
        return self._api_key.key

    @property
    def api_secret(self) -> str:
        return self._api_key.secret

    @property
    def version(self) -> str:
        """The version that the binary reports."""
        return self.binary.version

    @property
    def pid(self) -> int:
        """The process id of livekit-server itself, not of its guard; 0 before the start."""
        return self._pid

    @property
    def guard_pid(self) -> int:
        """The process id of the guard, which ends the server when lkdiag ends; 0 before the start."""
        return self._guard.pid if self._guard else 0

    @property
    def returncode(self) -> int | None:
        """The exit code; None while it runs, negative for a signal, as in `subprocess`."""
        exited = self._exited
        return exited.result() if exited and exited.done() and not exited.cancelled() else None

    async def wait_exited(self) -> int:
        """Wait without a deadline until the server has ended, for whatever reason; its return code."""
        if self._exited is None:
            raise RuntimeError("the private server was not started")
        return await asyncio.shield(self._exited)

    async def __aenter__(self) -> Self:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._start()
                await self._wait_ready()
                return self
            except _PortTakenError:
                await self._stop()
                if attempt == ATTEMPTS:
                    raise self._failure(f"livekit-server found its ports taken, {ATTEMPTS} times") from None
            except BaseException:
                await self._stop()
                raise
        raise AssertionError("unreachable")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        self._ports, self._api_key, self._pid = self._choose_ports(), random_key(), 0
        self._guard = process = await self._start_guard()
        assert process.stdin is not None
        assert process.stdout is not None
        config = as_yaml(private_config(self._ports, self._api_key, self._webhook_urls))
        order = json.dumps({"config": config, "secrets": [self.api_secret]})
        with contextlib.suppress(ConnectionError):  # its answer says why
            process.stdin.write(order.encode() + b"\n")
            await process.stdin.drain()
        word, _, rest = (await process.stdout.readline()).decode().strip().partition(" ")
        if word != "pid":
            raise self._failure(f"livekit-server can't be started: {rest or 'its guard ended'}")
        self._pid = int(rest)
        self._exited = asyncio.create_task(_read_exit(process, process.stdout), name="private livekit-server")

    async def _start_guard(self) -> asyncio.subprocess.Process:
        try:
            log = open_private(self.log_path, os.O_TRUNC)
        except OSError as error:
            raise ServerSetupError(
                f"the server's log {self.log_path} can't be written: {error.strerror}",
                "Choose another folder for the run.",
            ) from None
        try:
            # By path and isolated, so that neither the working directory nor PYTHON* affect its imports.
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-IS",
                Path(guard.__file__),
                self.binary.path,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)

    async def _wait_ready(self) -> None:
        import aiohttp

        assert self._exited is not None
        try:
            async with asyncio.timeout(self._ready_within_s), aiohttp.ClientSession() as session:
                while not await answers(session, self._ports, self._api_key):
                    if (await asyncio.wait({self._exited}, timeout=ASK_AGAIN_AFTER_S))[0]:
                        if "address already in use" in self._read_log():
                            raise _PortTakenError
                        code = self._exited.result()
                        raise self._failure(f"livekit-server ended before it was ready (exit code {code})")
        except TimeoutError:
            raise self._failure(f"livekit-server was not ready after {self._ready_within_s:g} s") from None

    async def _stop(self) -> None:
        process = self._guard
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(GONE_WITHIN_S):
                await process.wait()
        except TimeoutError:
            # Until the guard has ended, it may not have reaped the server: the pid is still the server's.
            if self._pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
            process.kill()
            await process.wait()
        if self._exited is not None:
            await self._exited

    def _read_log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def _failure(self, message: str) -> ServerSetupError:
        tail = scrub(self._read_log(), [self.api_secret]).strip().splitlines()[-5:]
        hint = f"See {self.log_path}"
        return ServerSetupError(message, "\n".join([f"{hint}; it ends with", *tail] if tail else [f"{hint}."]))


async def _read_exit(process: asyncio.subprocess.Process, stdout: asyncio.StreamReader) -> int:
    word, _, code = (await stdout.readline()).decode().strip().partition(" ")
    if word == "exited":
        return int(code)
    return await process.wait()  # the guard was killed, and the server with it


LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def pid_behind(url: str) -> int | None:
    """The process that listens at a loopback `url`; None if there is none, or if the system does not say.

    lkdiag measures such a server's load too: both share this machine.
    """
    import psutil

    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK_HOSTS or parts.port is None:
        return None
    try:
        sockets = psutil.net_connections("tcp")
    except psutil.Error:
        return None  # macOS tells only root
    listening = (one for one in sockets if one.status == psutil.CONN_LISTEN and one.type == socket.SOCK_STREAM)
    return next((one.pid for one in listening if one.laddr and one.laddr.port == parts.port), None)
