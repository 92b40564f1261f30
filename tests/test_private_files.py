"""Folders and files that are their owner's alone, whatever the umask says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkdiag.journal.file import JournalWriter
from lkdiag.private_files import make_private_folder, open_private

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[0, 0o022, 0o277, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """The process's, for one test; `tmp_path` was made before it."""
    assert tmp_path.is_dir()
    before = os.umask(request.param)
    try:
        yield request.param
    finally:
        os.umask(before)


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o7777)


@pytest.mark.usefixtures("umask")
def test_a_run_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lkdiag" / "runs" / "run" / "journal.jsonl"
    with JournalWriter(path):
        assert mode(path) == "0o600"
    for depth in range(4):
        assert mode(path.parents[depth]) == "0o700"


@pytest.mark.usefixtures("umask")
def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path)
    make_private_folder(tmp_path / "run")
    assert (mode(tmp_path), mode(tmp_path / "run")) == ("0o755", "0o700")


@pytest.mark.usefixtures("umask")
def test_a_file_that_was_open_to_others_is_not_any_more(tmp_path: Path) -> None:
    path = tmp_path / "old.log"
    path.write_text("old")
    path.chmod(0o666)
    with os.fdopen(open_private(path, os.O_TRUNC), "w") as file:
        file.write("new")
    assert (mode(path), path.read_bytes()) == ("0o600", b"new")


@pytest.mark.usefixtures("umask")
def test_a_device_keeps_its_permissions() -> None:
    before = os.stat(os.devnull).st_mode
    os.close(open_private(Path(os.devnull), os.O_TRUNC))
    assert os.stat(os.devnull).st_mode == before


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_private_folder(tmp_path / "file" / "run")
