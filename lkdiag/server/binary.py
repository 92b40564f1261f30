"""Finds livekit-server on this machine, or gets it once into lkdiag's cache: a release, or built with Go."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import platform
import re
import shutil
import signal
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import platformdirs

from lkdiag.errors import ServerSetupError

VERSION = "1.13.5"
"""The release that lkdiag downloads, builds and is tested with; `gomod/go.mod` pins the same."""

ANSWERS_WITHIN_S = 20.0
"""Far above the fraction of a second that `--version` takes: the first start of a 72 MB file on a slow disk."""


async def read_version(path: Path) -> str:
    """The version from `livekit-server --version`, e.g. `1.13.5`. ServerSetupError if it is no livekit-server."""
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


RELEASES = "https://github.com/livekit/livekit/releases/download"

CONNECT_WITHIN_S = 3.0
"""Behind a firewall that drops packets, lkdiag tries Go after this time."""
CHECKSUMS_WITHIN_S = 10.0
ARCHIVE_WITHIN_S = 180.0
"""About 25 MB: enough for 1.2 Mbit/s."""
SILENT_FOR_S = 10.0
"""A transfer is given up after this long without data."""

_SYSTEMS = {"linux": "linux"}
_MACHINES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "armv7",
}


class ReleaseUnavailableError(Exception):
    """No archive is available; the message says why. Nothing was written."""


def archive_name(system: str, machine: str) -> str | None:
    """The archive for `platform.system()` and `platform.machine()`; None if there is none.

    Source: `.goreleaser.yaml` of livekit/livekit. macOS gets its binary from Homebrew instead.
    """
    os_name, arch = _SYSTEMS.get(system.lower()), _MACHINES.get(machine.lower())
    return f"livekit_{VERSION}_{os_name}_{arch}.tar.gz" if os_name and arch else None


def parse_checksums(text: str) -> dict[str, str]:
    """File name -> sha256 in lower-case hex, from the format of `sha256sum`. Other lines are ignored."""
    checksums = {}
    for line in text.splitlines():
        digest, _, name = line.strip().partition(" ")
        digest, name = digest.lower(), name.strip().removeprefix("*")
        if name and len(digest) == 64 and set(digest) <= set("0123456789abcdef"):
            checksums[name] = digest
    return checksums


async def fetch(archive: str, into: Path, releases_url: str = RELEASES) -> None:
    """Write the checked livekit-server of `archive` to `into`.

    Raises ReleaseUnavailableError if the archive is not available or can't be checked; ServerSetupError if it does not
    match the release's checksums.txt: then lkdiag tries nothing else until the user has looked into it.
    """
    release = f"{releases_url}/v{VERSION}"
    checksums = await _fetch(f"{release}/checksums.txt", CHECKSUMS_WITHIN_S)
    expected = parse_checksums(checksums.decode(errors="replace")).get(archive)
    if expected is None:
        raise ReleaseUnavailableError(f"checksums.txt has no line for {archive}")
    content = await _fetch(f"{release}/{archive}", ARCHIVE_WITHIN_S)
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise ServerSetupError(
            f"{archive} does not match its checksum: sha256 {actual} instead of {expected}",
            "It was thrown away. Look into what changes downloads between here and the release (a proxy?), "
            "or name a livekit-server that you trust with --server-binary.",
        )
    _extract(content, into)


async def _fetch(url: str, within_s: float) -> bytes:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=within_s, sock_connect=CONNECT_WITHIN_S, sock_read=SILENT_FOR_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.get(url) as response,
        ):
            if response.status != 200:
                raise ReleaseUnavailableError(f"{url} answers {response.status}")
            return await response.read()
    except TimeoutError:  # before ClientError: aiohttp's timeouts are both
        raise ReleaseUnavailableError(f"{url} does not answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        # The text may name a proxy of the environment, with its password: only the error's type is shown.
        raise ReleaseUnavailableError(f"{url} can't be fetched ({type(error).__name__})") from None


def _extract(content: bytes, into: Path) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            source = archive.extractfile("livekit-server")
            if source is None:
                raise KeyError
            with source, into.open("wb") as target:
                shutil.copyfileobj(source, target)
    except (tarfile.TarError, KeyError, EOFError, zlib.error, OSError):
        into.unlink(missing_ok=True)
        raise ReleaseUnavailableError("there is no livekit-server in the archive that can be unpacked") from None
    into.chmod(0o755)


PACKAGE = "github.com/livekit/livekit-server/cmd/server"

BUILD_WITHIN_S = 1200.0
"""A cold build takes about two minutes on two cores; the rest is for slow networks and small machines."""


class GoBuildError(Exception):
    """Go could not build it; the message says why in one line."""


async def build(go: str, into: Path) -> None:
    """Build livekit-server with the Go at `go` into the new file `into`. Raises GoBuildError.

    It builds a pinned module instead of `go install …@version`: its checksums (go.sum) come with lkdiag, and it needs
    no version look-up, which some module proxies refuse.
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
    cross = {"GOOS", "GOARCH", "GOARM"}  # a user's cross-compilation must not affect this build
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
            process.send_signal(signal.SIGINT)  # at SIGINT go ends its compilers, then itself
            await process.wait()
    if process.returncode != 0:
        lines = stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise GoBuildError(f"go build failed: {lines[-1].strip()}")


