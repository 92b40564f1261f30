"""A real livekit-server for the tests that are marked `server`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkdiag.server.binary import find_server
from lkdiag.server.private import PrivateServer
from tests.machine import Waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.server.binary import ServerBinary


WAITS = pytest.StashKey[Waits]()
TRIES_AGAIN = 2
"""Of a test whose machine held lkdiag up: that its verdict was no verdict says nothing about lkdiag."""


def pytest_configure() -> None:
    """Set what the tests and the processes that they start rely on, whatever the shell that started pytest is like."""
    set_signals()
    set_environment()


def set_signals() -> None:
    """Every signal as a terminal gives it.

    Under nohup SIGHUP is ignored, and in a shell's background SIGINT; a process hands that on to its children, but not
    a function of its own. So these signals go on doing nothing here.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _do_nothing)


def _do_nothing(*_: object) -> None:
    pass


FOREIGN = re.compile(
    r"LIVEKIT_.*|LKDIAG_(?!SERVER_BINARY|CHROMIUM|AXE|WRITE_GOLDEN).*|LC_.*|LANGUAGE|COLUMNS|LINES|NO_COLOR|"
    r"(FORCE|TTY|CLI)_?COLOR.*|GITHUB_ACTIONS|PYTHON(IOENCODING|OPTIMIZE|UTF8|WARNINGS)"
)
"""Variables that change what lkdiag, Python or Rich do."""


def set_environment() -> None:
    """UTF-8, UTC, the usual umask, no project, no wish about the output, and no proxy to this machine."""
    for name in [name for name in os.environ if FOREIGN.fullmatch(name)]:
        del os.environ[name]
    os.environ |= {"LANG": "C.UTF-8", "TZ": "UTC", "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    time.tzset()
    os.umask(0o022)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Every try of a test counts anew."""
    item.stash[WAITS] = Waits()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On a busy machine a run may be inconclusive, or two things come in another order: then, and only then, again."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    for item in items:
        if item.get_closest_marker("server") and not item.get_closest_marker("strained"):
            item.add_marker(pytest.mark.flaky(reruns=TRIES_AGAIN, condition=partial(was_held_up, item)))


def was_held_up(item: pytest.Item, error: BaseException | None) -> bool:
    """Whether the machine was busy during a failed test, or the test says so itself.

    It does with an inconclusive verdict in its message, or a run of its own that recorded that lkdiag stood still.
    """
    if WAITS in item.stash and item.stash[WAITS].was_busy():
        return True
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    journals = [] if folder is None else Path(folder).rglob("journal*.jsonl")
    return "inconclusive" in str(error) or any('"lkdiag.stalled"' in path.read_text("utf-8") for path in journals)


@pytest.fixture(scope="session")
def server_binary() -> ServerBinary:
    """LKDIAG_SERVER_BINARY, else what lkdiag itself would use: the first time, that may take minutes."""
    given = os.environ.get("LKDIAG_SERVER_BINARY")
    with asyncio.Runner() as runner:
        return runner.run(find_server(Path(given) if given else None, lambda _line: None))


@pytest.fixture
async def private_server(server_binary: ServerBinary, tmp_path: Path) -> AsyncIterator[PrivateServer]:
    """A private server that is ready, for one test."""
    async with PrivateServer(server_binary, tmp_path / "private-server.log") as server:
        yield server
