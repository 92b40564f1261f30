"""What a cluster can't run is refused before anything begins, and lkdiag never asks for a secret."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from lkdiag import __version__
from lkdiag.cli.session import own_credentials
from lkdiag.cli.sharding import Sharding
from lkdiag.errors import ConnectionLostError, CredentialsError, LkdiagError, UsageError
from lkdiag.scenario.shard import Shard
from lkdiag.settings import CredentialFlags
from lkdiag.shard import cluster, node
from lkdiag.shard.node import Project, requests_of

READY = {"lkdiag_version": __version__, "nonce": "n", "host": "a.livekit.cloud", "source": "environment"}


class Client:
    """Of a cluster whose workers say this of themselves."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said

    async def run(self, *_: Any, **__: Any) -> dict[str, Any]:
        return self.said


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ({}, LkdiagError, "no workers"),
        ({"tcp://b": ModuleNotFoundError("lkdiag")}, LkdiagError, "not installed on the worker tcp://b"),
        ({"tcp://b": READY | {"lkdiag_version": "0.0.1"}}, LkdiagError, "has lkdiag 0.0.1"),
        ({"tcp://b": READY | {"error": "no LiveKit credentials found"}}, CredentialsError, "tcp://b: no LiveKit"),
        ({"tcp://b": READY, "tcp://c": READY | {"host": "c"}}, CredentialsError, "different projects"),
    ],
)
async def test_workers_that_can_not_play(said: dict[str, Any], error: type[LkdiagError], words: str) -> None:
    asked = cluster.Cluster("tcp://scheduler:8786")
    asked._client = Client(said)
    with pytest.raises(error, match=words):
        await asked.nodes()


async def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 0.2)
    with pytest.raises(ConnectionLostError, match="no Dask scheduler at tcp://"):
        async with cluster.Cluster("tcp://127.0.0.1:1"):
            pass


async def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(LkdiagError) as raised:
        async with cluster.Cluster("tcp://127.0.0.1:1"):
            pass
    assert "lkdiag[cluster]" in raised.value.hint


def test_a_worker_that_was_restarted_plays_nothing() -> None:
    (request,) = requests_of("20261121-120000-abcd", 1, "lkdiag", {}, quiet=True)
    assert request.project is None
    assert node.run_shard(request.encoded(), "of the process before it") == {"restarted": True}


def test_a_secret_is_not_shown() -> None:
    assert "hush" not in repr(Project("ws://a", "key", "hush"))


@pytest.mark.parametrize(
    "spread",
    [
        Sharding(Shard(1, 2), processes=2),
        Sharding(processes=2, cluster="tcp://a"),
        Sharding(Shard(1, 2), cluster="tcp://a"),
        Sharding(processes=0),
        Sharding(processes=5),
        Sharding(Shard(1, 5)),
    ],
)
def test_ways_that_exclude_each_other_and_too_many(spread: Sharding) -> None:
    with pytest.raises(UsageError):
        spread.check(4)


@pytest.mark.parametrize(
    "spread",
    [Sharding(Shard(1, 2)), Sharding(processes=2), Sharding(cluster="tcp://a")],
    ids=["shard", "processes", "cluster"],
)
def test_processes_make_no_burst_and_a_set_time_is_for_any_number_of_them(spread: Sharding) -> None:
    with pytest.raises(UsageError, match="exclude"):
        spread.check(100, burst=10)
    spread.check(None)
    Sharding().check(100, burst=10)


@pytest.mark.parametrize("flags", [CredentialFlags(url="ws://a"), CredentialFlags(project="mine"), None])
def test_no_credentials_go_to_a_cluster(flags: CredentialFlags | None) -> None:
    with pytest.raises(UsageError, match="--cluster and --"):
        own_credentials(flags or CredentialFlags(), local=flags is None)
