"""Ctrl-C, SIGTERM and kill -9, at every stage: the rooms are gone, the report is there, and no process is left."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
from livekit import api

from tests.deadline import DEADLINE_S

from .user import Finished, wait_file, wait_nobody_runs

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.server.private import PrivateServer

    from .conftest import Mute
    from .user import User

TRIALS = ("dispatch-trial", "--warmup", "0", "--settle", "1", "--format", "json")
NEVER = ("--fault", "silent", "--timeout", "1h")
FALLBACK = ("--fault", "silent", "--fault-fallback", "--timeout", "2s", "--fallback-timeout", "1h")

MOMENTS: dict[str, tuple[tuple[str, ...], str]] = {
    "before the first trial": ((), "worker.registered"),
    "while waiting for the agent": (NEVER, "room.created"),
    "while a caller is there too": ((*NEVER, "--caller", "publish"), "caller.track_published"),
    "while the agent joins": ((), "probe.joining"),
    "during the fallback": (FALLBACK, "fallback.created"),
    "while closing the room": ((), "observation.ended"),
    "after the room was deleted": ((), "room.deleted"),
    "between two trials": (("--gap", "1h"), "trial.finished"),
    "with many at a time": ((*NEVER, "-c", "4"), "trial.started"),
}


async def rooms(server: PrivateServer) -> list[str]:
    """What the server says that is left."""
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        return [room.name for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms]


def assert_interrupted(done: Finished, user: User) -> None:
    """A run that was ended in good order."""
    assert done.code == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert done.said("error") == []
    assert done.report["run"]["interrupted"] is True
    assert done.report["run"]["finished_at"] is not None
    assert done.report["leftover_rooms"] == []
    kinds = [event["kind"] for event in user.events()]
    assert kinds.count("trial.started") == kinds.count("trial.finished")
    assert kinds[-1] == "run.finished"
    user.assert_silent(done)


@pytest.mark.server
@pytest.mark.parametrize(("words", "kind"), MOMENTS.values(), ids=MOMENTS)
async def test_ctrl_c(words: tuple[str, ...], kind: str, owner: User, private_server: PrivateServer) -> None:
    async with owner.running(*TRIALS, *words) as running:
        await running.wait_event(kind)
        running.signal(signal.SIGINT)
        done = await running.wait()
    assert_interrupted(done, owner)
    assert await rooms(private_server) == []


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_other_signals(number: int, owner: User, private_server: PrivateServer) -> None:
    async with owner.running(*TRIALS, *NEVER) as running:
        await running.wait_event("room.created")
        running.signal(number)
        done = await running.wait()
    assert_interrupted(done, owner)
    assert await rooms(private_server) == []


@pytest.mark.server
async def test_report_has_the_trials_that_were_done(owner: User) -> None:
    async with owner.running(*TRIALS, "--gap", "1h") as running:
        await running.wait_event("trial.finished", trial=1)
        running.signal(signal.SIGINT)
        done = await running.wait()
    assert [trial["outcome"] for trial in done.report["trials"]] == ["delivered"]
    assert done.report["verdict"] != "pass"
    again = await owner.run("report", owner.run_id, "--format", "json")
    assert (again.code, again.report) == (130, done.report)


@pytest.mark.server
async def test_nohup_is_heeded(owner: User) -> None:
    done = await owner.shell(
        "trap '' HUP; lkdiag dispatch-trial -n 1 --warmup 0 --settle 1 2> err & p=$!; "
        "until grep -q delivered err; do kill -HUP $p; sleep 0.02; done; wait $p"
    )
    assert done.code == 0, done.stdout


async def test_ctrl_c_while_the_server_says_nothing(mute: Mute, user: User) -> None:
    """It does not wait until the server's time is up, which would be exit code 4."""
    user.environ |= {"LIVEKIT_URL": mute.url, "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "HUSHHUSH" * 4}
    async with user.running(*TRIALS) as running:
        async with asyncio.timeout(DEADLINE_S):
            await mute.asked.wait()
        running.signal(signal.SIGINT)
        done = await running.wait()
    assert_interrupted(done, user)
    assert done.report["trials"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_while_the_local_server_starts(number: int, user: User, tmp_path: Path) -> None:
    never_ready = tmp_path / "livekit-server-never-ready"
    never_ready.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo livekit-server version 1.13.5 && exit\nsleep 3600\n'
    )
    never_ready.chmod(0o755)
    user.environ["LKDIAG_SERVER_BINARY"] = str(never_ready)
    async with user.running(*TRIALS, "--local") as running:
        await running.wait_event("run.started")
        running.signal(number)
        done = await running.wait()
    assert_interrupted(done, user)
    wait_nobody_runs(never_ready)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_while_the_binary_is_looked_at(number: int, user: User, tmp_path: Path) -> None:
    """Nothing is recorded yet, so there is nothing to report."""
    slow = tmp_path / "livekit-server-slow"
    asked = tmp_path / "asked"
    slow.write_text(f"#!/bin/sh\n: > {asked}\nexec sleep 3600\n")
    slow.chmod(0o755)
    user.environ["LKDIAG_SERVER_BINARY"] = str(slow)
    async with user.running(*TRIALS, "--local") as running:
        await wait_file(asked)
        running.signal(number)
        done = await running.wait()
    assert (done.code, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr
    wait_nobody_runs(slow)


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_local_server_ends_with_the_run(number: int, user: User, own_binary: Path) -> None:
    async with user.running(*TRIALS, "--local", *NEVER) as running:
        await running.wait_event("room.created")
        running.signal(number)
        done = await running.wait()
    assert_interrupted(done, user)
    wait_nobody_runs(own_binary)


@pytest.mark.server
async def test_killed(user: User, own_binary: Path) -> None:
    async with user.running(*TRIALS, "--local", "--gap", "1h") as running:
        await running.wait_event("trial.finished", trial=1)
        running.signal(signal.SIGKILL)
        done = await running.wait()
    assert done.code == -signal.SIGKILL
    wait_nobody_runs(own_binary)
    again = await user.run("report", user.run_id, "--format", "json")
    assert again.code == 130
    assert again.report["run"]["finished_at"] is None
    assert [trial["outcome"] for trial in again.report["trials"]] == ["delivered"]
    assert "killed" in again.report["headline"]


@pytest.mark.server
async def test_second_ctrl_c_ends_it_at_once(owner: User, private_server: PrivateServer) -> None:
    async with owner.running(*TRIALS, *NEVER) as running:
        await running.wait_event("room.created")
        os.kill(private_server.pid, signal.SIGSTOP)  # so that closing the room takes long
        try:
            running.signal(signal.SIGINT)
            await running.wait_event("run.interrupted")
            running.signal(signal.SIGINT)
            done = await running.wait()
        finally:
            os.kill(private_server.pid, signal.SIGCONT)
    assert (done.code, done.stdout) == (130, "")
    assert "rooms may be left" in done.stderr
    assert owner.events()[-1]["kind"] == "run.given_up"
    again = await owner.run("report", "--last", "--format", "json")
    assert (again.code, again.report["run"]["interrupted"]) == (130, True)
