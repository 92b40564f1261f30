"""A run in several processes or on a cluster: its options, and how it is planned, run, cleaned up and merged."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from lkdiag.cli.messages import say
from lkdiag.cli.session import Session
from lkdiag.errors import LkdiagError, UsageError
from lkdiag.journal.run_kinds import ShardsStarted
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.option import Option, Options
from lkdiag.scenario.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag import settings
    from lkdiag.cli.recording import Recording
    from lkdiag.journal.event import Event
    from lkdiag.server.binary import ServerBinary
    from lkdiag.shard.node import Request


# The options: how many processes, or machines, share a run.

PANEL = "More processes, more machines"


@dataclass(frozen=True)
class ShardingOptions(Options):
    """Which processes run the trials."""

    shard: Annotated[
        str | None,
        Option(
            "Run only the I-th of N shares of the trials; `lkdiag merge` makes one report of all.",
            panel=PANEL,
            metavar="I/N",
        ),
    ] = None
    run_group: Annotated[
        str | None, Option("Which run the shard is of: merge keeps groups apart.", panel=PANEL, metavar="NAME")
    ] = None
    processes: Annotated[
        int,
        Option(
            "Share the trials out to N processes here, each with --concurrency trials at a time.",
            panel=PANEL,
            metavar="N",
        ),
    ] = 1
    cluster: Annotated[
        str | None,
        Option(
            "Share the trials out to the workers of a Dask cluster: tcp://HOST:8786. Each uses the credentials of its "
            "own environment; none are sent. Needs `pip install 'lkdiag[cluster]'`.",
            panel=PANEL,
            metavar="ADDRESS",
        ),
    ] = None

    @property
    def sharding(self) -> Sharding:
        """What they ask for. Raises UsageError."""
        if self.shard is None and self.run_group is not None:
            raise UsageError("--run-group goes with --shard", "it tells the shards of one run from those of another")
        shard = None if self.shard is None else Shard.parse(self.shard, self.run_group)
        return Sharding(shard, self.processes, self.cluster)


@dataclass(frozen=True)
class Sharding:
    """How a run is divided: not at all, as one shard of several, or among processes that this one starts."""

    shard: Shard | None = None
    processes: int = 1
    cluster: str | None = None

    @property
    def of(self) -> int:
        """How many processes share the trials. A cluster's number is known only after it was asked: 1 until then."""
        return self.processes if self.shard is None else self.shard.of

    def check(self, count: int | None, burst: int | None = None) -> None:
        """Raises UsageError where there are more processes than trials, or ways that exclude each other.

        `count` is None where a time is set instead.
        """
        given = [
            option
            for option, is_given in (
                ("--shard", self.shard is not None),
                ("--processes", self.processes != 1),
                ("--cluster", self.cluster is not None),
            )
            if is_given
        ]
        if len(given) > 1:
            raise UsageError(f"{given[0]} and {given[1]} exclude each other", "each says who runs the trials")
        if given and burst is not None:
            raise UsageError(
                f"--burst and {given[0]} exclude each other",
                "processes don't begin at the same instant, so it would be no burst: raise --burst in one process",
            )
        shard = self.shard or Shard(1, self.processes)
        if count is not None:
            shard.check(count)

    def divided(self, session: Session) -> Session:
        """The session, divided that way."""
        if self.processes == 1 and self.cluster is None:
            return session if self.shard is None else self._share(session, self.shard)

        # each process shows its own trials, so this one shows none
        about = {field.name: getattr(session, field.name) for field in fields(session)} | {"watchers": (_ignore,)}
        if self.cluster is not None:
            return ClusterSession(**about, cluster=self.cluster)
        return ProcessesSession(
            **{**about, "merged": {"of": self.processes, "here": self.processes}}, processes=self.processes
        )

    def _share(self, session: Session, shard: Shard) -> Session:
        """Shards begin in the same second: by its number no other can have the same rooms, and close them."""
        from lkdiag.cli.recording import new_run_id

        return replace(session, shard=shard, run_id=f"{new_run_id()}-s{shard.index}")


def _ignore(_: Event) -> None:
    """A watcher that does nothing."""


# A run of several processes: it is planned here, carried out by them, cleaned up, and merged into one journal.

SHARDS = "shards"
"""The folder of the shards' runs, within the whole run's folder, until they are merged."""


