"""A livekit-server that somebody else runs on this machine: lkdiag's load is its trouble too, so it is looked at."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def pid_behind(url: str) -> int | None:
    """The process that listens where a loopback `url` says; None where there is none, or the system does not tell."""
    import psutil

    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK or parts.port is None:
        return None
    try:
        sockets = psutil.net_connections("tcp")
    except psutil.Error:
        return None  # macOS tells root alone
    listening = (one for one in sockets if one.status == psutil.CONN_LISTEN and one.type == socket.SOCK_STREAM)
    return next((one.pid for one in listening if one.laddr and one.laddr.port == parts.port), None)
