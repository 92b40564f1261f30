"""A run as its user has it: the contract of the JSON report, streams that end early, and no secret left behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from livekit import api

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.server.private import PrivateServer

    from .user import User

pytestmark = pytest.mark.server

SHORT = ("dispatch-trial", "-n", "1", "--warmup", "0", "--settle", "1")

KEYS = {"schema", "run", "environment", "verdict", "summary", "trials", "leftover_rooms", "findings"}
RUN_KEYS = {"id", "command", "scenario", "started_at", "finished_at", "interrupted", "lkdiag_version"}
ENVIRONMENT_KEYS = {"server", "project_host", "sdk", "python", "os"}
SUMMARY_KEYS = {"trials", "outcomes", "mismatches", "latency_ms", "lost_rate", "rescued"}
TRIAL_KEYS = {
    "index", "room", "room_sid", "dispatch_id", "job_id", "worker_id", "method", "role", "outcome", "state", "mismatch",
    "latency_ms", "stages_ms", "state_lag_ms", "fallback", "findings",
}  # fmt: skip


async def test_json_has_the_contracts_keys(owner: User) -> None:
    done = await owner.run(*SHORT, "--format", "json")
    assert done.code == 0, done.stderr
    report = done.report
    assert report["schema"] == "lkdiag.report/1"
    assert report.keys() >= KEYS
    assert report["run"].keys() >= RUN_KEYS
    assert report["environment"].keys() >= ENVIRONMENT_KEYS
    assert report["environment"]["server"].keys() == {"version", "edition", "region", "node_id"}
    assert report["environment"]["sdk"].keys() == {"livekit", "livekit-api", "livekit-protocol"}
    assert report["summary"].keys() >= SUMMARY_KEYS
    assert report["summary"]["latency_ms"].keys() == {"count", "min", "p50", "p90", "p95", "p99", "max"}
    assert report["summary"]["lost_rate"].keys() >= {"value", "low", "high"}
    (trial,) = report["trials"]
    assert trial.keys() >= TRIAL_KEYS
    assert report["leftover_rooms"] == []
    assert report["verdict"] == "pass"


async def test_local_needs_nothing_and_leaves_nothing_running(user: User, own_binary: Path) -> None:
    done = await user.run(*SHORT, "--local", "--quiet")
    assert (done.code, done.stderr) == (0, "")
    assert "1 delivered" in done.stdout
    assert own_binary.name
    assert {path.name for path in user.left()} == {"journal.jsonl", "livekit-server.log", "livekit-server"}
    for path in user.left():
        if path != own_binary:
            assert path.stat().st_mode & 0o077 == 0, f"{path} is open to others"


async def test_typed_credentials_are_in_no_file(user: User, private_server: PrivateServer) -> None:
    user.secrets.append(private_server.api_secret)
    words = ("--url", private_server.url, "--api-key", private_server.api_key)
    done = await user.run(*SHORT, *words, f"--api-secret={private_server.api_secret}", "--method", "token", "-v")
    assert done.code == 0, done.stderr
    assert private_server.api_key not in "".join(path.read_text() for path in user.left())
    done = await user.run(
        *SHORT, *words, "--api-secret", private_server.api_secret, "--fault", "ghost", "--timeout", "2"
    )
    assert done.code == 1, done.stderr


async def test_markdown_and_verbose_show_no_secret(owner: User) -> None:
    await owner.run(*SHORT, "--fault", "reject", "--timeout", "2", "--format", "markdown", "-o", "report.md")
    assert (owner.cwd / "report.md").read_text()
    owner.assert_silent(await owner.run("report", "--last", "--verbose"))
    assert (await owner.run("report", "--last", "--redact", "--format", "json")).code == 1


async def test_reader_of_everything_that_is_gone_does_not_end_the_run(owner: User) -> None:
    """`lkdiag … 2>&1 | head -1`: the notes break, the run does not."""
    done = await owner.shell(
        "{ lkdiag dispatch-trial -n 2 --warmup 0 --settle 1 2>&1; echo $? >&3; } 3> code | head -1"
    )
    assert (owner.cwd / "code").read_text() == "0\n"
    assert done.stdout.count("\n") == 1
    kinds = [event["kind"] for event in owner.events()]
    assert kinds.count("trial.finished") == 2
    assert kinds[-1] == "run.finished"
    assert "run.crashed" not in kinds


async def test_full_disk_keeps_the_run(owner: User) -> None:
    done = await owner.run(*SHORT, "-o", "/dev/full")
    error, hint = done.refusal(2)
    assert "No space left on device" in error
    assert f"lkdiag report {owner.run_id}" in hint
    assert (await owner.run("report", owner.run_id)).code == 0


async def test_disk_that_gets_full_in_mid_run_ends_it_in_good_order(owner: User, private_server: PrivateServer) -> None:
    done = await owner.shell("ulimit -f 16; lkdiag dispatch-trial -n 50")
    error, hint = done.refusal(4)
    assert "the journal can't be written any further: File too large" in error
    assert f"lkdiag report {owner.run_id}" in hint
    async with api.LiveKitAPI(private_server.url, private_server.api_key, private_server.api_secret) as client:
        assert list((await client.room.list_rooms(api.ListRoomsRequest())).rooms) == []
    again = await owner.run("report", owner.run_id)
    assert again.code == 130
    (journal,) = owner.runs.glob("*/journal.jsonl")
    last_line = journal.read_bytes().split(b"\n")[-1]
    assert bool(again.said("note")) == (bool(last_line) and not _is_json(last_line)), "the limit may fall between two"


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


WORKER_GOES = """\
title = "The worker goes, and the agent is called again"
kind = "dispatch"
settings.count = 1
workers.main.behaviour = "honest"
workers.other.register = "by-step"
steps = [
  {do = "dispatch"},
  {do = "watch"},
  {do = "stop-worker"},
  {do = "register-worker", worker = "other"},
  {do = "fallback"},
]
"""


async def test_a_fallback_after_the_agent_was_taken_away(owner: User) -> None:
    (owner.cwd / "goes.toml").write_text(WORKER_GOES)
    done = await owner.run("run", "goes.toml", "--format", "json")
    assert done.code == 0, done.stderr
    (trial,) = done.report["trials"]
    assert (trial["outcome"], trial["fallback"]) == ("delivered", "rescued")
    assert done.report["summary"]["rescued"] == 0
    assert [finding["check"] for finding in trial["findings"]] == ["left-early"]
