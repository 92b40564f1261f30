"""Transfer teardowns against a real livekit-server: each cell of the grid is what happened on that server."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from tests.ports import free_port

from .conftest import agent_process, heard

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = pytest.mark.server

INSIDE = ("late-context", "captured-context", "optional-context", "off")
LEAVING_AGENT = Path(__file__).with_name("leaving_agent.py")
OWN_WAY_AGENT = Path(__file__).with_name("own_way_agent.py")
SIDES = ("caller", "human")
SURVIVORS = {"caller": "human-agent-sip", "human": "sip_+15550100"}
"""Who is left when that side hangs up."""
REAPERS = ("webhook-reaper", "poll-reaper")


@pytest.mark.long
async def test_the_grid(witness: Witness, lkdiag: Run) -> None:
    """Every cleanup × exit × side; and the server itself tells when each room ended."""
    listen = f"127.0.0.1:{witness.webhook_port}"
    done = await lkdiag(witness.environment(), "transfer-teardown", "--webhook-listen", listen, "--format", "json")
    assert done.code == 1, done.stderr
    report = done.report
    trials = {(t["cleanup"], t["agent_exit"], t["hangup"]): t for t in report["trials"]}
    assert len(trials) == 36

    def outcomes(cleanup: str, agent_exit: str) -> set[str]:
        return {trials[cleanup, agent_exit, side]["outcome"] for side in SIDES}

    def checks(cleanup: str, agent_exit: str) -> list[set[str]]:
        return [{f["check"] for f in trials[cleanup, agent_exit, side]["findings"]} for side in SIDES]

    assert outcomes("late-context", "session-closed") == {"leftover"}
    assert checks("late-context", "session-closed") == [{"unhandled-error", "cleanup-raised", "survivor-stranded"}] * 2
    assert outcomes("captured-context", "session-closed") == {"closed"}
    assert checks("captured-context", "session-closed") == [set(), set()]
    assert outcomes("optional-context", "session-closed") == {"leftover"}
    assert checks("optional-context", "session-closed") == [{"survivor-stranded"}] * 2
    assert outcomes("off", "session-closed") == {"leftover"}
    assert checks("off", "session-closed") == [{"cleanup-never-ran", "survivor-stranded"}] * 2
    for cleanup in INSIDE:
        for agent_exit in ("left-room", "crashed"):
            assert outcomes(cleanup, agent_exit) == {"leftover"}, (cleanup, agent_exit)
            assert checks(cleanup, agent_exit) == [{"cleanup-never-ran", "survivor-stranded"}] * 2
    for reaper in REAPERS:
        for agent_exit in ("session-closed", "left-room", "crashed"):
            assert outcomes(reaper, agent_exit) == {"closed"}, (reaper, agent_exit)
            assert checks(reaper, agent_exit) == [set(), set()]
    for trial in report["trials"]:
        assert trial["merge"] == "rejoin"
        check_views(trial)
        await check_with_server(trial, witness)
    closed = [trial for trial in report["trials"] if trial["outcome"] == "closed"]
    apart = [abs(trial["survivor"]["disconnected_ms"] - trial["closed_ms"]) for trial in closed]
    # the survivor is put out when the room ends, not at the hang-up; on a busy machine some looks are late
    assert median(apart) < median(trial["closed_ms"] for trial in closed), sorted(apart)
    left = {room["sid"]: room for room in report["leftover_rooms"]}
    assert set(left) == {trial["room_sid"] for trial in report["trials"] if trial["outcome"] == "leftover"}
    assert not any(room["still_there"] for room in left.values())
    assert await witness.rooms() == []


def check_views(trial: dict[str, Any]) -> None:
    """The survivor's own view and the API's agree."""
    survivor = trial["survivor"]
    assert survivor["identity"] == SURVIVORS[trial["hangup"]]
    if trial["outcome"] == "closed":
        assert survivor["disconnected"]
        assert survivor["reason"] == "ROOM_DELETED"
        assert trial["left_in_room"] == []
    else:
        assert not survivor["disconnected"]
        assert survivor["stranded_ms"] >= 8000
        assert any(who.startswith(survivor["identity"]) for who in trial["left_in_room"]), trial


async def check_with_server(trial: dict[str, Any], witness: Witness) -> None:
    """By its webhooks: the room ended soon after the hang-up, or only when lkdiag deleted it after the window."""
    gone = SURVIVORS["human" if trial["hangup"] == "caller" else "caller"]
    await heard(witness.finished_s, trial["room_sid"])
    await heard(witness.left_s, (trial["room_sid"], gone))
    lasted_s = witness.finished_s[trial["room_sid"]] - witness.left_s[trial["room_sid"], gone]
    assert (lasted_s < 5) == (trial["outcome"] == "closed"), (lasted_s, trial)


async def test_on_a_private_server_with_repeats(lkdiag: Run) -> None:
    done = await lkdiag(
        {}, "transfer-teardown", "--local", "--cleanup", "captured-context", "--cleanup", "webhook-reaper",
        "--agent-exit", "session-closed", "--hangup", "human", "--count", "3", "--format", "json",
    )  # fmt: skip
    assert done.code == 0, done.stderr + done.stdout
    report = done.report
    assert report["verdict"] == "pass"
    assert [cell["outcomes"] for cell in report["summary"]["grid"]] == [{"closed": 3}] * 2


@pytest.mark.long
async def test_a_lost_line_is_noticed_only_when_the_server_gives_it_up(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(
        witness.environment(), "transfer-teardown", "--hangup-style", "lost", "--agent-exit", "left-room",
        "--cleanup", "poll-reaper", "--cleanup", "off", "--format", "json",
    )  # fmt: skip
    assert done.code == 1, done.stderr
    for trial in done.report["trials"]:
        if trial["cleanup"] == "poll-reaper":
            assert trial["outcome"] == "closed"
            assert trial["closed_ms"] > 15_000
            assert trial["survivor"]["reason"] == "ROOM_DELETED"
        else:
            assert trial["outcome"] == "leftover"
    assert await witness.rooms() == []


@pytest.mark.parametrize(("cleanup", "outcome"), [("delete", "closed"), ("none", "leftover")])
async def test_the_users_own_agent(witness: Witness, lkdiag: Run, tmp_path: Path, cleanup: str, outcome: str) -> None:
    """A real livekit-agents worker that hands the call over: one deletes its room on shutdown, one does not."""
    async with agent_process(LEAVING_AGENT, witness, tmp_path, CLEANUP=cleanup) as name:
        done = await lkdiag(
            witness.environment(), "transfer-teardown", "--cleanup", "subject", "--agent-name", name, "-c", "2",
            "--format", "json",
        )  # fmt: skip
    trials = done.report["trials"]
    assert [(t["hangup"], t["outcome"]) for t in trials] == [("caller", outcome), ("human", outcome)], done.stdout
    assert done.code == (0 if outcome == "closed" else 1)
    assert await witness.rooms() == []


async def own_way(witness: Witness, lkdiag: Run, folder: Path, manner: str, *words: str) -> tuple[int, list[Any]]:
    """Exit code and trials of a run with an agent that does in its calls what `manner` says."""
    async with agent_process(OWN_WAY_AGENT, witness, folder, MANNER=manner) as name:
        done = await lkdiag(
            witness.environment(), "transfer-teardown", "--agent-name", name, "--agent-leaves-within", "1s", *words,
            "-c", "2", "--format", "json",
        )  # fmt: skip
    assert await witness.rooms() == []
    return done.code, done.report["trials"]


async def test_an_agent_that_cleans_up_while_it_stays_is_let_do_it(
    witness: Witness, lkdiag: Run, tmp_path: Path
) -> None:
    """As in agents-js#1895: the session may be closed, but the listener that deletes the room lives on."""
    code, trials = await own_way(witness, lkdiag, tmp_path, "cleans-up", "--count", "2")
    assert [(t["agent_exit"], t["outcome"]) for t in trials] == [("stays", "closed")] * 4, trials
    assert {t["subject"]["silent"] for t in trials} == {True}
    assert [t["findings"] for t in trials] == [[]] * 4
    assert code == 0


