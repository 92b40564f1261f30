"""`lkdiag selftest` on a real server: every trial is diagnosed as what was injected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .user import User


@pytest.mark.server
@pytest.mark.long
@pytest.mark.usefixtures("own_binary")
async def test_every_failure_is_named_and_no_wolf_is_cried(user: User) -> None:
    done = await user.run("selftest", "--trials", "24", "--seed", "3", "-c", "8", "--format", "json")
    result = done.report
    assert result["schema"] == "lkdiag.selftest/1"
    assert result["trials"] == 24
    # a busy machine may stall lkdiag, which then says so
    wrong = [trial for trial in result["wrong"] if trial["diagnosed"] != "inconclusive"]
    assert wrong == [], done.stderr
    assert len(result["wrong"]) <= 2, result["wrong"]
    assert done.code == (1 if result["wrong"] else 0)
    assert sum(bool(cells) for cells in result["matrix"].values()) > 9
    assert result["honest"] > 2
    assert result["false_alarms"] == 0
    assert result["latency_error_ms"]["count"] > 5
    assert result["latency_error_ms"]["max"] <= 5


async def test_a_scenario_that_there_is_not(user: User) -> None:
    error, _ = (await user.run("selftest", "--only", "silent-dorp")).refusal(2)
    assert "--only silent-dorp" in error
    assert "did you mean silent-drop?" in error


@pytest.mark.server
@pytest.mark.usefixtures("own_binary")
async def test_what_is_played_alone_is_right_by_itself(user: User) -> None:
    done = await user.run("selftest", "--only", "publisher-job-without-track", "--format", "json")
    assert (done.code, done.report["right"]) == (0, 1), done.report["wrong"]


@pytest.mark.server
@pytest.mark.usefixtures("own_binary")
async def test_one_failure_without_the_honest_case(user: User) -> None:
    done = await user.run("selftest", "--only", "no-worker", "--trials", "2", "-c", "2", "--format", "json")
    assert (done.code, done.report["trials"], done.report["right"]) == (0, 2, 2), done.report["wrong"]
