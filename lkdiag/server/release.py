"""The official release archive of livekit-server: which one, is it intact, and the binary out of it."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import zlib
from typing import TYPE_CHECKING

from lkdiag.errors import ServerSetupError
from lkdiag.server.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

RELEASES = "https://github.com/livekit/livekit/releases/download"

CONNECT_WITHIN_S = 3.0
"""Behind a firewall that drops packets, Go is tried after this long."""
CHECKSUMS_WITHIN_S = 10.0
ARCHIVE_WITHIN_S = 180.0
"""About 25 MB: enough for 1.2 Mbit/s."""
SILENT_FOR_S = 10.0
"""A transfer in which nothing has come for so long is given up."""

_SYSTEMS = {"linux": "linux"}
_MACHINES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "armv7",
}


class ReleaseUnavailableError(Exception):
    """There is no archive to be had; the message says why. Nothing was written."""


def archive_name(system: str, machine: str) -> str | None:
    """The archive for what `platform.system()` and `platform.machine()` say; None where there is none.

    Source: `.goreleaser.yaml` of livekit/livekit. macOS gets its binary from Homebrew instead.
    """
    os_name, arch = _SYSTEMS.get(system.lower()), _MACHINES.get(machine.lower())
    return f"livekit_{VERSION}_{os_name}_{arch}.tar.gz" if os_name and arch else None


def parse_checksums(text: str) -> dict[str, str]:
    """File name -> sha256 in lower-case hex, from the format of `sha256sum`. Other lines are passed over."""
    checksums = {}
    for line in text.splitlines():
        digest, _, name = line.strip().partition(" ")
        digest, name = digest.lower(), name.strip().removeprefix("*")
        if name and len(digest) == 64 and set(digest) <= set("0123456789abcdef"):
            checksums[name] = digest
    return checksums


async def fetch(archive: str, into: Path, releases_url: str = RELEASES) -> None:
    """Write the checked livekit-server of `archive` to `into`.

    ReleaseUnavailableError when the archive can't be had or can't be checked; ServerSetupError when it is
    not what the release's checksums.txt says: then nothing else should be tried before somebody has looked.
    """
    release = f"{releases_url}/v{VERSION}"
    checksums = await _get(f"{release}/checksums.txt", CHECKSUMS_WITHIN_S)
    expected = parse_checksums(checksums.decode(errors="replace")).get(archive)
    if expected is None:
        raise ReleaseUnavailableError(f"checksums.txt has no line for {archive}")
    content = await _get(f"{release}/{archive}", ARCHIVE_WITHIN_S)
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise ServerSetupError(
            f"{archive} does not match its checksum: sha256 {actual} instead of {expected}",
            "It was thrown away. Look into what changes downloads between here and the release (a proxy?), "
            "or name a livekit-server that you trust with --server-binary.",
        )
    _extract(content, into)


async def _get(url: str, within_s: float) -> bytes:
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
        # The text may name a proxy of the environment, with its password: only the kind is told.
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
