"""Where webhooks are received: HOST:PORT, as a user writes it."""

from __future__ import annotations

import re

from lkdiag.errors import UsageError

_PORT = re.compile("[0-9]{1,5}")


def parse_address(text: str | None) -> tuple[str, int] | None:
    """HOST:PORT. Raises UsageError."""
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not _PORT.fullmatch(port) or int(port) > 65535:
        raise UsageError(
            f"--webhook-listen {text!r} is not an address to listen on", "write it as HOST:PORT, as in 0.0.0.0:8787"
        )
    return host.strip("[]"), int(port)
