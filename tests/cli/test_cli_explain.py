"""`lkdiag explain`: the pages, as a user reads them."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from typing import TYPE_CHECKING

from lkdiag.pages import find_page

if TYPE_CHECKING:
    from .user import User


async def test_a_pipe_gets_the_page_as_it_is(user: User) -> None:
    done = await user.run("explain", "false-running")
    assert (done.code, done.stdout, done.stderr) == (0, find_page("false-running").text, "")


async def test_several_names_and_an_outcome(user: User) -> None:
    done = await user.run("explain", "no-worker", "error", "no-worker")
    assert done.code == 0
    assert done.stdout == f"{find_page('no-worker').text}\n{find_page('not-carried-out').text}"


async def test_without_a_name_all_are_listed(user: User) -> None:
    done = await user.run("explain")
    assert done.code == 0
    for name in ("false-running", "survivor-stranded", "no-worker", "tls", "(error)"):
        assert name in done.stdout


async def test_an_unknown_name(user: User) -> None:
    error, hint = (await user.run("explain", "false-runing")).refusal(2)
    assert error == 'there is no page "false-runing": did you mean false-running?'
    assert "lkdiag explain" in hint


async def test_a_terminal_gets_it_rendered(user: User) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lkdiag", "explain", "tls",
        env={"HOME": str(user.home), "PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "100", "LANG": "C.UTF-8"},
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=user.cwd,
    )  # fmt: skip
    os.close(theirs)
    told = await asyncio.to_thread(_read_all, ours)
    assert await process.wait() == 0
    assert "# tls" not in told
    assert "\x1b[1mWhat it means." in told


def _read_all(fd: int) -> str:
    found = b""
    try:
        while chunk := os.read(fd, 4096):
            found += chunk
    except OSError:
        pass  # the other side is closed
    os.close(fd)
    return found.decode()
