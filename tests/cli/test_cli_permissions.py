"""Whatever the umask: a run is its owner's alone, and a report is as every file of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .user import User

WITH_UMASK = """\
import os, sys
os.umask(int(sys.argv.pop(1), 8))
from lkdiag.__main__ import main
main()
"""
TRIAL = ("dispatch-trial", "--local", "-n", "2", "--warmup", "0", "--quiet")


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


@pytest.mark.server
@pytest.mark.usefixtures("own_binary")
@pytest.mark.parametrize("umask", ["0", "277"])
@pytest.mark.parametrize(
    "words",
    [
        [*TRIAL],
        [*TRIAL, "--processes", "2"],
        ["canary", "--local", "--max-trials", "1", "--listen", "127.0.0.1:0", "-q"],
    ],
    ids=["dispatch-trial", "--processes", "canary"],
)
async def test_a_run_is_its_owners_alone(words: list[str], umask: str, user: User) -> None:
    report = user.cwd / "report.md"
    more = [] if words[0] == "canary" else ["-o", str(report)]
    async with user.running(*words, *more, python=("-c", WITH_UMASK, umask)) as running:
        done = await running.wait()
    assert done.code == 0, done.stderr
    found = modes(user.runs)
    assert {name.rpartition("/")[2] for name in found} >= {"journal.jsonl", "livekit-server.log"}
    for name, mode in found.items():
        assert oct(mode) == ("0o700" if (user.runs / name).is_dir() else "0o600"), name
    if more:
        assert report.stat().st_mode & 0o777 == 0o666 & ~int(umask, 8)
        async with user.running("bundle", "--last", "-o", "x.zip", python=("-c", WITH_UMASK, umask)) as running:
            assert (await running.wait()).code == 0
        assert oct((user.cwd / "x.zip").stat().st_mode & 0o777) == "0o600"
