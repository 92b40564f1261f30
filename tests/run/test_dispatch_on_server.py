"""Dispatch trials against a real livekit-server: every promise of the contract, checked with the server itself."""

from __future__ import annotations

import asyncio
import itertools
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from .conftest import heard

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = pytest.mark.server

VERDICTS = {
    "honest": ("delivered", None, "running"),
    "silent": ("dropped", None, "no-job"),
    "reject": ("dropped", None, "no-job"),
    "ghost": ("dropped", "false-running", "running"),
    "slow:4s": ("delayed", None, "running"),
    "slow:2200ms:answer": ("delayed", None, "running"),
    "slow:4s:answer": ("dropped", None, "no-job"),
}
"""What each injected behaviour has to be called."""


def verdict_of(trial: dict[str, Any]) -> tuple[str, str | None, str]:
    return trial["outcome"], trial["mismatch"], trial["state"]


async def test_honest_trials_are_all_delivered_and_no_room_is_left(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(witness.environment(), "dispatch-trial", "--count", "20", "--format", "json")
    assert done.code == 0, done.stderr
    report = done.report
    assert report["verdict"] == "pass"
    assert report["summary"]["outcomes"]["delivered"] == len(report["trials"]) == 20
    assert [verdict_of(trial) for trial in report["trials"]] == [VERDICTS["honest"]] * 20
    assert all(trial["fallback"] == "not-needed" and not trial["findings"] for trial in report["trials"])
    assert len(report["warmup"]) == 1
    assert await witness.rooms() == []


async def test_latency_is_what_the_server_itself_says(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(witness.environment(), "dispatch-trial", "--count", "10", "-c", "3", "--format", "json")
    assert done.code == 0, done.stderr
    await heard(witness.finished_s, *(trial["room_sid"] for trial in done.report["trials"]))
    known = 0
    for trial in done.report["trials"]:
        told = latency_by_server(witness, trial)
        if told is not None:
            known += 1
            assert abs(trial["latency_ms"] - told) <= 5, trial
        stages = trial["stages_ms"]
        order = [
            name for name in ("dispatch", "job_started", "offered", "accepted", "assigned", "joined") if name in stages
        ]
        assert len(order) == 6, stages
        # local-clock stages carry the clock estimate's error of about a millisecond
        assert all(stages[a] <= stages[b] + 5 for a, b in pairwise(order)), stages
    assert known > 5


@pytest.mark.alone
async def test_every_injected_fault_is_named(witness: Witness, lkdiag: Run) -> None:
    faults = "silent=0.2,ghost=0.2,slow:4s=0.2,reject=0.1"
    done = await lkdiag(
        witness.environment(), "dispatch-trial", "--count", "40", "--fault", faults, "--seed", "7",
        "--timeout", "12", "-c", "20", "--format", "json",
    )  # fmt: skip
    assert done.code == 1, done.stderr
    drawn = done.drawn()
    trials = done.report["trials"]
    assert {t["index"]: verdict_of(t) for t in trials} == {t["index"]: VERDICTS[drawn[t["index"]]] for t in trials}
    assert {behaviour.split(":")[0] for behaviour in drawn.values()} == {"honest", "silent", "ghost", "slow", "reject"}
    for trial in trials:
        # a fault strikes the dispatch under test alone: the fallback meets an honest worker
        assert trial["fallback"] == ("rescued" if trial["outcome"] == "dropped" else "not-needed"), trial
        assert trial["outcome"] == "delivered" or trial["timeline"], "a failing trial tells its story"
    assert await witness.rooms() == []


async def test_the_same_seed_draws_the_same_faults(witness: Witness, lkdiag: Run) -> None:
    options = ("dispatch-trial", "--count", "12", "--fault", "reject=0.5", "--timeout", "3", "--settle", "1", "-c", "6")
    runs = [lkdiag(witness.environment(), *options, "--seed", seed) for seed in ("3", "3", "4")]
    first, second, other = await asyncio.gather(*runs)
    assert first.drawn() == second.drawn() != other.drawn()


async def test_a_late_answer_is_late_and_told_from_a_late_join(witness: Witness, lkdiag: Run) -> None:
    fault = "slow:2200ms:answer"
    late = ("--delayed-after", "1s")  # far from where a busy machine might have made it late
    done = await lkdiag(witness.environment(), "dispatch-trial", "-n", "2", "--fault", fault, *late, "--format", "json")
    for trial in done.report["trials"]:
        assert verdict_of(trial) == VERDICTS[fault]
        assert trial["diagnosis"]["causes"] == ["slow-answer"]


async def test_an_answer_after_the_servers_patience_is_lost(witness: Witness, lkdiag: Run) -> None:
    """3 s after the dispatch livekit-server gives it up: the worker's yes comes too late."""
    fault = "slow:4s:answer"
    done = await lkdiag(
        witness.environment(), "dispatch-trial", "-n", "1", "--fault", fault, "--timeout", "7", "--format", "json"
    )
    (trial,) = done.report["trials"]
    assert verdict_of(trial) == VERDICTS[fault]
    (finding,) = trial["findings"]
    assert "never assigned" in finding["fact"]
    assert "accepted" in trial["stages_ms"]
    assert "assigned" not in trial["stages_ms"]


async def test_with_fault_fallback_the_fallback_is_lost_as_well(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(
        witness.environment(), "dispatch-trial", "--count", "1", "--fault", "ghost", "--fault-fallback",
        "--timeout", "3", "--fallback-timeout", "2", "--format", "json",
    )  # fmt: skip
    (trial,) = done.report["trials"]
    assert (trial["outcome"], trial["mismatch"], trial["fallback"]) == ("dropped", "false-running", "lost")


@pytest.mark.parametrize("method", ["create-room", "create-dispatch", "token", "automatic"])
async def test_every_method_delivers_and_finds_a_ghost(witness: Witness, lkdiag: Run, method: str) -> None:
    honest = await lkdiag(witness.environment(), "dispatch-trial", "--method", method, "-n", "2", "--format", "json")
    assert honest.code == 0, honest.stderr + honest.stdout
    assert [verdict_of(trial) for trial in honest.report["trials"]] == [VERDICTS["honest"]] * 2
    await heard(witness.creation_ms, *(trial["room_sid"] for trial in honest.report["trials"]))
    for trial in honest.report["trials"]:
        assert witness.creation_ms[trial["room_sid"]]
        assert trial["dispatch_id"].startswith("AD_")
        assert trial["job_id"].startswith("AJ_")
        assert trial["worker_id"].startswith("AW_")
    ghost = await lkdiag(
        witness.environment(), "dispatch-trial", "--method", method, "-n", "1", "--fault", "ghost", "--timeout", "4",
        "--format", "json",
    )  # fmt: skip
    (trial,) = ghost.report["trials"]
    assert verdict_of(trial) == VERDICTS["ghost"]
    assert trial["fallback"] == "rescued"
    assert await witness.rooms() == []


@pytest.mark.parametrize("job_type", ["participant", "publisher"])
async def test_other_job_types_come_with_a_caller(witness: Witness, lkdiag: Run, job_type: str) -> None:
    done = await lkdiag(witness.environment(), "dispatch-trial", "--job-type", job_type, "-n", "2", "--format", "json")
    assert done.code == 0, done.stderr + done.stdout
    for trial in done.report["trials"]:
        assert verdict_of(trial) == VERDICTS["honest"]
        assert trial["stages_ms"]["first_track"] >= trial["stages_ms"]["joined"]


async def test_a_real_livekit_agents_worker_is_delivered(witness: Witness, plain_agent: str, lkdiag: Run) -> None:
    done = await lkdiag(
        witness.environment(),
        "dispatch-trial",
        "--agent-name",
        plain_agent,
        "-n",
        "20",
        "--control",
        "--format",
        "json",
    )
    assert done.code == 0, done.stderr + done.stdout
    report = done.report
    assert report["summary"]["outcomes"]["delivered"] == 20
    assert report["control"]["outcomes"]["delivered"] == report["control"]["trials"] == 7
    workers = {role: {t["worker_id"] for t in report["trials"] if t["role"] == role} for role in ("subject", "control")}
    assert len(workers["subject"]) == 1
    assert workers["control"] == set(report["environment"]["probe_worker_ids"]) != workers["subject"]
    await heard(witness.finished_s, *(trial["room_sid"] for trial in report["trials"]))
    told = {trial["index"]: latency_by_server(witness, trial) for trial in report["trials"]}
    known = [trial for trial in report["trials"] if told[trial["index"]] is not None]
    assert len(known) > len(told) / 2
    for trial in known:
        assert abs(trial["latency_ms"] - told[trial["index"]]) <= 5, trial
    assert await witness.rooms() == []


def latency_by_server(witness: Witness, trial: dict[str, Any]) -> int | None:
    """By its webhooks; None for an agent whose media were not connected before the room was deleted: it gets none."""
    joined_ms = witness.joined_ms.get((trial["room_sid"], trial["agent_identity"]))
    return None if joined_ms is None else joined_ms - witness.creation_ms[trial["room_sid"]]


async def test_a_name_that_nobody_has(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(
        witness.environment(), "dispatch-trial", "--agent-name", "nobody", "-n", "6", "--control", "--timeout", "3",
        "--fallback-timeout", "2", "-c", "4", "--format", "json",
    )  # fmt: skip
    assert done.code == 1, done.stderr
    report = done.report
    for trial in report["trials"]:
        if trial["role"] == "subject":
            assert (*verdict_of(trial), trial["fallback"]) == ("dropped", None, "no-job", "lost")
        else:
            assert verdict_of(trial) == VERDICTS["honest"]
    said = {finding["check"]: finding for finding in report["findings"]}
    assert "'nobody'" in said["nobody-answers"]["title"]
    assert said["control-comparison"]["title"].startswith("only the subject is affected")
    assert report["environment"]["server"]["version"] == "1.13.5"


async def test_without_a_control_the_server_is_described_all_the_same(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(
        witness.environment(), "dispatch-trial", "--agent-name", "nobody", "-n", "1", "--timeout", "2",
        "--settle", "0", "--no-fallback", "--format", "json",
    )  # fmt: skip
    report = done.report
    assert report["environment"]["server"]["version"] == "1.13.5"
    assert report["trials"][0]["fallback"] == "off"
    assert await witness.rooms() == []


async def test_a_room_name_used_again(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(witness.environment(), "dispatch-trial", "-n", "3", "--reuse-room-name", "--format", "json")
    assert done.code == 0, done.stderr + done.stdout
    trials = done.report["trials"]
    assert len({trial["room"] for trial in trials}) == 1
    assert len({trial["room_sid"] for trial in trials}) == 3


async def test_an_open_loop_begins_trials_when_they_are_due(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(witness.environment(), "dispatch-trial", "-n", "6", "--rate", "5", "--format", "json")
    assert done.code == 0, done.stderr + done.stdout
    due = {e["trial"]: e["data"]["due_mono_ns"] for e in done.events() if e["kind"] == "trial.due"}
    began = {e["trial"]: e["mono_ns"] for e in done.events() if e["kind"] == "trial.started"}
    assert [due[i + 1] - due[i] for i in range(1, 6)] == [200_000_000] * 5
    assert all(began[i] >= due[i] for i in due)


async def test_rooms_of_others_are_left_alone(witness: Witness, lkdiag: Run) -> None:
    theirs = ["lkdiag", "lkdiag-", "lkdiag-20200101-000000-abcd-001", "their-room"]
    async with witness.api() as client:
        for name in theirs:
            await client.room.create_room(api.CreateRoomRequest(name=name, empty_timeout=300))
    done = await lkdiag(witness.environment(), "dispatch-trial", "-n", "2", "--format", "json")
    assert done.code == 0, done.stderr
    assert sorted(await witness.rooms()) == sorted(theirs)


async def test_an_automatic_probe_declines_what_is_not_its_own(witness: Witness, lkdiag: Run) -> None:
    """A worker without a name is asked for every room of the project that names no agent."""
    made = asyncio.Event()

    async def make_rooms() -> None:
        async with witness.api() as client:
            for number in itertools.count():
                await client.room.create_room(api.CreateRoomRequest(name=f"theirs-{number}"))
                try:
                    async with asyncio.timeout(0.3):
                        await made.wait()
                    return
                except TimeoutError:
                    continue

    makes = asyncio.create_task(make_rooms())
    done = await lkdiag(witness.environment(), "dispatch-trial", "--method", "automatic", "-n", "4", "--format", "json")
    made.set()
    await makes
    assert done.code == 0, done.stderr + done.stdout
    assert any(event["kind"] == "job.declined" for event in done.events()), "the probe was never asked for them"
    ours = {trial["room_sid"] for trial in (*done.report["trials"], *done.report["warmup"])}
    await heard(witness.visited, *ours)
    assert witness.visited == ours
    assert all(room.startswith("theirs-") for room in await witness.rooms())


async def test_no_secret_is_in_any_file_or_output(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(
        witness.environment(), "dispatch-trial", "-n", "3", "--method", "token", "--fault", "ghost=0.5",
        "--timeout", "3", "--settle", "1", "--format", "json",
    )  # fmt: skip
    texts = [done.stdout, done.stderr, *(path.read_text() for path in done.runs.rglob("*") if path.is_file())]
    assert len(texts) > 2
    for text in texts:
        assert witness.server.api_secret not in text
        assert not re.search(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", text)
