"""A failed test is tried again only on a real server, where the machine was busy by measure, and only so often."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FAILING = """\
import os
import time
from pathlib import Path
from unittest.mock import Mock
import pytest
from tests import machine

TRIED = Path(__file__).with_name("tried")
machine.psutil = Mock(cpu_times=tuple, cpu_count=int)  # nothing is stolen
machine.PRESSURE = TRIED.with_name(f"pressure-{os.getpid()}")

def fail(*, busy):
    if busy:
        machine.PRESSURE.write_text(f"some avg10=0.00 avg60=0.00 avg300=0.00 total={time.monotonic_ns()}")
    assert not "a failure"

@pytest.fixture(autouse=True)
def _note(request):
    with TRIED.open("a") as file:
        file.write(f"{request.node.originalname}\\n")

@pytest.mark.server
def test_on_a_busy_machine(): fail(busy=True)

@pytest.mark.server
def test_on_a_quiet_machine(): fail(busy=False)

@pytest.mark.server
def test_that_says_so(): raise AssertionError("inconclusive")

@pytest.mark.server
def test_that_stood_still(tmp_path):
    (tmp_path / "journal.jsonl").write_text('{"kind":"lkdiag.stalled"}')
    fail(busy=False)

@pytest.mark.server
@pytest.mark.strained
def test_that_strains_lkdiag(): fail(busy=True)

def test_without_a_server(): fail(busy=True)

@pytest.mark.server
@pytest.mark.parametrize("number", range({many}))
def test_many(number): fail(busy=True)
"""


def tries(tmp_path: Path, many: int, *words: str) -> dict[str, int]:
    """How often each of those tests was tried."""
    (tmp_path / "test_failing.py").write_text(FAILING.replace("{many}", str(many)))
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "pyproject.toml", "-p", "no:cacheprovider"]
    subprocess.run([*command, *words, str(tmp_path)], capture_output=True, check=False, cwd=ROOT)
    return dict(Counter((tmp_path / "tried").read_text().split()))


def test_who_is_tried_again(tmp_path: Path) -> None:
    assert tries(tmp_path, 0) == {
        "test_on_a_busy_machine": 3,
        "test_on_a_quiet_machine": 1,
        "test_that_says_so": 3,
        "test_that_stood_still": 3,
        "test_that_strains_lkdiag": 1,
        "test_without_a_server": 1,
    }


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["one at a time", "several at a time"])
def test_not_more_than_eight_times_in_all(words: tuple[str, ...], tmp_path: Path) -> None:
    assert tries(tmp_path, 12, *words, "-k", "test_many") == {"test_many": 12 + 8}
