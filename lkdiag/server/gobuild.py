"""livekit-server built by Go from the versions pinned in `gomod/`."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from importlib import resources
from pathlib import Path

PACKAGE = "github.com/livekit/livekit-server/cmd/server"

BUILD_WITHIN_S = 1200.0
"""A cold build takes about two minutes on two cores; the rest is for slow lines and small machines."""


class GoBuildError(Exception):
    """Go could not build it; the message says why, in one line."""


async def build(go: str, into: Path) -> None:
    """Build livekit-server with the Go at `go` into the new file `into`. Raises GoBuildError.

    A pinned module, not `go install …@version`: its checksums (go.sum) come with lkdiag, and it asks
    for no version look-up, which some module proxies refuse.
    """
    with tempfile.TemporaryDirectory(prefix="lkdiag-go-") as module:
        _copy_module(Path(module))
        await _run(go, "build", "-trimpath", "-o", str(into), PACKAGE, module=module)


def _copy_module(to: Path) -> None:
    # A copy, because the installed package may be read-only, and because go locks the files beside go.mod.
    for name in ("go.mod", "go.sum"):
        content = resources.files("lkdiag.server").joinpath("gomod", name).read_bytes()
        (to / name).write_bytes(content)


async def _run(go: str, *arguments: str, module: str) -> None:
    cross = {"GOOS", "GOARCH", "GOARM"}  # somebody's cross-compiling must not reach this build
    environment = {name: value for name, value in os.environ.items() if name not in cross}
    environment |= {"GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0", "GOWORK": "off"}
    try:
        process = await asyncio.create_subprocess_exec(
            go,
            *arguments,
            cwd=module,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise GoBuildError(f"{go} can't be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(BUILD_WITHIN_S):
            _, stderr = await process.communicate()
    except TimeoutError:
        raise GoBuildError(f"go build took longer than {BUILD_WITHIN_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # go ends its compilers at SIGINT, and then itself
            await process.wait()
    if process.returncode != 0:
        said = stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise GoBuildError(f"go build failed: {said[-1].strip()}")


def find_go() -> str | None:
    """The Go on PATH."""
    return shutil.which("go")
