"""Ports that a test hands on to somebody who listens there later: nobody else gets them meanwhile."""

from __future__ import annotations

import fcntl
import itertools
import os
import socket
import tempfile
from functools import cache
from pathlib import Path

from lkdiag.server.private import Ports

PORTS = range(20_000, 32_000)
"""Below those that Linux and macOS give to whoever asks for any: no connection of somebody's takes one by chance."""
_given: set[int] = set()


@cache
def _register() -> int:
    """A file of which byte N is locked by the process that has port N, for as long as it lives."""
    return os.open(Path(tempfile.gettempdir()) / f"lkdiag-test-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)


def free_port() -> int:
    """A port on loopback, TCP and UDP, that is this process's own."""
    first = os.getpid() * 101
    for number in itertools.islice(itertools.count(first), len(PORTS)):
        port = PORTS[number % len(PORTS)]
        if port not in _given and _is_locked(port) and _is_free(port):
            _given.add(port)
            return port
    raise OSError(f"none of the ports {PORTS} is free")


def free_ports() -> Ports:
    """For a private server."""
    return Ports(http=free_port(), udp=free_port())


def _is_locked(port: int) -> bool:
    try:
        fcntl.lockf(_register(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
