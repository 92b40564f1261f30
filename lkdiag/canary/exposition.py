"""Answers Prometheus over HTTP, from a thread of the official client library's own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import prometheus_client

from lkdiag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry


@contextlib.contextmanager
def exposed(registry: CollectorRegistry, address: tuple[str, int]) -> Iterator[str]:
    """Listen while the block lasts; the URL (port 0: of any free port). Raises UsageError when it can't."""
    host, port = address
    try:
        server, thread = prometheus_client.start_http_server(port, host, registry)
    except OSError as error:
        raise UsageError(
            f"nothing can listen on {host}:{port}: {error.strerror}", "choose another --listen HOST:PORT"
        ) from error
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
