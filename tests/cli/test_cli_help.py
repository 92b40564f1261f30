"""Help and version: cheap, and without anything of LiveKit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lkdiag import __version__

if TYPE_CHECKING:
    from .user import User

MODULES = """\
import json, sys
from lkdiag.__main__ import main
try:
    main()
finally:
    sys.stderr.write(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
HEAVY = {"prometheus_client", "livekit", "aiohttp", "google", "yaml", "dotenv", "jwt"}


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["dispatch-trial", "--help"],
        ["transfer-teardown", "--help"],
        ["canary", "--help"],
        ["report", "-h"],
        ["sweep", "-h"],
    ],
    ids=" ".join,
)
async def test_help_loads_nothing_heavy(words: list[str], user: User) -> None:
    async with user.running(*words, python=("-c", MODULES)) as running:
        done = await running.wait()
    assert done.code == 0
    assert done.stdout
    assert HEAVY.isdisjoint(json.loads(done.stderr))


async def test_version(user: User) -> None:
    done = await user.run("--version")
    assert (done.code, done.stdout, done.stderr) == (0, f"lkdiag {__version__}\n", "")


async def test_without_a_command_it_helps_and_does_not_pass(user: User) -> None:
    done = await user.run()
    assert (done.code, done.stdout) == (2, "")
    assert "dispatch-trial" in done.stderr


async def test_help_names_every_option_once_and_the_exit_codes(user: User) -> None:
    done = await user.run("--help", environ={"COLUMNS": "120"})
    assert "130 interrupted" in done.stdout
    done = await user.run("dispatch-trial", "--help", environ={"COLUMNS": "120"})
    for option in ("--count", "--agent-name", "--local", "--fault", "--format", "--runs-dir"):
        assert option in done.stdout
