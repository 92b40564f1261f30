"""`lkdiag compare` as a user meets it: runs by id, folder and file, formats, refusals, codes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from lkdiag.cli import compare as command
from lkdiag.cli.command import flat
from lkdiag.errors import LkdiagError, UsageError

from .runs import JOURNALS

if TYPE_CHECKING:
    from pathlib import Path

GHOST, HONEST = "20261121-041854-10df", "20260101-000000-abcd"


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, with two runs of theirs."""
    for run, name in ((GHOST, "ghost"), (HONEST, "honest")):
        (tmp_path / "runs" / run).mkdir(parents=True)
        shutil.copy(JOURNALS / f"{name}.jsonl", tmp_path / "runs" / run / "journal.jsonl")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("LKDIAG_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "cwd"


def compare(*words: str) -> tuple[int, str, str]:
    """Its code, and what it says on stdout and on stderr; raises what it refuses with."""
    app = typer.Typer()
    app.command()(flat(command.compare))
    done = CliRunner().invoke(app, list(words))
    if isinstance(done.exception, LkdiagError):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("how", ["id", "beginning", "folder", "file"])
def test_runs_are_named_as_for_report(how: str, cwd: Path) -> None:
    folder = cwd.parent / "runs" / GHOST
    named = {"id": GHOST, "beginning": GHOST[:12], "folder": str(folder), "file": str(folder / "journal.jsonl")}[how]
    code, shown, noted = compare(HONEST, named)
    assert code == 3, "of two trials and one nothing can be told"
    assert shown.startswith("lkdiag compare\n")
    assert noted == ""


def test_suffix_says_the_format(cwd: Path) -> None:
    code, shown, noted = compare(HONEST, GHOST, "-o", "c.json")
    assert (code, shown) == (3, "")
    assert noted == "Too few trials to tell anything. Comparison: c.json\n"
    assert json.loads((cwd / "c.json").read_text())["schema"] == "lkdiag.compare/1"
    compare(HONEST, GHOST, "-o", "c.md")
    assert (cwd / "c.md").read_text().startswith("## lkdiag compare: ")
    assert json.loads(compare(HONEST, GHOST, "-f", "json")[1])["kind"] == "dispatch"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([HONEST, "nope"], "there is no run 'nope'"),
        (["2026", GHOST], "begins the names of 2 runs"),
        ([HONEST, GHOST, "-o", "no/where.md"], "there is no folder no"),
        ([HONEST, GHOST, "-o", "/dev/full"], "No space left on device"),
    ],
)
def test_refusals(words: list[str], error: str, cwd: Path) -> None:
    with pytest.raises(UsageError, match=error):
        compare(*words)
    assert list(cwd.iterdir()) == []


def test_a_journal_that_is_none(cwd: Path) -> None:
    (cwd / "x.jsonl").write_text("Dear diary\n")
    with pytest.raises(UsageError, match="is not a journal"):
        compare(HONEST, "x.jsonl")


@pytest.mark.usefixtures("cwd")
def test_run_that_was_cut_off_is_noted(cwd: Path) -> None:
    with (cwd.parent / "runs" / GHOST / "journal.jsonl").open("a") as file:
        file.write('{"seq": 99')
    _, shown, noted = compare(HONEST, GHOST)
    assert noted.startswith("note: B: the journal's last line")
    assert shown