async def test_an_agent_that_stays_and_does_nothing_is_told_of(witness: Witness, lkdiag: Run, tmp_path: Path) -> None:
    code, (trial,) = await own_way(witness, lkdiag, tmp_path, "stays", "--hangup", "caller")
    assert (code, trial["agent_exit"], trial["outcome"]) == (1, "stays", "leftover"), trial
    assert [who.partition("_")[0] for who in trial["left_in_room"]] == ["agent-AJ", "human-agent-sip"]
    (never_ran,) = (finding for finding in trial["findings"] if finding["check"] == "cleanup-never-ran")
    assert "your agent was still in the room, with no track, or muted ones only" in never_ran["fact"]


async def test_an_agent_is_put_out_only_where_that_is_asked_for(witness: Witness, lkdiag: Run, tmp_path: Path) -> None:
    """Then nothing that it left undone is its own cleanup's."""
    code, (trial,) = await own_way(witness, lkdiag, tmp_path, "cleans-up", "--hangup", "caller", "--remove-agent")
    assert (code, trial["agent_exit"], trial["outcome"]) == (1, "left-room", "leftover"), trial
    assert trial["subject"] == {"silent": False, "put_out": True}
    (stranded,) = trial["findings"]
    assert stranded["check"] == "survivor-stranded"
    assert "lkdiag had put your agent out" in stranded["hint"]


