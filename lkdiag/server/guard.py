"""Stands between lkdiag and its private livekit-server, so that the server never outlives lkdiag.

A process of its own, run by path: standard library only, no import of lkdiag. Its argument is the binary, and

- on stdin it reads one line of JSON, `{"config": YAML, "secrets": [...]}`; then the end of stdin means: stop the
  server. Only lkdiag holds the other end, so stdin ends whenever lkdiag does, also by kill -9;
- on stdout it writes `pid N`, or `failed REASON`, and at the end `exited CODE` (negative: the signal);
- stderr is the log file: what the server prints, without tokens and secrets.

If the guard itself is killed, Linux kills the server with it (PR_SET_PDEATHSIG); elsewhere the server ends
with the next line that it logs (SIGPIPE on stdout ends Go programs).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STDIN, STDOUT, STDERR = 0, 1, 2

ESCALATION: Final = ((signal.SIGTERM, 0.5), (signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
"""Signals to the server, each with the seconds to wait for its end. At the first SIGTERM livekit-server waits without
limit for its participants to leave, and in its first 0.1 s it ignores the signal; the second SIGTERM forces its end
(1.13.5, cmd/server/main.go and pkg/service/server.go)."""

PR_SET_PDEATHSIG = 1  # linux/prctl.h

TOKEN = re.compile(rb"eyJ[\w-]{5,}\.[\w-]+(\.[\w-]*)?")
"""A JWT: the base64url of `{"…`, a payload, a signature."""


class StopRequested(Exception):  # noqa: N818 - not an error: the guard has received a signal to stop
    """The guard itself has received a signal to stop."""


class ScrubbedLog:
    """Copies the server's output to the log file, line by line, with every token and secret masked."""

    def __init__(self, source: int, secrets: Sequence[str]) -> None:
        self._source = source
        self._secrets = [secret.encode() for secret in secrets]
        self._rest = b""
        self.open = True

    def fileno(self) -> int:
        return self._source

    def pass_on(self) -> None:
        chunk = os.read(self._source, 65536)
        self.open = bool(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk and self._rest:
            lines.append(self._rest)
        for line in lines:
            _write(STDERR, self.scrub(line) + b"\n")

    def scrub(self, line: bytes) -> bytes:
        for secret in self._secrets:
            line = line.replace(secret, b"***")
        return TOKEN.sub(b"***", line)


def main(binary: str) -> int:
    stops = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for signum in stops:
        signal.signal(signum, _request_stop)
    try:
        order = sys.stdin.buffer.readline()
        if not order:
            return 1
        hello = json.loads(order)
        server = _start(binary, hello["config"])
    except StopRequested:
        return 1
    except (OSError, subprocess.SubprocessError) as error:
        _write(STDOUT, f"failed {getattr(error, 'strerror', None) or error}\n".encode())
        return 1
    assert server.stdout is not None
    log = ScrubbedLog(server.stdout.fileno(), hello["secrets"])
    with contextlib.suppress(StopRequested):
        _write(STDOUT, f"pid {server.pid}\n".encode())
        _watch(log)
    for signum in stops:
        signal.signal(signum, signal.SIG_IGN)
    _end(server, log)
    _write(STDOUT, f"exited {server.returncode}\n".encode())
    return 0


def _request_stop(*_: object) -> None:
    raise StopRequested


def _start(binary: str, config: str) -> subprocess.Popen[bytes]:
    # The environment is the configuration and nothing else: by name alone LIVEKIT_*, NODE_IP, UDP_PORT and
    # REDIS_HOST would change it (cmd/server/main.go, pkg/config). It is not an argument: everybody can read those.
    return subprocess.Popen(
        [binary],
        env={"LIVEKIT_CONFIG": config},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=_die_with(os.getpid()) if sys.platform == "linux" else None,
    )


def _die_with(guard: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)  # loaded before the fork

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # it died between the fork and the call above
            os._exit(1)

    return ask_kernel


def _watch(log: ScrubbedLog) -> None:
    """Copy output until the server ends (its output does), or lkdiag does."""
    while log.open:
        ready, _, _ = select.select([log.fileno(), STDIN], [], [])
        if log.fileno() in ready:
            log.pass_on()
        if STDIN in ready and not os.read(STDIN, 4096):
            return


def _end(server: subprocess.Popen[bytes], log: ScrubbedLog) -> None:
    for signum, patience_s in ESCALATION:
        server.send_signal(signum)
        deadline = time.monotonic() + patience_s
        while log.open and (left_s := deadline - time.monotonic()) > 0:
            if select.select([log], [], [], left_s)[0]:
                log.pass_on()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(max(0.05, deadline - time.monotonic()))
            return


def _write(target: int, content: bytes) -> None:
    # The guard must do its work even if the reader is gone or the disk is full.
    with contextlib.suppress(OSError):
        os.write(target, content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
