"""`lkdiag selftest` on a real server: every trial is diagnosed as what was injected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .user import User


@pytest.mark.server
async def test_every_failure_is_named_and_no_wolf_is_cried(user: User) -> None:
    done = await user.run("selftest", "--trials", "36", "--seed", "3", "-c", "9", "--format", "json")
    assert done.code == 0, f"{done.stdout}\n{done.stderr}"
    result = done.report
    assert result["schema"] == "lkdiag.selftest/1"
    assert (result["trials"], result["right"], result["wrong"]) == (36, 36, [])
    assert all(set(cells) <= {name} for name, cells in result["matrix"].items())
    assert sum(bool(cells) for cells in result["matrix"].values()) > 12
    assert result["honest"] == result["matrix"]["honest"]["honest"] > 3
    assert result["false_alarms"] == 0
    assert result["latency_error_ms"]["count"] > 10
    assert result["latency_error_ms"]["max"] <= 5


async def test_a_scenario_that_there_is_not(user: User) -> None:
    error, _ = (await user.run("selftest", "--only", "silent-dorp")).refusal(2)
    assert "silent-drop" in error
