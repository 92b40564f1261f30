"""A signal in the moment in which the journal has been opened, and nothing was begun yet."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import contextlib, os, signal, sys
from lkdiag.cli import session, watch_run

def interrupted(module):
    record_run = module.record_run

    @contextlib.contextmanager
    def record_and_interrupt(*arguments, **options):
        with record_run(*arguments, **options) as recording:
            os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
            yield recording

    module.record_run = record_and_interrupt

interrupted(session)
interrupted(watch_run)
from lkdiag.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [(["dispatch-trial"], 130, "run.interrupted"), (["watch", "--prefix", "a"], 3, "watch.stopped")],
    ids=["trials", "watch"],
)
def test_it_ends_at_once_in_good_order(tmp_path: Path, name: str, arguments: list[str], code: int, kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments, "--url", "ws://127.0.0.1:1", "--api-key", "key", "--api-secret",
         "s" * 40, "--format", "json", "--runs-dir", str(tmp_path / "runs")],
        env={"SIGNAL": name, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False, timeout=DEADLINE_S, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["trials"] == []
    (journal,) = (tmp_path / "runs").glob("*/journal.jsonl")
    kinds = [json.loads(line)["kind"] for line in journal.read_text("utf-8").splitlines()]
    assert [one for one in kinds if one != "api.called"] == ["run.started", "scenario.read", kind, "run.finished"]
