"""Tests have the signals and the environment that they rely on, whatever the shell that started them is like."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
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


SHELL = f"""\
trap '' HUP INT TERM
umask 077
export LC_ALL=C TZ=Asia/Kathmandu LIVEKIT_URL=wss://x.livekit.cloud LKDIAG_TIMEOUT=1 NO_COLOR=1 FORCE_COLOR=1 COLUMNS=20
"{sys.executable}" -m pytest -q -p no:cacheprovider "{__file__}" -k "none_is or that_a_test or environment"
"""


def test_the_environment_is_the_tests_own() -> None:
    text = "import os, time; print(os.umask(0o022) == 0o022, time.tzname[0], *sorted(os.environ))"
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split()
    assert told[:2] == ["True", "UTC"]
    assert not [name for name in told if name.startswith(("LIVEKIT_", "LC_")) or name in ("NO_COLOR", "LKDIAG_TIMEOUT")]
    assert (os.environ["LANG"], time.tzname[0]) == ("C.UTF-8", "UTC")


def test_so_it_is_where_the_shell_s_is_another() -> None:
    """pytest, started as nohup in the background starts it, in a land far away, runs the tests above."""
    done = subprocess.run(["sh", "-c", SHELL], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
