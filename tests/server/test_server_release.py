"""The release archive: its name, its checksum, and everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from lkdiag.errors import ServerSetupError
from lkdiag.server.binary import ReleaseUnavailableError, archive_name, fetch, parse_checksums
from tests.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import ReleaseSite

ARCHIVE = "livekit_1.13.5_linux_amd64.tar.gz"


def tar_gz(name: str = "livekit-server", content: bytes = b"the server") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def checksums(content: bytes, name: str = ARCHIVE) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


def put(site: ReleaseSite, **files: bytes) -> str:
    """Publish `checksums` and `archive`, as far as they are given; the site's URL."""
    names = {"checksums": "checksums.txt", "archive": ARCHIVE}
    site.files = {f"/v1.13.5/{names[key]}": content for key, content in files.items()}
    return site.url


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "livekit_1.13.5_linux_amd64.tar.gz"),
        ("Linux", "aarch64", "livekit_1.13.5_linux_arm64.tar.gz"),
        ("Linux", "armv7l", "livekit_1.13.5_linux_armv7.tar.gz"),
        ("Linux", "riscv64", None),
        ("Darwin", "arm64", None),
        ("Windows", "AMD64", None),
    ],
)
def test_archive_of_each_platform(system: str, machine: str, name: str | None) -> None:
    assert archive_name(system, machine) == name


def test_checksums_are_read_and_other_lines_passed_over() -> None:
    text = (
        f"{'AB' * 32}  one.tar.gz\n\n{'cd' * 32} *two.tar.gz\r\nshort  three.tar.gz\n{'zz' * 32}  four\n{'ef' * 32}\n"
    )
    assert parse_checksums(text) == {"one.tar.gz": "ab" * 32, "two.tar.gz": "cd" * 32}


async def test_checked_archive_gives_the_executable(release_site: ReleaseSite, tmp_path: Path) -> None:
    archive = tar_gz()
    url = put(release_site, checksums=checksums(archive), archive=archive)
    await fetch(ARCHIVE, tmp_path / "livekit-server", url)
    assert (tmp_path / "livekit-server").read_bytes() == b"the server"
    assert (tmp_path / "livekit-server").stat().st_mode & 0o111


@pytest.mark.parametrize(
    "served", [tar_gz(content=b"another server"), tar_gz()[:-20], b""], ids=["another server", "cut", "nothing"]
)
async def test_mismatch_is_an_error_and_leaves_nothing(
    served: bytes, release_site: ReleaseSite, tmp_path: Path
) -> None:
    url = put(release_site, checksums=checksums(tar_gz()), archive=served)
    with pytest.raises(ServerSetupError, match="does not match its checksum"):
        await fetch(ARCHIVE, tmp_path / "livekit-server", url)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "checksums.txt answers 404"),
        ({"checksums": checksums(tar_gz())}, f"{ARCHIVE} answers 404"),
        ({"checksums": checksums(tar_gz(), "other.tar.gz"), "archive": tar_gz()}, "no line for"),
        ({"checksums": b"<html>login</html>", "archive": tar_gz()}, "no line for"),
        ({"checksums": checksums(b"no archive"), "archive": b"no archive"}, "can be unpacked"),
        ({"checksums": checksums(tar_gz("README")), "archive": tar_gz("README")}, "can be unpacked"),
        ({"checksums": checksums(tar_gz()[:-20]), "archive": tar_gz()[:-20]}, "can be unpacked"),
    ],
)
async def test_unavailable_says_why_and_leaves_nothing(
    files: dict[str, bytes], why: str, release_site: ReleaseSite, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseUnavailableError, match=why):
        await fetch(ARCHIVE, tmp_path / "livekit-server", put(release_site, **files))
    assert names_in(tmp_path) == []


async def test_refused_connection_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ReleaseUnavailableError, match="can't be fetched"):
        await fetch(ARCHIVE, tmp_path / "livekit-server", f"http://127.0.0.1:{free_port()}")


async def test_transfer_that_breaks_off_is_unavailable(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        body = checksums(tar_gz()) if b"checksums.txt" in request else tar_gz()
        sent = body if b"checksums.txt" in request else body[:-20]
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), sent))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ReleaseUnavailableError, match=f"{ARCHIVE} can't be fetched"):
            await fetch(ARCHIVE, tmp_path / "livekit-server", url)
    assert names_in(tmp_path) == []


async def test_silent_site_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkdiag.server.binary.CHECKSUMS_WITHIN_S", 0.2)
    done = asyncio.Event()

    async def keep_silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ReleaseUnavailableError, match="does not answer in time"):
            await fetch(ARCHIVE, tmp_path / "livekit-server", url)
        done.set()
