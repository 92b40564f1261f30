"""This process's own environment, folder and home; and the cost of the import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lkdiag.errors import CredentialsError
from lkdiag.settings import CredentialFlags, load, runs_dir, server_binary

from .sources import ENV, LK_CONFIG, LOCAL, PROD, Place


def test_load_reads_environment_directory_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENV:
        monkeypatch.delenv(name, raising=False)
    Place(local=LOCAL, config=LK_CONFIG).resolve(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert load(CredentialFlags()).source == f"default {PROD}"
    monkeypatch.chdir(tmp_path / "cwd")
    assert load(CredentialFlags()).source == ".env.local"
    monkeypatch.setenv("LIVEKIT_URL", "wss://env.test")
    assert load(CredentialFlags()).url == "wss://env.test"


def test_load_in_a_deleted_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ENV:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CredentialsError, match=r"\.env\.local: no such file"):
        load(CredentialFlags())


PLACES: list[tuple[Any, str, str]] = [
    (runs_dir, "LKDIAG_RUNS_DIR", "state/lkdiag/runs"),
    (server_binary, "LKDIAG_SERVER_BINARY", ""),
]


@pytest.mark.parametrize(("place", "variable", "fallback"), PLACES)
def test_places(place: Any, variable: str, fallback: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_state_path", lambda name: tmp_path / "state" / name)
    monkeypatch.setenv(variable, "~/variable")
    assert place(Path("flag")) == Path("flag")
    assert place(Path("~/flag")) == tmp_path / "flag"
    assert place(None) == tmp_path / "variable"
    monkeypatch.setenv(variable, " ")
    assert place(None) == (tmp_path / fallback if fallback else None)


def test_import_is_light() -> None:
    code = "import sys, lkdiag.settings; print(*[m for m in ('yaml', 'dotenv', 'platformdirs') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
