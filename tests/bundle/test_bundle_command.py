"""`lkdiag bundle` as a user meets it: whole outputs, refusals, ugly files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lkdiag.cli import bundle as command
from lkdiag.cli.command import flat
from lkdiag.errors import LkdiagError, UsageError

from . import planted

RUN = "20261121-041854-10df"
ZIP = f"lkdiag-{RUN}.zip"


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, with one run of theirs and no credentials."""
    run = tmp_path / "runs" / RUN
    run.mkdir(parents=True)
    (run / "journal.jsonl").write_text(planted.journal())
    (run / "livekit-server.log").write_text(planted.server_log())
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LKDIAG_RUNS_DIR", str(tmp_path / "runs"))
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cwd"


def bundle(*words: str) -> tuple[str, str]:
    """What it says on stdout and on stderr; raises what it refuses with."""
    import typer

    app = typer.Typer()
    app.command()(flat(command.bundle))
    done = CliRunner().invoke(app, list(words))
    if isinstance(done.exception, LkdiagError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_it_says_what_is_inside(cwd: Path) -> None:
    shown, said = bundle("--last")
    lines = shown.splitlines()
    assert lines[0] == f"lkdiag bundle  run {RUN}"
    names = [line.split()[0] for line in lines[3 : lines.index("")]]
    with zipfile.ZipFile(cwd / ZIP) as file:
        assert [name.partition("/")[2] for name in file.namelist()] == names
    assert {"manifest.json", "journal.jsonl", "report.md", "environment.json", "livekit-server.log"} <= set(names)
    about = dict(line.strip().split("  ", 1) for line in lines[lines.index("") + 1 :])
    assert about["masked"].strip() == (
        "1 API key, 1 home folder, 1 project host, 1 public IP address, 1 mail address, 3 metadata or texts of calls, "
        "2 identities, 1 phone number"
    )
    assert about["never in it"] == "secrets and tokens"
    assert about["bundle"].strip().startswith(f"{ZIP}, ")
    assert said == "Look into it before you share it: unzip, and read what is there.\n"


def test_dry_run_writes_nothing(cwd: Path) -> None:
    shown, said = bundle(RUN, "--dry-run")
    assert "nothing is written" in shown
    assert said == ""
    assert list(cwd.iterdir()) == []
    (cwd / ZIP).write_text("mine")
    assert "nothing is written" in bundle(RUN, "--dry-run")[0]


def test_full_says_so(cwd: Path) -> None:
    assert "nothing (--full)" in bundle("--last", "--full")[0]
    with zipfile.ZipFile(cwd / ZIP) as file:
        assert planted.PHONE in file.read(f"lkdiag-{RUN}/journal.jsonl").decode()


def test_nothing_is_overwritten_unasked(cwd: Path) -> None:
    (cwd / ZIP).write_text("mine")
    with pytest.raises(UsageError, match="is there already") as refusal:
        bundle("--last")
    assert "--force" in refusal.value.hint
    assert (cwd / ZIP).read_text() == "mine"
    bundle("--last", "--force")
    assert zipfile.is_zipfile(cwd / ZIP)
    (cwd / "dangling.zip").symlink_to("nowhere")
    with pytest.raises(UsageError, match="is there already"):
        bundle("--last", "-o", "dangling.zip")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "name a RUN, or --last"),
        ([RUN, "--last"], "name a RUN, or --last"),
        (["nope"], "there is no run 'nope'"),
        ([RUN, "-o", "."], "is a folder"),
        ([RUN, "-o", "no/where.zip"], "there is no folder no"),
        ([RUN, "-o", "x" * 300], "can't be written"),
        ([RUN, "-o", "/dev/full", "--force"], "No space left on device"),
        ([RUN, "--worker-log", "nope.log"], "there is no worker's log nope.log"),
    ],
)
def test_refusals(words: list[str], error: str, cwd: Path) -> None:
    with pytest.raises(UsageError, match=error):
        bundle(*words)
    assert list(cwd.iterdir()) == []
    assert Path("/dev/full").exists()


@pytest.mark.parametrize("name", [RUN[:15], "folder", "file"])
def test_run_as_in_report(name: str, cwd: Path) -> None:
    folder = cwd.parent / "runs" / RUN
    bundle({"folder": str(folder), "file": str(folder / "journal.jsonl")}.get(name, name), "-o", "x.zip")
    assert zipfile.is_zipfile(cwd / "x.zip")


def test_a_run_id_can_not_lead_out_of_the_folder(cwd: Path) -> None:
    journal = cwd / "journal.jsonl"
    journal.write_text(planted.journal().replace(f'"run_id": "{RUN}"', '"run_id": "../../evil"'))
    bundle(str(journal))
    (made,) = cwd.glob("*.zip")
    assert made.name == "lkdiag-______evil.zip"
    with zipfile.ZipFile(made) as file:
        assert all(name.startswith("lkdiag-______evil/") for name in file.namelist())


def test_the_users_own_secret_is_in_no_file(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may look like nothing: it is known from where credentials are."""
    secret = "correct-horse-battery"
    (cwd.parent / "runs" / RUN / "livekit-server.log").write_text(f"signed by {secret}\n")
    monkeypatch.setenv("LIVEKIT_URL", f"wss://{planted.HOST}")
    monkeypatch.setenv("LIVEKIT_API_KEY", planted.API_KEY)
    monkeypatch.setenv("LIVEKIT_API_SECRET", secret)
    bundle("--last", "--full")
    with zipfile.ZipFile(cwd / ZIP) as file:
        assert file.read(f"lkdiag-{RUN}/livekit-server.log") == b"signed by ***\n"
