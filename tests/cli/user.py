"""A user at a terminal: lkdiag as a process of its own, in a home and a folder of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from pathlib import Path

    from lkdiag.server.private import PrivateServer

MARK = "HUSHHUSH"
"""In every secret that the tests make up."""
JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.")


@dataclass(frozen=True)
class Finished:
    """An lkdiag that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report on its stdout."""
        parsed = json.loads(self.stdout)
        assert isinstance(parsed, dict)
        return parsed

    def said(self, word: str) -> list[str]:
        """What follows `word: ` in the lines of stderr."""
        return [line.removeprefix(f"{word}: ") for line in self.stderr.splitlines() if line.startswith(f"{word}: ")]

    def refusal(self, code: int) -> tuple[str, str]:
        """The one error and the one hint of a command that could not be carried out."""
        assert self.code == code, f"{self.code}: {self.stderr}"
        assert self.stdout == ""
        assert "Traceback" not in self.stderr
        assert "lkdiag failed" not in self.stderr
        (error,), (hint,) = self.said("error"), self.said("hint")
        assert self.stderr.splitlines()[-2:] == [f"error: {error}", f"hint: {hint}"]
        return error, hint


@dataclass
class Running:
    """An lkdiag that goes on."""

    process: asyncio.subprocess.Process
    runs: Path
    _stderr: asyncio.Task[bytes]
    _stdout: asyncio.Task[bytes]

    async def wait_event(self, kind: str, **data: Any) -> dict[str, Any]:
        """The first event of that kind, with that data, in the journal of its run; fails when it ends without one."""

        def matching() -> dict[str, Any] | None:
            return next((e for e in events(self.runs) if e["kind"] == kind and data.items() <= _flat(e).items()), None)

        async with asyncio.timeout(DEADLINE_S):
            while (found := matching()) is None:
                if self.process.returncode is not None:
                    pytest.fail(f"it ended without {kind}: {(await self._stderr).decode()}")
                await asyncio.sleep(0.01)
        return found

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def wait(self) -> Finished:
        """Wait until it has ended."""
        async with asyncio.timeout(DEADLINE_S):
            code = await self.process.wait()
            return Finished(code, (await self._stdout).decode(), (await self._stderr).decode())


def _flat(event: dict[str, Any]) -> dict[str, Any]:
    return {"trial": event.get("trial"), **event["data"]}


@dataclass
class User:
    """Home, folder, runs and environment of one user. `secrets` must turn up nowhere."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=lambda: [MARK])

    def __post_init__(self) -> None:
        for folder in (self.home, self.cwd):
            folder.mkdir()

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def cwd(self) -> Path:
        return self.root / "cwd"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def of(self, server: PrivateServer) -> User:
        """The same user, with that server's credentials in the environment."""
        self.environ |= {
            "LIVEKIT_URL": server.url,
            "LIVEKIT_API_KEY": server.api_key,
            "LIVEKIT_API_SECRET": server.api_secret,
        }
        self.secrets.append(server.api_secret)
        return self

    async def run(self, *arguments: str, environ: Mapping[str, str] | None = None, **options: Any) -> Finished:
        """Run lkdiag to its end, and look for secrets in all that it left."""
        async with self.running(*arguments, environ=environ, **options) as running:
            done = await running.wait()
        self.assert_silent(done)
        return done

    @contextlib.asynccontextmanager
    async def running(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        python: Iterable[str] = ("-m", "lkdiag"),
    ) -> AsyncIterator[Running]:
        """Start lkdiag; it is gone when the block is left. `python` are the interpreter's own arguments."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, *python, *arguments,
            env=self._environment() | self.environ | dict(environ or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.cwd,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        stderr, stdout = asyncio.create_task(process.stderr.read()), asyncio.create_task(process.stdout.read())
        try:
            yield Running(process, self.runs, stderr, stdout)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await asyncio.gather(stderr, stdout)

    async def shell(self, script: str) -> Finished:
        """Run a shell script in which `lkdiag` is lkdiag."""
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", f'lkdiag() {{ "{sys.executable}" -m lkdiag "$@"; }}\n{script}',
            env=self._environment() | self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.cwd,
        )  # fmt: skip
        async with asyncio.timeout(DEADLINE_S):
            stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, stdout.decode(), stderr.decode())

    def events(self) -> list[dict[str, Any]]:
        """The journal of the only run."""
        return list(events(self.runs))

    @property
    def run_id(self) -> str:
        """Of the only run."""
        (journal,) = self.runs.glob("*/journal.jsonl")
        return journal.parent.name

    def assert_silent(self, done: Finished) -> None:
        """No secret and no token in the output, nor in any file below the user's folders."""
        texts = {"stdout": done.stdout, "stderr": done.stderr}
        texts |= {str(path): path.read_text(errors="replace") for path in self.left()}
        for where, text in texts.items():
            assert not [secret for secret in self.secrets if secret in text], f"a secret in {where}"
            assert not JWT.search(text), f"a token in {where}"

    def left(self) -> list[Path]:
        """Every file that there is now, but for those that hold the credentials."""
        return [path for path in self.root.rglob("*") if path.is_file() and not path.name.startswith(".env")]

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "LKDIAG_RUNS_DIR": str(self.runs),
            "LANG": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
        }


def events(runs: Path) -> Iterable[dict[str, Any]]:
    """The events of the only run so far; a line that is being written is left out."""
    for journal in runs.glob("*/journal.jsonl"):
        for line in journal.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def wait_nobody_runs(path: Path) -> None:
    """Wait until no process has `path` in its command line. One that nobody has reaped yet does not count."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        listed = subprocess.run(["ps", "-eo", "stat=,args=", "-ww"], capture_output=True, text=True, check=True).stdout
        if not [line for line in listed.splitlines() if str(path) in line and not line.startswith("Z")]:
            return
        time.sleep(0.02)
    pytest.fail(f"{path} is still running")


async def wait_file(path: Path) -> None:
    """Wait until another process has made it."""
    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(path.exists):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)
