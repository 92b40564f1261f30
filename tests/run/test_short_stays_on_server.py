"""Agents that are gone within a tenth of a second, on a real server: they were there, and are never called absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .foreign_worker import NAME, foreign_worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = pytest.mark.server
SHORT = ("--timeout", "5", "--fallback-timeout", "2", "--format", "json")


def is_true(trial: dict[str, Any]) -> bool:
    """Of a trial whose agent came in time: delivered, or not known, and nothing else is said of it."""
    if trial["outcome"] == "inconclusive":
        return trial["mismatch"] is None and trial["fallback"] != "lost"
    return (trial["outcome"], trial["state"], trial["mismatch"]) == ("delivered", "running", None)


@pytest.mark.parametrize(
    ("method", "stay"),
    [("create-room", "50ms"), ("create-room", "100ms"), ("create-dispatch", "50ms"), ("token", "50ms")],
)
async def test_an_agent_that_stays_for_a_moment_was_there(
    witness: Witness, lkdiag: Run, method: str, stay: str
) -> None:
    async with foreign_worker(witness.server, "join-then-leave", stay):
        done = await lkdiag(
            witness.environment(),
            "dispatch-trial",
            "--agent-name",
            NAME,
            "--method",
            method,
            "-n",
            "6",
            "-c",
            "2",
            *SHORT,
        )
    trials = done.report["trials"]
    assert len(trials) == 6
    assert all(map(is_true, trials)), [(trial["outcome"], trial["mismatch"], trial["findings"]) for trial in trials]
    assert sum(trial["outcome"] == "delivered" for trial in trials) >= 3, "inconclusive, most of them"
    assert done.code in (0, 3)


async def test_with_webhooks_all_of_them_are_known(witness: Witness, lkdiag: Run) -> None:
    """Also by looks that are too seldom: many rooms are watched at a time."""
    listen = ("--webhook-listen", f"127.0.0.1:{witness.webhook_port}")
    async with foreign_worker(witness.server, "join-then-leave", "5ms"):
        done = await lkdiag(
            witness.environment(), "dispatch-trial", "--agent-name", NAME, "-n", "20", "-c", "20", *listen, *SHORT
        )
    trials = done.report["trials"]
    assert [trial["outcome"] for trial in trials] == ["delivered"] * 20
    assert {found["check"] for trial in trials for found in trial["findings"]} <= {"left-early"}


async def test_a_worker_that_never_joins_is_told_from_it(witness: Witness, lkdiag: Run) -> None:
    listen = ("--webhook-listen", f"127.0.0.1:{witness.webhook_port}")
    async with foreign_worker(witness.server, "ghost"):
        done = await lkdiag(
            witness.environment(), "dispatch-trial", "--agent-name", NAME, "-n", "4", "-c", "4", *listen, *SHORT
        )
    trials = done.report["trials"]
    assert {(trial["outcome"], trial["mismatch"], trial["fallback"]) for trial in trials} == {
        ("dropped", "false-running", "lost")
    }


async def test_a_fault_of_the_probe_s_own_is_known_too(lkdiag: Run) -> None:
    fault = ("--fault", "join-then-leave:50ms")
    done = await lkdiag({}, "dispatch-trial", "--local", "-n", "6", "--method", "automatic", *fault, *SHORT)
    assert [trial["outcome"] for trial in done.report["trials"]] == ["delivered"] * 6
