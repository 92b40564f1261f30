"""Judging asks nobody: no clock, no network, no randomness, no environment, no LiveKit, no asyncio."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

JOURNALS = Path(__file__).parents[1] / "journals"

SCRIPT = """
import sys
from pathlib import Path

from lkdiag.journal.file import read_journal
import lkdiag.judge.tables
import lkdiag.report.build
import lkdiag.report.redact

for name in ("asyncio", "livekit", "aiohttp", "rich", "typer"):
    assert name not in sys.modules, name + " is imported for judging"

journals = [read_journal(Path(path)) for path in sys.argv[1:]]

import builtins, os, random, socket, time

def refuse(*_, **__):
    raise AssertionError("judging is pure")

for module, names in (
    (time, ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep", "localtime")),
    (socket, ("socket", "create_connection", "getaddrinfo")),
    (random, ("random", "randint", "choice", "Random")),
    (os, ("getenv", "urandom", "open", "listdir")),
    (builtins, ("open", "input")),
):
    for name in names:
        setattr(module, name, refuse)
os.environ.clear()

for journal in journals:
    first = lkdiag.report.build.build_report(journal.events)
    assert lkdiag.report.redact.redact(first).verdict == first.verdict
    assert lkdiag.report.build.build_report(journal.events) == first
"""


def test_judging_a_journal_asks_nobody() -> None:
    journals = sorted(str(path) for path in JOURNALS.glob("*.jsonl"))
    assert journals
    done = subprocess.run([sys.executable, "-c", SCRIPT, *journals], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
