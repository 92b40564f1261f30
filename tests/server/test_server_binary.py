"""Where the binary comes from, in which order, and what is said when there is none."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkdiag.errors import ServerSetupError
from lkdiag.server.binary import VERSION, ServerBinary, find_server

if TYPE_CHECKING:
    from tests.server.conftest import ReleaseSite, WriteScript

SAYS_VERSION = f'echo "livekit-server version {VERSION}"'
SERVER = f"#!/bin/sh\n{SAYS_VERSION}\n".encode()
# Called as `go build -trimpath -o OUT PACKAGE`; it tells what it was given, and "builds".
GO = (
    'pwd > "$CALLED"; ls >> "$CALLED"; echo "$GOFLAGS $CGO_ENABLED $GOWORK ${GOOS-unset} $*" >> "$CALLED"',
    f"printf '#!/bin/sh\\n{SAYS_VERSION}\\n' > \"$4\"",
    '/bin/chmod 755 "$4"',
)


def publish(site: ReleaseSite, script: bytes = SERVER, *, intact: bool = True) -> str:
    """A release with `script` in livekit-server's place; the site's URL."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("livekit-server")
        member.size = len(script)
        archive.addfile(member, io.BytesIO(script))
    content = buffer.getvalue()
    name = f"livekit_{VERSION}_linux_amd64.tar.gz"
    digest = hashlib.sha256(content if intact else b"what was released").hexdigest()
    site.files = {f"/v{VERSION}/{name}": content, f"/v{VERSION}/checksums.txt": f"{digest}  {name}\n".encode()}
    return site.url


class Place:
    """A machine of its own: what is on PATH, the cache, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.cache = folder / "cache" / VERSION / "livekit-server"
        self.go_was_called = folder / "go-was-called"
        self.said: list[str] = []

    def cached(self) -> list[str]:
        """What is in the cache's folder, left-overs included."""
        return [path.name for path in self.cache.parent.iterdir()]

    async def find(self, given: Path | None = None, releases_url: str = "http://127.0.0.1:1") -> ServerBinary:
        return await find_server(given, self.said.append, cache=self.cache, releases_url=releases_url)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path)
    place.bin.mkdir()
    for tool in ("ls", "pwd"):
        (place.bin / tool).symlink_to(f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(place.bin))
    monkeypatch.setenv("CALLED", str(place.go_was_called))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    return place


async def test_given_before_path_before_cache(place: Place, write_script: WriteScript, tmp_path: Path) -> None:
    given = write_script(tmp_path / "mine", SAYS_VERSION)
    on_path = write_script(place.bin / "livekit-server", SAYS_VERSION)
    write_script(place.cache, SAYS_VERSION)
    assert await place.find(given) == ServerBinary(given, "given", VERSION)
    assert await place.find() == ServerBinary(on_path, "path", VERSION)
    on_path.unlink()
    assert await place.find() == ServerBinary(place.cache, "cache", VERSION)
    assert place.said == []


@pytest.mark.parametrize(("mode", "what"), [(None, "does not exist"), (0o644, "is not an executable file")])
async def test_given_that_is_none_is_never_replaced(
    mode: int | None, what: str, place: Place, write_script: WriteScript, tmp_path: Path
) -> None:
    write_script(place.cache, SAYS_VERSION)
    if mode is not None:
        write_script(tmp_path / "mine", SAYS_VERSION).chmod(mode)
    with pytest.raises(ServerSetupError, match=what) as caught:
        await place.find(tmp_path / "mine")
    assert "--server-binary" in caught.value.hint


async def test_other_version_is_used_and_told(place: Place, write_script: WriteScript, tmp_path: Path) -> None:
    given = write_script(tmp_path / "mine", 'echo "livekit-server version 1.9.0"')
    assert (await place.find(given)).version == "1.9.0"
    assert [line for line in place.said if "1.9.0" in line and VERSION in line] == place.said != []


