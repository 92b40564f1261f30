"""The guard and the start, with scripts in livekit-server's place."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lkdiag.errors import ServerSetupError
from lkdiag.server import guard
from lkdiag.server.binary import ServerBinary
from lkdiag.server.private import PrivateServer
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import WaitGone, WriteScript

TOKEN = b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl-_x"


def private(binary: Path, log: Path, ready_within_s: float = 15.0) -> PrivateServer:
    return PrivateServer(ServerBinary(binary, "given", ""), log, ready_within_s=ready_within_s)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b'{"url":"/rtc?access_token=' + TOKEN + b'&protocol=15"}', b'{"url":"/rtc?access_token=***&protocol=15"}'),
        (b"Bearer " + TOKEN, b"Bearer ***"),
        (TOKEN.rpartition(b".")[0], b"***"),
        (b"keys: {k: s3cr3t-s3cr3t}", b"keys: {k: ***}"),
        (b'{"room":"eyJoy","roomID":"RM_x"}', b'{"room":"eyJoy","roomID":"RM_x"}'),
    ],
)
def test_tokens_and_secrets_are_masked(line: bytes, kept: bytes) -> None:
    assert guard.ScrubbedLog(-1, ["s3cr3t-s3cr3t"]).scrub(line) == kept


def test_guard_imports_nothing_of_lkdiag() -> None:
    code = f"import runpy, sys; runpy.run_path({guard.__file__!r}); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True, check=True).stdout
    assert not {"lkdiag", "asyncio", "aiohttp", "livekit"} & set(modules.split())


def test_owner_that_dies_at_once_leaves_nothing(tmp_path: Path, write_script: WriteScript) -> None:
    server = write_script(tmp_path / "server", f"touch {tmp_path / 'started'}")
    subprocess.run(
        [sys.executable, "-IS", guard.__file__, server], stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False
    )
    assert not (tmp_path / "started").exists()


async def test_early_end_is_told_with_the_log_but_without_secrets(tmp_path: Path, write_script: WriteScript) -> None:
    server = write_script(
        tmp_path / "server", "echo 'first line'", 'echo "$LIVEKIT_CONFIG"', f"echo {TOKEN.decode()}", "exit 7"
    )
    private_server = private(server, tmp_path / "log")
    with pytest.raises(ServerSetupError, match="exit code 7") as caught:
        await private_server.__aenter__()
    log = (tmp_path / "log").read_text()
    assert "first line" in log
    assert "bind_addresses" in log
    assert log.endswith("***\n")
    for text in (log, caught.value.message, caught.value.hint):
        assert private_server.api_secret not in text
        assert TOKEN.decode() not in text
    assert str(tmp_path / "log") in caught.value.hint


async def test_server_gets_no_other_environment(
    tmp_path: Path, write_script: WriteScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEKIT_API_SECRET", "of-somebody-else")
    with pytest.raises(ServerSetupError):
        await private(write_script(tmp_path / "server", "/usr/bin/env"), tmp_path / "log").__aenter__()
    log = (tmp_path / "log").read_text()
    assert "LIVEKIT_CONFIG=" in log
    assert "of-somebody-else" not in log


async def test_one_that_never_gets_ready_is_ended(
    tmp_path: Path, write_script: WriteScript, wait_gone: WaitGone
) -> None:
    server = private(write_script(tmp_path / "server", "exec /bin/sleep 600"), tmp_path / "log", ready_within_s=0.3)
    with pytest.raises(ServerSetupError, match="was not ready after"):
        await server.__aenter__()
    wait_gone(server.pid)


async def test_cancelled_start_ends_it(tmp_path: Path, write_script: WriteScript, wait_gone: WaitGone) -> None:
    began = tmp_path / "began"
    script = write_script(tmp_path / "server", f": > {began}", "exec /bin/sleep 600")
    server = private(script, tmp_path / "log", ready_within_s=DEADLINE_S)
    start = asyncio.create_task(server.__aenter__())
    async with asyncio.timeout(DEADLINE_S):
        while not began.exists():  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    wait_gone(server.pid)


async def test_one_that_ignores_sigterm_is_killed(
    tmp_path: Path, write_script: WriteScript, wait_gone: WaitGone, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = write_script(tmp_path / "server", "trap '' TERM", "while :; do /bin/sleep 0.1; done")
    server = private(script, tmp_path / "log", ready_within_s=0.3)
    monkeypatch.setattr("lkdiag.server.private.GONE_WITHIN_S", 60.0)  # so that it is the guard who does it
    with pytest.raises(ServerSetupError, match="was not ready after"):
        await server.__aenter__()
    wait_gone(server.pid)
    assert server.returncode == -9


async def test_file_that_can_not_be_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "server").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "server").chmod(0o755)
    with pytest.raises(ServerSetupError, match=r"can't be started: .*Exec format error"):
        await private(tmp_path / "server", tmp_path / "log").__aenter__()


async def test_log_that_can_not_be_written_is_told(tmp_path: Path, write_script: WriteScript) -> None:
    with pytest.raises(ServerSetupError, match="can't be written"):
        await private(write_script(tmp_path / "server", "exit 0"), tmp_path / "no" / "log").__aenter__()
