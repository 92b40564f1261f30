"""`lkdiag canary` as a process, on a real server: what Prometheus is told, and what becomes of it in bad weather."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api
from prometheus_client.parser import text_string_to_metric_families

from lkdiag.server import private
from lkdiag.server.private import PrivateServer, random_key
from tests.deadline import DEADLINE_S
from tests.ports import free_port, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lkdiag.server.binary import ServerBinary

    from .user import Running, User


class Metrics:
    """A Prometheus that asks one canary."""

    def __init__(self) -> None:
        self.port = free_port()
        self.listen = ("--listen", f"127.0.0.1:{self.port}")
        self.text = ""

    async def ask(self) -> None:
        """Scrape, once."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        self.text = (await asyncio.to_thread(urllib.request.urlopen, url, timeout=DEADLINE_S)).read().decode()

    async def wait(self, running: Running, true: Callable[[], bool]) -> None:
        """Scrape until it is true; fails when the canary ends before that."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                if running.process.returncode is not None:
                    pytest.fail(f"it has ended: {(await running.wait()).stderr}")
                try:
                    await self.ask()
                except OSError:
                    pass  # it does not listen yet
                else:
                    if true():
                        return
                await asyncio.sleep(0.05)

    def of(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def by(self, name: str, label: str) -> dict[str, int]:
        """What is not 0, by a label."""
        found = Counter[str]()
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                if sample.name == name:
                    found[sample.labels[label]] += int(sample.value)
        return {key: count for key, count in found.items() if count}


async def rooms(server: PrivateServer) -> list[str]:
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        return [room.name for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms]


async def reported(user: User) -> list[dict[str, Any]]:
    """Every trial of every journal that is kept, as `lkdiag report` judges it."""
    trials: list[dict[str, Any]] = []
    for journal in sorted(user.runs.glob("*/journal.jsonl")):
        done = await user.run("report", journal.parent.name, "--format", "json")
        trials += [{"run": journal.parent.name, **trial} for trial in done.report["trials"]]
    return trials


def counted(values: list[str | None]) -> dict[str, int]:
    return dict(Counter(value for value in values if value is not None))


@pytest.mark.server
async def test_metrics_are_what_the_reports_say(owner: User, private_server: PrivateServer) -> None:
    metrics = Metrics()
    words = ("--fault", "ghost=0.5", "--seed", "11", "--timeout", "7s", "--settle", "1s", "--rotate", "2")
    async with owner.running("canary", "--every", "1s", *words, *metrics.listen) as running:
        await metrics.wait(running, lambda: metrics.of("lkdiag_trials_total") >= 3)
        running.signal(signal.SIGTERM)
        done = await running.wait()
    assert (done.code, done.stdout) == (0, ""), done.stderr
    owner.assert_silent(done)
    assert await rooms(private_server) == []

    trials = (await reported(owner))[: int(metrics.of("lkdiag_trials_total"))]
    assert len({trial["run"] for trial in trials}) == 2
    assert metrics.by("lkdiag_trials_total", "outcome") == counted([trial["outcome"] for trial in trials])
    assert metrics.by("lkdiag_mismatches_total", "mismatch") == counted([trial["mismatch"] for trial in trials])
    assert metrics.by("lkdiag_fallbacks_total", "fallback") == counted([trial["fallback"] for trial in trials])
    assert metrics.of("lkdiag_mismatches_total", mismatch="false-running") == 1
    latencies = [trial["latency_ms"] / 1000 for trial in trials if trial["outcome"] == "delivered"]
    assert metrics.of("lkdiag_delivery_latency_seconds_count") == len(latencies)
    assert metrics.of("lkdiag_delivery_latency_seconds_sum") == pytest.approx(sum(latencies))
    assert metrics.of("lkdiag_delivery_latency_seconds_bucket", le="2.0") == sum(s <= 2 for s in latencies)
    assert metrics.of("lkdiag_project_up") == metrics.of("lkdiag_build_info") == 1
    assert metrics.of("lkdiag_server_info", version="1.13.5") == 1
    assert metrics.of("lkdiag_leftover_rooms") == 0
    (line,) = [line for line in done.stderr.splitlines() if "outcome=dropped" in line]
    (ghost,) = [trial for trial in trials if trial["outcome"] == "dropped"]
    assert f"run={ghost['run']} trial={ghost['index']} " in line
    assert "mismatch=false-running" in line

    hidden = (*owner.secrets, private_server.api_key, "127.0.0.1", *(trial["room_sid"] for trial in trials), "lkdiag-2")
    assert not [text for text in hidden if text in metrics.text]


@pytest.fixture
def same_address(monkeypatch: pytest.MonkeyPatch, server_binary: ServerBinary, tmp_path: Path) -> PrivateServer:
    """A server that comes back where it was, with the keys that it had."""
    ports, key = free_ports(), random_key()
    monkeypatch.setattr(private, "random_key", lambda: key)
    return PrivateServer(server_binary, tmp_path / "server.log", choose_ports=lambda: ports)


@pytest.mark.server
async def test_goes_on_when_the_server_is_back(user: User, same_address: PrivateServer) -> None:
    metrics = Metrics()
    words = ("--fault", "slow:1s", "--delayed-after", "8s", "--timeout", "10s", "--settle", "1s")
    async with same_address as server:
        async with user.of(server).running("canary", "--every", "1s", *words, *metrics.listen) as running:
            await running.wait_event("job.accepted", trial=1)
            os.kill(server.pid, signal.SIGKILL)
            await server.wait_exited()
            await metrics.wait(running, lambda: metrics.of("lkdiag_trials_total") == 1)
            assert metrics.by("lkdiag_trials_total", "outcome") == {"inconclusive": 1}
            assert metrics.of("lkdiag_project_up") == metrics.of("lkdiag_probe_connected") == 0
            assert metrics.of("lkdiag_api_call_failures_total", code="unanswered") > 0
            assert metrics.of("lkdiag_leftover_rooms") == 1
            await server.__aexit__(None, None, None)
            await server.__aenter__()
            await metrics.wait(running, lambda: metrics.of("lkdiag_trials_total", outcome="delivered") >= 1)
            assert set(metrics.by("lkdiag_trials_total", "outcome")) <= {"delivered", "inconclusive", "error"}
            assert metrics.of("lkdiag_project_up") == metrics.of("lkdiag_probe_connected") == 1
            assert metrics.of("lkdiag_leftover_rooms") == 0
            running.signal(signal.SIGINT)
            done = await running.wait()
        assert await rooms(server) == []
    assert done.code == 0, done.stderr
    assert "Traceback" not in done.stderr
    user.assert_silent(done)
    assert "dropped" not in {trial["outcome"] for trial in await reported(user)}


@pytest.mark.server
async def test_stopped_in_the_middle_of_a_trial(owner: User, private_server: PrivateServer) -> None:
    metrics = Metrics()
    async with owner.running(
        "canary", "--fault", "silent", "--timeout", "1h", "--settle", "1s", *metrics.listen
    ) as running:
        await running.wait_event("room.created", trial=1)
        await metrics.ask()
        assert metrics.of("lkdiag_probe_connected") == 1
        assert metrics.of("lkdiag_interval_seconds") == 60
        running.signal(signal.SIGTERM)
        done = await running.wait()
    assert done.code == 0, done.stderr
    assert await rooms(private_server) == []
    assert [line for line in done.stderr.splitlines() if " trial " in line] == []
    kinds = [event["kind"] for event in owner.events()]
    assert kinds.count("trial.started") == kinds.count("trial.finished")
    assert kinds[-1] == "run.finished"


@pytest.mark.server
async def test_old_journals_of_its_own_are_deleted_and_no_others(owner: User) -> None:
    other = owner.runs / "20250101-000000-aaaa"
    other.mkdir(parents=True)
    (other / "journal.jsonl").write_text("")
    words = ("--max-trials", "2", "--rotate", "1", "--keep", "1", "--settle", "0s", "--verbose")
    done = await owner.run("canary", "--every", "1s", *words, "--listen", "127.0.0.1:0")
    assert done.code == 0, done.stderr
    began = [line.split()[1].rstrip(",") for line in done.stderr.splitlines() if line.startswith("Run ")]
    assert len(began) == 2
    assert sorted(path.name for path in owner.runs.iterdir()) == [other.name, *began[1:]]
    for run in began[1:]:
        again = await owner.run("report", run, "--format", "json")
        assert again.code == 0
        assert [trial["outcome"] for trial in again.report["trials"]] == ["delivered"]
        assert again.report["run"]["scenario"] == "canary"


async def test_what_can_not_begin_ends_at_once(user: User) -> None:
    port = free_port()
    user.environ |= {
        "LIVEKIT_URL": f"ws://127.0.0.1:{port}",
        "LIVEKIT_API_KEY": "k",
        "LIVEKIT_API_SECRET": "HUSHHUSH" * 4,
    }
    error, _ = (await user.run("canary", "--listen", "127.0.0.1:0", "-q")).refusal(4)
    assert "can't be reached" in error
    (journal,) = user.runs.glob("*/journal.jsonl")
    assert json.loads(journal.read_text().splitlines()[-1])["kind"] == "run.finished"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--every", "500ms"], "--every is 0.5 s"),
        (["--listen", "nowhere"], "'nowhere' is not an address"),
        (["--timeout", "1s"], "--delayed-after (2 s) is above --timeout (1 s)"),
        (["--local", "--url", "ws://x"], "--local and --url exclude each other"),
    ],
    ids=" ".join,
)
async def test_usage(words: list[str], told: str, user: User) -> None:
    error, hint = (await user.run("canary", *words)).refusal(2)
    assert told in error
    assert hint


async def test_the_port_of_somebody_else(user: User) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        user.environ |= {"LIVEKIT_URL": "ws://127.0.0.1:1", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s" * 32}
        error, hint = (await user.run("canary", "--listen", address)).refusal(2)
    assert address in error
    assert "--listen" in hint
