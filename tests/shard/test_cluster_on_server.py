"""`--cluster`: a real Dask scheduler with two worker processes, and a real livekit-server."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from .conftest import wait_begun
from .dask import dask

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Owner

PLAYED = ("dispatch-trial", "--warmup", "0", "-f", "json")
SLOWLY = ("--gap", "500ms", "--settle", "2s")
"""A server lists its first jobs 5 s late: the others have begun too before any first trial has ended."""


@pytest.mark.server
async def test_each_worker_plays_its_share_and_nobody_a_lost_one_s(owner: Owner, tmp_path: Path) -> None:
    project = dict(owner.user.environ)
    async with dask(tmp_path / "dask", [project, project]) as cluster:
        played = (*PLAYED, "--cluster", cluster.address)
        # with the credentials of the workers alone
        owner.user.environ.clear()
        done = await owner.user.run(*played, "-n", "2", "--settle", "0s")
        assert done.code == 0, done.stderr
        assert [trial["index"] for trial in done.report["trials"]] == [1, 2]
        assert done.report["summary"]["outcomes"]["delivered"] == 2
        assert not await owner.rooms()
        assert owner.server.api_secret not in cluster.logs()

        # the same workers, interrupted: each ends its shard, and returns its journal
        async with owner.user.running(*played, *SLOWLY, "-n", "40") as running:
            await wait_begun(cluster.root, 2)
            running.signal(signal.SIGINT)
            done = await running.wait()
        assert done.code == 130
        assert done.report["run"]["interrupted"]
        assert 1 < done.report["summary"]["trials"] < 40
        assert done.report["summary"]["outcomes"]["dropped"] == 0
        assert not await owner.rooms()

        # and one of them killed: what it played is missing
        owner.user.environ.update(project)
        async with owner.user.running(*played, *SLOWLY, "-n", "4") as running:
            await wait_begun(cluster.root, 2)
            cluster.workers[1].kill()
            done = await running.wait()
    report = done.report
    assert done.code == 3, done.stderr
    assert report["summary"]["missing"] == 2
    assert report["summary"]["outcomes"]["delivered"] == 2
    assert report["summary"]["outcomes"]["dropped"] == 0
    assert len({trial["index"] % 2 for trial in report["trials"]}) == 1, "of one shard only"
    finding = next(finding for finding in report["findings"] if finding["check"] == "missing-trials")
    assert "was lost" in finding["fact"]
    assert await owner.rooms_gone()