def find_go() -> str | None:
    """The Go on PATH."""
    return shutil.which("go")


Progress = Callable[[str], None]
"""Takes one line for the user about what is happening."""

BinarySource = Literal["given", "path", "cache", "release", "go build"]


@dataclass(frozen=True)
class ServerBinary:
    """A livekit-server that runs on this machine."""

    path: Path
    source: BinarySource
    version: str
    """The version that it reports, e.g. `1.13.5`."""


def cache_path() -> Path:
    """Where lkdiag keeps the livekit-server that it has downloaded or built."""
    return platformdirs.user_cache_path("lkdiag") / "livekit-server" / VERSION / "livekit-server"


async def find_server(
    given: Path | None,
    progress: Progress,
    *,
    cache: Path | None = None,
    releases_url: str = RELEASES,
) -> ServerBinary:
    """The given binary, else the one on PATH, else the one in the cache, else a download or a build.

    Raises ServerSetupError, which says what was tried. A version other than VERSION is used but reported to `progress`.
    """
    cache = cache or cache_path()
    path, source = _on_this_machine(given, cache)
    if path is None:
        source = await _fill_cache(cache, progress, releases_url)
        path = cache
    version = await read_version(path)
    if version != VERSION:
        progress(f"{path} is livekit-server {version}; lkdiag is tested with {VERSION}")
    return ServerBinary(path, source, version)


def _on_this_machine(given: Path | None, cache: Path) -> tuple[Path | None, BinarySource]:
    if given is not None:
        if not _runnable(given):
            what = "is not an executable file" if os.path.exists(given) else "does not exist"
            raise ServerSetupError(
                f"the server binary {given} {what}",
                "Correct --server-binary (or LKDIAG_SERVER_BINARY), or leave it out: lkdiag then gets one itself.",
            )
        return given.absolute(), "given"
    if found := shutil.which("livekit-server"):
        return Path(found).absolute(), "path"
    return (cache if _runnable(cache) else None), "cache"


def _runnable(path: Path) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


async def _fill_cache(cache: Path, progress: Progress, releases_url: str) -> BinarySource:
    """Fill the cache. The complete file appears at once, so that two lkdiags may do this at the same time."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=cache.parent) as folder:
            new = Path(folder) / "livekit-server"
            source = await _obtain(new, progress, releases_url)
            await read_version(new)  # a binary that does not run here must not get into the cache
            new.replace(cache)
    except OSError as error:
        raise ServerSetupError(
            f"livekit-server can't be kept in {cache.parent}: {error.strerror}",
            "Make that folder writable, or name a livekit-server with --server-binary.",
        ) from None
    return source


async def _obtain(new: Path, progress: Progress, releases_url: str) -> BinarySource:
    tried = [f"livekit-server is neither on PATH nor in {new.parent.parent}"]
    system, machine = platform.system(), platform.machine()
    archive = archive_name(system, machine)
    if archive is None:
        tried.append(f"there is no release archive for {system} {machine}")
    else:
        progress(f"looking for the release archive {archive} …")
        try:
            await fetch(archive, new, releases_url)
            return "release"
        except ReleaseUnavailableError as error:
            tried.append(str(error))
            progress(f"no release archive: {error}")
    go = find_go()
    if go is None:
        tried.append("there is no Go on PATH to build it with")
    else:
        progress(f"building livekit-server {VERSION} with Go (about two minutes, once) …")
        try:
            await build(go, new)
            return "go build"
        except GoBuildError as error:
            tried.append(str(error))
    brew = "`brew install livekit`, " if system == "Darwin" else ""
    raise ServerSetupError(
        f"there is no livekit-server, and none can be got: {'; '.join(tried)}",
        f"Do one of these: {brew}install Go 1.26 or newer, go online, "
        f"or name a livekit-server {VERSION} with --server-binary.",
    )
