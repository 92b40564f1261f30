"""Find livekit-server on this machine, or get it once into lkdiag's cache."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from lkdiag.errors import ServerSetupError
from lkdiag.server import gobuild, release
from lkdiag.server.version import VERSION, read_version

Progress = Callable[[str], None]
"""Takes one line that tells the user what is going on."""

Source = Literal["given", "path", "cache", "release", "go build"]


@dataclass(frozen=True)
class ServerBinary:
    """A livekit-server that runs on this machine."""

    path: Path
    source: Source
    version: str
    """What it says of itself, e.g. `1.13.5`."""


def cache_path() -> Path:
    """Where lkdiag keeps the livekit-server that it got."""
    return platformdirs.user_cache_path("lkdiag") / "livekit-server" / VERSION / "livekit-server"


async def find_server(
    given: Path | None,
    progress: Progress,
    *,
    cache: Path | None = None,
    releases_url: str = release.RELEASES,
) -> ServerBinary:
    """The given binary, else the one on PATH, else the one in the cache, else one that is got now.

    Raises ServerSetupError with what was tried. Another version than VERSION is used, and said through `progress`.
    """
    cache = cache or cache_path()
    path, source = _on_this_machine(given, cache)
    if path is None:
        source = await _get(cache, progress, releases_url)
        path = cache
    version = await read_version(path)
    if version != VERSION:
        progress(f"{path} is livekit-server {version}; lkdiag is tested with {VERSION}")
    return ServerBinary(path, source, version)


def _on_this_machine(given: Path | None, cache: Path) -> tuple[Path | None, Source]:
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


async def _get(cache: Path, progress: Progress, releases_url: str) -> Source:
    """Fill the cache. The file appears there whole, so two lkdiags may do this at the same time."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=cache.parent) as folder:
            new = Path(folder) / "livekit-server"
            source = await _obtain(new, progress, releases_url)
            await read_version(new)  # what does not run here must not get into the cache
            new.replace(cache)
    except OSError as error:
        raise ServerSetupError(
            f"livekit-server can't be kept in {cache.parent}: {error.strerror}",
            "Make that folder writable, or name a livekit-server with --server-binary.",
        ) from None
    return source


async def _obtain(new: Path, progress: Progress, releases_url: str) -> Source:
    tried = [f"livekit-server is neither on PATH nor in {new.parent.parent}"]
    system, machine = platform.system(), platform.machine()
    archive = release.archive_name(system, machine)
    if archive is None:
        tried.append(f"there is no release archive for {system} {machine}")
    else:
        progress(f"looking for the release archive {archive} …")
        try:
            await release.fetch(archive, new, releases_url)
            return "release"
        except release.ReleaseUnavailableError as error:
            tried.append(str(error))
            progress(f"no release archive: {error}")
    go = gobuild.find_go()
    if go is None:
        tried.append("there is no Go on PATH to build it with")
    else:
        progress(f"building livekit-server {VERSION} with Go (about two minutes, once) …")
        try:
            await gobuild.build(go, new)
            return "go build"
        except gobuild.GoBuildError as error:
            tried.append(str(error))
    brew = "`brew install livekit`, " if system == "Darwin" else ""
    raise ServerSetupError(
        f"there is no livekit-server, and none can be got: {'; '.join(tried)}",
        f"Do one of these: {brew}install Go 1.26 or newer, go online, "
        f"or name a livekit-server {VERSION} with --server-binary.",
    )
