"""`lkdiag worker` as a user runs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from lkdiag.client.behaviours import BEHAVIOURS, describe
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from .conftest import Project

LKDIAG = ("-m", "lkdiag")
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) +(.+)")
NOWHERE = {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "s" * 32}


@contextlib.asynccontextmanager
async def running(
    cwd: Path, environment: Mapping[str, str], *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *LKDIAG, "worker", *arguments,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8", "COLUMNS": "140", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(DEADLINE_S):
        stdout, stderr = await process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


async def happening(process: asyncio.subprocess.Process, what: str) -> str:
    """Wait for the line that says so; the rest of it."""
    assert process.stdout is not None
    seen = []
    async with asyncio.timeout(DEADLINE_S):
        async for line in process.stdout:
            seen.append(line.decode())
            match = LINE.fullmatch(seen[-1].strip())
            assert match, seen[-1]
            if match[1] == what:
                return match[2]
    pytest.fail(f"it ended without {what}: {seen}")


def of(project: Project) -> dict[str, str]:
    server = project.server
    return {"LIVEKIT_URL": server.url, "LIVEKIT_API_KEY": server.api_key, "LIVEKIT_API_SECRET": server.api_secret}


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_plays_until_it_is_stopped_and_leaves_its_rooms(
    project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    async with running(tmp_path, of(project), "--agent-name", "mine", "--behaviour", "stale") as process:
        registered = await happening(process, "registered")
        await project.create_room("room", "mine")
        offered = await happening(process, "offered")
        joined = await happening(process, "joined")
        (worker_id,) = re.findall(r"worker=(AW_\w+)", registered)
        (job_id,) = re.findall(r"job=(AJ_\w+)", offered)
        for text in (offered, joined):
            assert f"worker={worker_id} job={job_id} room=room" in text
        assert (await project.show("room")).agents == [f"agent-{job_id}"]
        process.send_signal(number)
        code, stdout, stderr = await ended(process)
    assert code == 0, stderr
    assert "closed" in stdout
    assert stderr.splitlines()[-1] == "Stopped."
    assert project.server.api_secret not in registered + offered + joined + stdout + stderr
    assert "eyJ" not in registered + offered + joined + stdout + stderr
    assert (await project.show("room")).agents == []


@pytest.mark.server
async def test_it_ends_by_itself(project: Project, tmp_path: Path) -> None:
    """When its time is up, when its behaviour killed it, and when nobody reads what it says."""

    async def time_up() -> None:
        async with running(tmp_path, of(project), "--agent-name", "short", "--for", "300ms", "-q") as process:
            code, stdout, stderr = await ended(process)
        assert (code, stderr) == (0, "")
        assert [line.split()[1] for line in stdout.splitlines()] == ["registered", "behaving", "closed"]

    async def dead() -> None:
        arguments = ("--agent-name", "dying", "--behaviour", "crash-after-accept")
        async with running(tmp_path, of(project), *arguments) as process:
            await happening(process, "registered")
            await project.create_room("dying", "dying")
            code, stdout, stderr = await ended(process)
        assert code == 0
        assert "dropped" in stdout
        assert "does not come back" in stderr

    async def unread() -> None:
        async with running(tmp_path, of(project), "--agent-name", "unread") as process:
            await happening(process, "behaving")
            process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
            await project.create_room("unread", "unread")
            async with asyncio.timeout(DEADLINE_S):
                assert await process.wait() == 0

    await asyncio.gather(time_up(), dead(), unread())


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (["--behaviour", "gost"], 2, "no behaviour named 'gost'", "did you mean ghost?"),
        (["--behaviour", "ghost:4s"], 2, "'ghost' takes no arguments", "lkdiag worker --help"),
        (["--behaviour", "slow"], 2, "is written slow:4s[:join|:answer]", "slow:4s"),
        (["--behaviour", "reconnecting:soon"], 2, "--behaviour: 'soon' is not a duration", "250ms"),
        (["--behaviour", "slow:1s:lunch"], 2, "'lunch'", "slow:4s:answer"),
        (["--for", "0s"], 2, "--for is 0 s", "above 0"),
        (["-q"], 4, "could not register with 127.0.0.1:9", "/agent"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_what_can_not_be_is_one_clear_line(
    tmp_path: Path, arguments: list[str], code: int, error: str, hint: str
) -> None:
    async with running(tmp_path, NOWHERE, "--agent-name", "mine", *arguments) as process:
        returned, stdout, stderr = await ended(process)
    assert (returned, stdout) == (code, "")
    first, second = stderr.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert second.startswith("hint: ")
    assert hint in second


async def test_help_lists_every_behaviour(tmp_path: Path) -> None:
    async with running(tmp_path, {}, "--help") as process:
        code, stdout, _stderr = await ended(process)
    assert code == 0
    for name, kind in BEHAVIOURS.items():
        assert f"{name}{kind.arguments} – {describe(name)}" in stdout
        assert describe(name).endswith(".")