async def test_an_agent_that_leaves_at_once_was_there(witness: Witness, lkdiag: Run, tmp_path: Path) -> None:
    code, trials = await own_way(witness, lkdiag, tmp_path, "leaves-at-once", "--count", "2")
    assert [(t["agent_exit"], t["outcome"]) for t in trials] == [("left-room", "leftover")] * 4, trials
    facts = [f["fact"] for t in trials for f in t["findings"] if f["check"] == "cleanup-never-ran"]
    assert len(facts) == 4
    assert all("your agent had left" in fact for fact in facts), facts
    assert code == 1


async def test_an_agent_that_takes_the_room_with_it_leaves_nothing_to_judge(
    witness: Witness, lkdiag: Run, tmp_path: Path
) -> None:
    code, (trial,) = await own_way(witness, lkdiag, tmp_path, "leaves-and-deletes", "--hangup", "caller")
    assert (code, trial["outcome"]) == (3, "inconclusive"), trial


async def test_an_agent_that_crashes_is_not_said_to_have_left(witness: Witness, lkdiag: Run, tmp_path: Path) -> None:
    """A killed participant stays listed for 21 s: from outside it is there, and silent."""
    code, (trial,) = await own_way(witness, lkdiag, tmp_path, "crashes", "--hangup", "human")
    assert (code, trial["agent_exit"], trial["outcome"]) == (1, "stays", "leftover"), trial
    assert trial["subject"] == {"silent": True, "put_out": False}
    (never_ran,) = (finding for finding in trial["findings"] if finding["check"] == "cleanup-never-ran")
    assert "whose process has died stays listed for about 21 s" in never_ran["hint"]


async def test_without_webhooks_the_reaper_is_left_out_or_refused(witness: Witness, lkdiag: Run) -> None:
    refused = await lkdiag(witness.environment(), "transfer-teardown", "--cleanup", "webhook-reaper")
    assert refused.code == 2
    assert "--webhook-listen" in refused.stderr
    done = await lkdiag(
        witness.environment(), "transfer-teardown", "--agent-exit", "session-closed", "--hangup", "caller",
        "--format", "json",
    )  # fmt: skip
    assert "webhook-reaper is left out" in done.stderr
    assert "webhook-reaper" not in {trial["cleanup"] for trial in done.report["trials"]}


async def test_webhooks_that_go_nowhere_are_missed(witness: Witness, lkdiag: Run) -> None:
    """The listener is on another port than the one to which the project sends."""
    done = await lkdiag(
        witness.environment(), "transfer-teardown", "--cleanup", "webhook-reaper", "--agent-exit", "left-room",
        "--hangup", "human", "--webhook-listen", f"127.0.0.1:{free_port()}", "--format", "json",
    )  # fmt: skip
    (trial,) = done.report["trials"]
    assert trial["outcome"] == "leftover"
    assert {"webhook-missing", "survivor-stranded"} <= {finding["check"] for finding in trial["findings"]}
