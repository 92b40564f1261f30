"""Tests have the signals that they need, whoever started them: nohup, or a shell in the background."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NUMBERS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
SHOW = "import signal; print([int(n) for n in (1, 2, 15) if signal.getsignal(n) is signal.SIG_IGN])"


@pytest.mark.parametrize("number", NUMBERS)
def test_none_is_ignored(number: signal.Signals) -> None:
    assert signal.getsignal(number) is not signal.SIG_IGN


def test_nor_is_one_in_a_process_that_a_test_starts() -> None:
    assert subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_nor_is_one_where_they_are_ignored() -> None:
    """pytest, started as nohup in the background starts it, runs the two tests above."""
    tests = f'"{sys.executable}" -m pytest -q -p no:cacheprovider "{__file__}" -k "none_is or that_a_test"'
    done = subprocess.run(
        ["sh", "-c", f"trap '' HUP INT TERM; {tests}"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
