"""How the answer is written, and what is left when it is cut short."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.cli.user import wait_nobody_runs
from tests.deadline import DEADLINE_S

from .conftest import HEALTHY, rooms

if TYPE_CHECKING:
    from lkdiag.server.binary import ServerBinary
    from lkdiag.server.private import PrivateServer

    from .conftest import Patient

NEVER = ("--agent-name", "nobody", "--timeout", "1h")


@pytest.mark.server
async def test_as_text(owner: Patient) -> None:
    done = await owner.user.run("doctor")
    assert (done.code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "lkdiag doctor"
    assert lines[-2:] == ["✓ Nothing is wrong.", "  24 checks: 19 in order, 5 for information"]
    assert [line for line in lines if line != line.rstrip()] == []
    assert "\x1b" not in done.stdout
    assert [line for line in lines if line.startswith("  ✓ Media path         UDP to ")]
    assert [line for line in lines if line.startswith("                       → For phone calls run")]
    assert "round trip" not in done.stdout
    verbose = await owner.user.run("doctor", "-v")
    assert "remote" in verbose.stdout


async def test_text_names_what_failed_first(patient: Patient) -> None:
    done = await patient.user.run("doctor")
    assert (done.code, done.stderr) == (4, "")
    assert "\n  ✗ Found in           no LiveKit credentials found: " in done.stdout
    assert "\n                       → Set LIVEKIT_URL, " in done.stdout
    assert done.stdout.count("more: ") == 1
    assert "\n                       more: lkdiag explain source\n" in done.stdout
    assert "\n  – DNS                not tried: it needs “URL”\n" in done.stdout
    assert "\n✗ The project can't be tested: no LiveKit credentials found: " in done.stdout


async def test_file(patient: Patient) -> None:
    path = patient.user.cwd / "doctor.json"
    done = await patient.user.run("doctor", "-o", str(path))
    assert (done.code, done.stdout) == (4, "")
    assert done.stderr.startswith("The project can't be tested: ")
    assert [check["check"] for check in json.loads(path.read_text())["checks"]] == list(HEALTHY)
    text = patient.user.cwd / "doctor.txt"
    done = await patient.user.run("doctor", "-q", "-o", str(text))
    assert (done.code, done.stdout, done.stderr) == (4, "", "")
    assert text.read_text().startswith("lkdiag doctor\n")


async def test_file_that_can_not_be_written_is_said_before_anything_is_done(patient: Patient) -> None:
    done = await patient.user.run("doctor", "-o", "nowhere/doctor.json")
    assert "there is no folder nowhere" in done.refusal(2)[0]


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted(number: int, owner: Patient, private_server: PrivateServer) -> None:
    async with owner.user.running("doctor", "--format", "json", *NEVER) as running:
        async with asyncio.timeout(DEADLINE_S):
            while not [name for name in await rooms(private_server) if name.endswith("-agent")]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        running.signal(number)
        done = await running.wait()
    assert done.code == 130, done.stderr
    assert "Traceback" not in done.stderr
    report = done.report
    assert report["interrupted"] is True
    marks = {line["check"]: line["mark"] for line in report["checks"]}
    assert marks["media"] == "ok"
    assert [slug for slug, mark in marks.items() if mark == "not-tried"] == list(HEALTHY)[
        list(HEALTHY).index("agent") :
    ]
    assert await rooms(private_server) == []
    owner.user.assert_silent(done)


@pytest.mark.server
async def test_own_server_ends_with_it(patient: Patient, server_binary: ServerBinary) -> None:
    link = patient.user.root / "livekit-server"
    link.symlink_to(server_binary.path)
    patient.user.environ["LKDIAG_SERVER_BINARY"] = str(link)
    async with patient.user.running("doctor", "--local", *NEVER) as running:
        async with asyncio.timeout(DEADLINE_S):
            while not await asyncio.to_thread(_runs, str(link)):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.02)
        running.signal(signal.SIGINT)
        done = await running.wait()
    assert done.code == 130
    assert "Traceback" not in done.stderr
    wait_nobody_runs(link)


@pytest.mark.server
async def test_reader_that_has_read_enough(owner: Patient, private_server: PrivateServer) -> None:
    """The examination goes on to its end: its rooms are deleted, and the exit code is its own."""
    done = await owner.user.shell("{ lkdiag doctor; echo $? >&2; } | head -1")
    assert done.stdout == "lkdiag doctor\n"
    assert done.stderr.strip() == "0"
    assert await rooms(private_server) == []


def _runs(path: str) -> bool:
    import subprocess

    listed = subprocess.run(["ps", "-eo", "args=", "-ww"], capture_output=True, text=True, check=True).stdout
    return any(line.startswith(path) for line in listed.splitlines())
