"""Where lkdiag itself crashes: one clear line, and never the exit code of a pass, of a finding or of wrong usage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkdiag.cli.messages import Shield
from lkdiag.journal.file import read_journal
from lkdiag.journal.recorder import Recorder

if TYPE_CHECKING:
    from lkdiag.journal.event import Event

    from .user import Finished, User

JOURNALS = Path(__file__).parents[1] / "journals"
HONEST = JOURNALS / "honest.jsonl"
GHOST = JOURNALS / "ghost.jsonl"
CRASH = "def crash(*_, **__): raise KeyError('role')\n"
START = "from lkdiag.__main__ import main\nmain()\n"


async def run(user: User, patch: str, *arguments: str) -> Finished:
    """lkdiag, after that was done to it. `crash` is a function that fails."""
    return await user.run(*arguments, python=("-c", f"{CRASH}{patch}\n{START}"))


def refused(done: Finished) -> tuple[str, str]:
    assert done.code == 4, done.stderr
    assert "Traceback" not in done.stderr
    (error,), (hint,) = done.said("error"), done.said("hint")
    return error, hint


# -- the report --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["terminal", "markdown", "html", "svg", "junit"])
@pytest.mark.parametrize("journal", [HONEST, GHOST], ids=lambda path: path.stem)
async def test_a_renderer_that_crashes(format_: str, journal: Path, user: User) -> None:
    patch = f"import lkdiag.render as r\nr.FORMATS = {{**r.FORMATS, {format_!r}: crash}}"
    error, hint = refused(await run(user, patch, "report", str(journal), "--format", format_))
    assert f"while it wrote the report as {format_}" in error
    assert "KeyError: 'role'" in error
    assert "--format json" in hint
    assert "lkdiag bundle" in hint
    still = await run(user, patch, "report", str(journal), "--format", "json")
    assert (still.code, still.report["verdict"]) == ((0, "pass") if journal == HONEST else (1, "fail"))


async def test_a_renderer_that_crashes_into_a_file(user: User) -> None:
    patch = "import lkdiag.render as r\nr.FORMATS = {**r.FORMATS, 'html': crash}"
    error, _ = refused(await run(user, patch, "report", str(HONEST), "-o", "report.html"))
    assert "not complete" in error


async def test_the_json_renderer_crashes(user: User) -> None:
    patch = "import lkdiag.render as r\nr.FORMATS = {**r.FORMATS, 'json': crash}"
    _, hint = refused(await run(user, patch, "report", str(HONEST), "--format", "json"))
    assert "--format json" not in hint


async def test_a_check_that_crashes_costs_nothing_but_itself(user: User) -> None:
    patch = "import lkdiag.report.dispatch as d\nd.TRIAL_CHECKS = (*d.TRIAL_CHECKS, crash)"
    honest, ghost = [await run(user, patch, "report", str(path), "--format", "json") for path in (HONEST, GHOST)]
    assert (honest.code, honest.report["verdict"]) == (3, "inconclusive")
    assert (ghost.code, ghost.report["verdict"]) == (1, "fail")
    for done in (honest, ghost):
        assert "check-crashed" in [finding["check"] for finding in done.report["findings"]]
    assert (await run(user, patch, "explain", "check-crashed")).code == 0


async def test_a_run_that_can_not_be_judged(user: User) -> None:
    patch = "import lkdiag.report.dispatch as d\nd.read_first = crash"
    error, hint = refused(await run(user, patch, "report", str(HONEST)))
    assert f"{HONEST} can't be judged: KeyError: 'role'" in error
    assert "journal attached" in hint
    error, _ = refused(await run(user, patch, "compare", str(HONEST), str(GHOST)))
    assert "can't be judged" in error


async def test_a_threshold_that_crashes_can_not_be_told(user: User) -> None:
    patch = (
        "import dataclasses, lkdiag.report.metric as m\n"
        "m.DISPATCH['p95_ms'] = dataclasses.replace(m.DISPATCH['p95_ms'], measure=crash)"
    )
    words = ("--format", "json", "--fail-if", "p95_ms>2000", "--fail-if", "trials<1")
    done = await run(user, patch, "report", str(HONEST), *words)
    assert (done.code, done.report["verdict"]) == (3, "inconclusive")
    assert [threshold["ok"] for threshold in done.report["thresholds"]] == [None, True]
    assert "the metric p95_ms" in str(done.report["findings"])


async def test_a_bundle_without_the_format_that_crashes(user: User) -> None:
    patch = "import lkdiag.bundle as c\nc.FORMATS = {**c.FORMATS, 'html': crash}"
    done = await run(user, patch, "bundle", str(HONEST), "-o", "b.zip")
    assert done.code == 0
    assert "report.md" in done.stdout
    assert "report.html" not in done.stdout
    assert any("no report as html" in note for note in done.said("note"))


# -- the process -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", ["KeyError('x')", "asyncio.CancelledError()", "SystemExit(1)", "SystemExit(0)", "GeneratorExit()"]
)
async def test_whatever_is_raised(error: str, user: User) -> None:
    """Some of these are no `Exception`: Python's own exit code for them would be a finding's, or a pass's."""
    patch = f"import asyncio, lkdiag.journal.file\ndef fail(*_): raise {error}\nlkdiag.journal.file.find_journal = fail"
    told, hint = refused(await run(user, patch, "report", "x"))
    assert told.startswith("lkdiag failed: ")
    assert "please report it" in hint