@pytest.mark.parametrize("line", ["echo hello", f"{SAYS_VERSION}; exit 3"])
async def test_something_else_is_refused(line: str, place: Place, write_script: WriteScript, tmp_path: Path) -> None:
    with pytest.raises(ServerSetupError, match="is not a livekit-server"):
        await place.find(write_script(tmp_path / "mine", line))


async def test_release_fills_the_cache_once(place: Place, release_site: ReleaseSite) -> None:
    assert await place.find(releases_url=publish(release_site)) == ServerBinary(place.cache, "release", VERSION)
    assert (await place.find()).source == "cache"
    assert place.cached() == ["livekit-server"]


async def test_several_at_once_all_get_it(place: Place, release_site: ReleaseSite) -> None:
    url = publish(release_site)
    found = await asyncio.gather(*(place.find(releases_url=url) for _ in range(4)))
    assert {binary.path for binary in found} == {place.cache}
    assert place.cached() == ["livekit-server"]


async def test_go_builds_the_pinned_module_when_there_is_no_release(
    place: Place, release_site: ReleaseSite, write_script: WriteScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOS", "plan9")
    write_script(place.bin / "go", *GO)
    assert await place.find(releases_url=release_site.url) == ServerBinary(place.cache, "go build", VERSION)
    folder, *files, call = place.go_was_called.read_text().splitlines()
    assert files == ["go.mod", "go.sum"]
    assert not os.access(folder, os.F_OK)
    assert call.startswith("-mod=readonly 0 off unset build -trimpath -o ")
    assert call.endswith(" github.com/livekit/livekit-server/cmd/server")
    assert any("checksums.txt answers 404" in line for line in place.said)
    assert any("building livekit-server" in line for line in place.said)
    assert place.cached() == ["livekit-server"]


async def test_go_is_not_tried_after_a_mismatch(
    place: Place, release_site: ReleaseSite, write_script: WriteScript
) -> None:
    write_script(place.bin / "go", *GO)
    with pytest.raises(ServerSetupError, match="does not match its checksum"):
        await place.find(releases_url=publish(release_site, intact=False))
    assert not place.go_was_called.exists()
    assert place.cached() == []


async def test_nothing_at_all_names_everything_that_was_tried(place: Place) -> None:
    with pytest.raises(ServerSetupError) as caught:
        await place.find()
    for what in ("neither on PATH nor in", "checksums.txt can't be fetched", "no Go on PATH"):
        assert what in caught.value.message
    assert "\n" not in caught.value.message
    assert "--server-binary" in caught.value.hint


async def test_failed_build_is_told_with_its_last_line(place: Place, write_script: WriteScript) -> None:
    write_script(place.bin / "go", "echo first >&2", "echo 'no required module provides it' >&2", "exit 1")
    with pytest.raises(ServerSetupError, match="go build failed: no required module provides it"):
        await place.find()
    assert place.cached() == []


async def test_macos_is_sent_to_homebrew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    with pytest.raises(ServerSetupError, match="no release archive for Darwin arm64") as caught:
        await place.find()
    assert "brew install livekit" in caught.value.hint


async def test_what_does_not_run_never_gets_into_the_cache(place: Place, release_site: ReleaseSite) -> None:
    with pytest.raises(ServerSetupError, match="is not a livekit-server"):
        await place.find(releases_url=publish(release_site, b"#!/bin/sh\nexit 1\n"))
    assert place.cached() == []


async def test_unwritable_cache_is_told(place: Place) -> None:
    place.cache.parent.parent.write_text("a file where a folder should be")
    with pytest.raises(ServerSetupError, match="can't be kept in"):
        await place.find()


def test_pinned_module_is_the_version_that_is_promised() -> None:
    module = Path(__file__).parents[2] / "lkdiag" / "server" / "gomod" / "go.mod"
    assert re.search(rf"^\s*github.com/livekit/livekit-server v{re.escape(VERSION)}\b", module.read_text(), re.M)
    assert "replace" not in module.read_text()
