"""Which livekit-server lkdiag runs, and what a binary says of itself."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from lkdiag.errors import ServerSetupError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "1.13.5"
"""The release that lkdiag gets, builds and is tested with; `gomod/go.mod` pins the same."""

ANSWERS_WITHIN_S = 20.0
"""Far above the fraction of a second that `--version` takes: the first start of a 72 MB file on a slow disk."""


async def read_version(path: Path) -> str:
    """What `livekit-server --version` says, e.g. `1.13.5`. ServerSetupError if it is no livekit-server."""
    hint = "Name another one with --server-binary, or delete this one."
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise ServerSetupError(f"{path} can't be run: {error.strerror}", hint) from None
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            output, _ = await process.communicate()
    except TimeoutError:
        raise ServerSetupError(f"{path} does not answer to --version", hint) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = re.search(rb"livekit-server version (\S+)", output)
    if process.returncode != 0 or found is None:
        raise ServerSetupError(f"{path} is not a livekit-server that runs here", hint)
    return found[1].decode(errors="replace")
