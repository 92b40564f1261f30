"""A server that goes away in mid-run: exit code 4, a report of what was seen, and no waiting for a dead server."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lkdiag.server.private import PrivateServer

    from .user import Finished, User

pytestmark = pytest.mark.server

TRIALS = ("dispatch-trial", "-n", "4", "--warmup", "0", "--settle", "1", "--format", "json")


def assert_given_up(done: Finished, user: User, *, begun: int) -> None:
    """It ended by itself, with `begun` trials in the report, and the last words in the journal."""
    assert done.code == 4, done.stderr
    (error,) = done.said("error")
    assert error.startswith("the run was given up: the server does not answer any more")
    assert done.said("hint")
    assert "Traceback" not in done.stderr
    report = done.report
    assert report["run"]["aborted"] in error
    assert report["verdict"] == "inconclusive"
    assert len(report["trials"]) == begun
    kinds = [event["kind"] for event in user.events()]
    assert kinds.count("trial.started") == kinds.count("trial.finished") == begun
    assert kinds[-1] == "run.finished"
    user.assert_silent(done)


async def test_in_the_middle_of_a_trial(owner: User, private_server: PrivateServer) -> None:
    async with owner.running(*TRIALS, "--fault", "silent", "--timeout", "1h") as running:
        await running.wait_event("room.created")
        os.kill(private_server.pid, signal.SIGKILL)
        done = await running.wait()
    assert_given_up(done, owner, begun=1)
    assert done.report["trials"][0]["outcome"] in ("error", "inconclusive")


async def test_between_two_trials(owner: User, private_server: PrivateServer) -> None:
    async with owner.running(*TRIALS, "--gap", "1s") as running:
        await running.wait_event("trial.finished", trial=1)
        os.kill(private_server.pid, signal.SIGKILL)
        done = await running.wait()
    assert_given_up(done, owner, begun=2)
    assert [trial["outcome"] for trial in done.report["trials"]] == ["delivered", "inconclusive"]


async def test_ctrl_c_after_the_server_has_gone(owner: User, private_server: PrivateServer) -> None:
    async with owner.running(*TRIALS, "--fault", "silent", "--timeout", "1h") as running:
        await running.wait_event("room.created")
        os.kill(private_server.pid, signal.SIGKILL)
        await running.wait_event("worker.disconnected")
        running.signal(signal.SIGINT)
        done = await running.wait()
    assert done.code == 130, done.stderr
    assert done.report["run"]["interrupted"] is True