async def test_an_installation_that_is_not_whole(user: User) -> None:
    patch = "import sys\nsys.modules['typer'] = None"
    error, hint = refused(await run(user, patch, "report", str(HONEST)))
    assert error.startswith("lkdiag can't begin: ModuleNotFoundError")
    assert "install it anew" in hint


@pytest.mark.parametrize("words", ["--help", "report --help", "explain", "scenarios", f"report {HONEST}"])
async def test_a_reader_that_has_enough(words: str, user: User) -> None:
    """That is no finding, and no crash."""
    done = await user.shell(f"set -o pipefail; {{ lkdiag {words}; echo $? >&3; }} 3> code | exec true")
    assert (user.cwd / "code").read_text() == "0\n"
    assert done.stderr == ""


@pytest.mark.parametrize("words", ["--version", "--help", "explain", "scenarios", "scenarios schema"])
async def test_a_full_disk_is_no_fault_of_lkdiags_own(words: str, user: User) -> None:
    done = await user.shell(f"lkdiag {words} > /dev/full")
    error, _ = done.refusal(2)
    assert "No space left on device" in error


# -- what only shows a run ---------------------------------------------------------------------------------------------


def events() -> list[Event]:
    return list(read_journal(HONEST).events)


def test_a_watcher_that_crashes_is_told_once_and_reaches_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    written: list[Event] = []
    shown: list[Event] = []

    def crash(event: Event) -> None:
        raise KeyError(event.kind)

    shield = Shield()
    watchers = (shield.around(crash), shield.around(shown.append))
    recorder = Recorder(written.append, *watchers, wall_ns=lambda: 0, mono_ns=lambda: 0)
    shield.recorder = recorder
    for event in events():
        recorder.record(event.row, event.trial)
    kinds = [event.kind for event in written]
    assert kinds.count("watcher.crashed") == 1
    assert [event.seq for event in written] == list(range(len(events()) + 1))
    assert {event.seq for event in shown} == {event.seq for event in written}
    (crashed,) = (event for event in written if event.kind == "watcher.crashed")
    assert crashed.data == {"error": crashed.data["error"]}
    assert crashed.data["error"].startswith("KeyError in lkdiag/")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "lkdiag itself failed while it showed the run" in said[0]


@pytest.mark.server
@pytest.mark.parametrize(
    "patch",
    [
        "import lkdiag.cli.tally as t\nt.DispatchTally._judge = crash",
        "import lkdiag.judge.live as j\nj.TrialVerdict.of = crash",
    ],
    ids=["itself", "its judge"],
)
async def test_a_tally_that_crashes_does_not_reach_the_trials(
    patch: str,
    user: User,
    own_binary: Path,  # noqa: ARG001
) -> None:
    words = ("dispatch-trial", "--local", "-n", "2", "--warmup", "0", "--settle", "1", "--format", "json")
    done = await run(user, patch, *words)
    assert done.code == 0, done.stderr
    assert [trial["outcome"] for trial in done.report["trials"]] == ["delivered", "delivered"]
    assert len([line for line in done.stderr.splitlines() if "itself failed" in line]) == 1
    assert [event["kind"] for event in user.events()].count("watcher.crashed") == 1


@pytest.mark.server
@pytest.mark.parametrize("command", ["sweep", "doctor"])
async def test_a_line_that_crashes_does_not_reach_what_it_tells_of(command: str, owner: User) -> None:
    done = await run(owner, "import lkdiag.cli.messages as a\na.away_line = crash", command)
    assert done.code == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if "itself failed" in line]) == 1


@pytest.mark.server
async def test_a_canary_whose_judging_crashes_goes_on(user: User, own_binary: Path) -> None:  # noqa: ARG001
    patch = "import lkdiag.judge.live as j\nj.TrialVerdict.of = crash"
    words = ("canary", "--local", "--every", "1s", "--max-trials", "2", "--listen", "127.0.0.1:0")
    done = await run(user, patch, *words)
    assert done.code == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if " trial run=" in line]
    assert len(lines) == 2
    assert all("outcome=inconclusive" in line and "KeyError" in line for line in lines)
    assert len([line for line in done.stderr.splitlines() if "itself failed" in line]) == 1
    assert [event["kind"] for event in user.events()].count("watcher.crashed") == 1


@pytest.mark.parametrize("words", [["scenarios"], ["explain"], ["explain", "tls"]], ids=" ".join)
def test_a_stdout_that_is_none_is_no_wrong_usage(words: list[str]) -> None:
    """It can't be written, and neither is the disk full nor has its reader gone."""
    with Path(os.devnull).open("rb") as unwritable:
        done = subprocess.run(
            [sys.executable, "-m", "lkdiag", *words], stdout=unwritable, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 4, done.stderr
