"""What lkdiag starts learns no secret: neither a server, a guard or a tool, nor a process of lkdiag's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from .user import MARK

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.server.binary import ServerBinary

    from .user import User

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

OWN_CHILDREN = {"shard-runner", "lkdiag.run.call_participants"}
SECRET = {
    "LIVEKIT_URL": f"ws://{MARK.lower()}.test:1",
    "LIVEKIT_API_KEY": f"{MARK}key",
    "LIVEKIT_API_SECRET": f"{MARK}secret",
    "OPENAI_API_KEY": f"{MARK}openai",
    "AWS_SECRET_ACCESS_KEY": f"{MARK}aws",
    "DATABASE_URL": f"postgres://user:{MARK}@db.test/x",
    "SMTP_PASS": f"{MARK}smtp",
}
PLAIN = {"HTTPS_PROXY": "http://user:pw@proxy.test:1", "GOFLAGS": "-v", "PWD": "/tmp", "HOME_OF": "/tmp"}


def environ_of(pid: int | str) -> str:
    with open(f"/proc/{pid}/environ", "rb") as file:
        return file.read().decode(errors="replace").replace("\0", "\n")


def a_tool(path: Path, then: str) -> None:
    """A program that writes down its own environment, and that of the guard if it was the guard who started it."""
    seen = path.parent / "seen"
    seen.mkdir(exist_ok=True)
    path.write_text(
        f'#!/bin/sh\ncat /proc/$$/environ > "{seen}/{path.name}.$$"\n'
        f'if grep -q guard.py /proc/$PPID/cmdline; then cat /proc/$PPID/environ > "{seen}/guard.$$"; fi\n{then}\n'
    )
    path.chmod(0o755)


@pytest.mark.server
async def test_servers_and_tools_get_nothing(user: User, server_binary: ServerBinary, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    a_tool(tools / "livekit-server", f'exec "{server_binary.path}" "$@"')
    for name in ("uname", "lsb_release", "go", "npm"):
        a_tool(tools / name, "exit 1")
    path = {"PATH": f"{tools}:{os.environ['PATH']}", "LKDIAG_SERVER_BINARY": str(tools / "livekit-server")}
    done = await user.run("dispatch-trial", "--local", "-n", "1", "--warmup", "0", environ={**SECRET, **PLAIN, **path})
    assert done.code == 0, done.stderr
    seen = {file.name: file.read_text(errors="replace") for file in (tools / "seen").iterdir()}
    assert len([name for name in seen if name.startswith("livekit-server")]) == 2, "asked for its version, and started"
    assert any(name.startswith("guard") for name in seen)
    assert [name for name, text in seen.items() if MARK in text] == []


@pytest.mark.server
@pytest.mark.parametrize(
    "words",
    [
        ["dispatch-trial", "-n", "2", "--warmup", "0", "--processes", "2", "--gap", "1h"],
        ["transfer-teardown", "--count", "1", "--agent-exit", "crashed"],
    ],
    ids=["--processes", "participants"],
)
async def test_own_processes_get_what_they_need_through_a_pipe(words: list[str], owner: User) -> None:
    environ = {name: value for name, value in SECRET.items() if not name.startswith("LIVEKIT")}
    seen: set[str] = set()
    async with owner.running(*words, environ=environ) as running:
        me = psutil.Process(running.process.pid)
        while running.process.returncode is None and not seen:
            for child in me.children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError):  # it has ended
                    # until it is another program a child has the memory of its parent
                    if OWN_CHILDREN & set(child.cmdline()):
                        seen.add(environ_of(child.pid))
            await asyncio.sleep(0.01)
        running.signal(signal.SIGINT)
        await running.wait()
    assert seen
    for text in seen:
        assert not [secret for secret in (*owner.secrets, *owner.environ.values()) if secret in text]


def test_what_is_withdrawn_is_found_all_the_same(tmp_path: Path) -> None:
    program = (
        "import json, os, subprocess, sys\n"
        "from lkdiag import settings\n"
        "settings.withdraw_secrets()\n"
        "show = [sys.executable, '-c', 'import json, os; print(json.dumps(dict(os.environ)))']\n"
        "child = json.loads(subprocess.check_output(show))\n"
        "found = settings.load(settings.CredentialFlags())\n"
        "print(json.dumps([child, found.api_secret]))\n"
    )
    given = {**os.environ, **SECRET, **PLAIN}
    said = subprocess.check_output([sys.executable, "-c", program], env=given, cwd=tmp_path, text=True)
    child, secret = json.loads(said)
    assert secret == SECRET["LIVEKIT_API_SECRET"]
    assert not SECRET.keys() & child.keys()
    assert PLAIN.items() <= child.items()
