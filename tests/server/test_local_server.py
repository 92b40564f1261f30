"""Whose process a server on this machine is."""

from __future__ import annotations

import os
import socket

from lkdiag.server.private import pid_behind


def test_the_process_that_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert pid_behind(f"ws://127.0.0.1:{port}") == os.getpid()
        assert pid_behind(f"ws://voice.example.com:{port}") is None
    assert pid_behind(f"ws://127.0.0.1:{port}") is None
    assert pid_behind("wss://localhost") is None