@dataclass(frozen=True, kw_only=True)
class ShardedSession(Session):
    """One run on several processes, wherever they are."""

    def _requests(self, recording: Recording, of: int) -> Sequence[Request]:
        from lkdiag.shard.node import requests_of

        options: dict[str, Any] = msgspec.to_builtins(self.script.settings)
        return requests_of(recording.run_id, of, self.command, options, quiet=self.quiet)

    async def _clean_up(self, recording: Recording, credentials: settings.Credentials) -> None:
        """Close the rooms that a killed process has left."""
        from lkdiag.client.api_client import Control
        from lkdiag.run.close import close_leftovers

        async with Control(credentials) as control:
            await close_leftovers(control, recording.recorder, f"lkdiag-{recording.run_id}-")

    def _merge(self, recording: Recording, lost: dict[int, str]) -> None:
        """Merge the shards' journals into the run's own, and delete them."""
        from lkdiag.journal.file import FILE_NAME
        from lkdiag.shard.merge import merge_into, read_shards

        folder = recording.folder / SHARDS
        journals = sorted(folder.glob(f"*/{FILE_NAME}"))
        if not any(path.stat().st_size for path in journals):
            reasons = "; ".join(f"shard {index}: {reason}" for index, reason in lost.items())
            raise LkdiagError("none of the processes began" + (f": {reasons}" if reasons else ""))
        merge_into(recording.recorder, read_shards(journals), lost)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class ProcessesSession(ShardedSession):
    """On this machine."""

    processes: int

    async def _carry_out(self, recording: Recording, binary: ServerBinary | None, stop: asyncio.Event) -> None:
        async with contextlib.AsyncExitStack() as stack:
            credentials, server_pid = self.credentials, None
            if binary is not None:
                credentials, server_pid = await self._start_server(recording, binary, None, stack)
            assert credentials is not None, "without credentials there is a private server"
            await self._run_shards(recording, credentials, stop, server_pid)

    async def _run_shards(
        self, recording: Recording, credentials: settings.Credentials, stop: asyncio.Event, server_pid: int | None
    ) -> None:
        from lkdiag.client.api_client import Control
        from lkdiag.run.preflight import check_project
        from lkdiag.shard.node import Project
        from lkdiag.shard.processes import Processes

        async with Control(credentials) as control:
            await check_project(credentials, control, recording.recorder)
        project = Project(credentials.url, credentials.api_key, credentials.api_secret)
        recording.recorder.record(ShardsStarted(of=self.processes))
        processes = Processes(project, recording.folder / SHARDS, say, server_pid)
        lost = await processes.run(self._requests(recording, self.processes), stop)
        await self._clean_up(recording, credentials)
        self._merge(recording, lost)


@dataclass(frozen=True, kw_only=True)
class ClusterSession(ShardedSession):
    """On the workers of a Dask cluster, with their credentials. Those found here only clean up after lost workers."""

    cluster: str

    def run(self) -> Path:
        return asyncio.run(self._run())

    async def _run(self) -> Path:
        from lkdiag.shard.cluster import Cluster

        async with Cluster(self.cluster) as cluster:
            nodes = await cluster.nodes()
        of = len(nodes) if self._trials is None else min(len(nodes), self._trials)
        self._say(f"Project {nodes[0].host}, credentials of the {of} workers at {self.cluster}")
        return await replace(self, merged={"of": of})._record(None, nodes[0].host)

    async def _carry_out(self, recording: Recording, binary: ServerBinary | None, stop: asyncio.Event) -> None:
        from lkdiag.shard.cluster import Cluster

        assert binary is None
        assert self.merged is not None
        of = int(self.merged["of"])
        async with Cluster(self.cluster) as cluster:
            nodes = await cluster.nodes()
            if len(nodes) < of:
                raise LkdiagError(f"of {of} workers only {len(nodes)} are left", "nothing was run: try again")
            recording.recorder.record(ShardsStarted(of=of))
            work = list(zip(self._requests(recording, of), nodes[:of], strict=True))
            lost = await cluster.run(recording.run_id, work, recording.folder / SHARDS, stop, self._say)
        if lost and self.credentials is not None and self.credentials.host == nodes[0].host:
            await self._clean_up(recording, self.credentials)
        elif lost:
            say(f"note: rooms of lost shards may be left: lkdiag sweep --run {recording.run_id} --delete")
        self._merge(recording, lost)

    @property
    def _trials(self) -> int | None:
        """Trials of the subject; more workers than that would be idle. None where a time is set instead."""
        scenario = self.script.settings
        assert isinstance(scenario, DispatchScenario)
        return scenario.count if scenario.duration_s is None else None
