"""`lkdiag report` of whatever a user may name: nothing, something else, a run that was cut off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lkdiag.journal.file import SCHEMA
from lkdiag.scenario.dispatch import DispatchScenario

if TYPE_CHECKING:
    from pathlib import Path

    from .user import User

RUN = "20260101-000000-abcd"


def line(seq: int, kind: str, /, **data: Any) -> str:
    return json.dumps({"seq": seq, "kind": kind, "at_ns": 10**18 + seq, "mono_ns": seq, "trial": None, "data": data})


HEAD = line(
    0,
    "run.started",
    schema=SCHEMA,
    run_id=RUN,
    lkdiag_version="0.1.0",
    scenario="dispatch-trial",
    kind="dispatch",
    title="Does the agent come?",
    command="lkdiag dispatch-trial --local",
    options=msgspec.to_builtins(DispatchScenario()),
    project_host="private livekit-server",
    sdk={"livekit": "1"},
    python="3.11",
    os="Linux",
)
END = line(2, "run.finished")


def write(user: User, content: str | bytes, run: str = RUN) -> Path:
    journal = user.runs / run / "journal.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(content if isinstance(content, bytes) else content.encode())
    return journal


async def test_nothing_named(user: User) -> None:
    error, hint = (await user.run("report")).refusal(2)
    assert "name a RUN, or --last" in error
    assert str(user.runs) in hint


async def test_run_and_last(user: User) -> None:
    error, _ = (await user.run("report", RUN, "--last")).refusal(2)
    assert "name a RUN, or --last" in error


@pytest.mark.parametrize("words", [["--last"], [RUN]])
async def test_there_are_no_runs(words: list[str], user: User) -> None:
    error, hint = (await user.run("report", *words)).refusal(2)
    assert "no run" in error
    assert str(user.runs) in f"{error} {hint}"


@pytest.mark.parametrize("name", ["nope", "", "..", "x" * 300, "a\nb", "*"])
async def test_unknown_run(name: str, user: User) -> None:
    write(user, f"{HEAD}\n{END}\n")
    error, hint = (await user.run("report", name)).refusal(2)
    assert "there is no run" in error
    assert RUN in hint


async def test_name_that_begins_two(user: User) -> None:
    write(user, f"{HEAD}\n{END}\n")
    write(user, f"{HEAD}\n{END}\n", RUN[:-1] + "e")
    error, hint = (await user.run("report", RUN[:-1])).refusal(2)
    assert "begins the names of 2 runs" in error
    assert RUN in hint


NO_JOURNAL: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty"),
    "blank": ("\n \n", "is empty"),
    "text": ("Dear diary,\nno agent came.\n", "is not a journal of lkdiag"),
    "one torn line": ('{"seq":0,"kind":"run.sta', "is not a journal of lkdiag"),
    "binary": (bytes(range(256)) * 8, "is not a journal of lkdiag"),
    "other json": ('{"name": "package.json"}\n', "is not a journal of lkdiag"),
    "a list": ("[1, 2]\n", "is not a journal of lkdiag"),
    "no head": (f"{END}\n", "is not a journal of lkdiag"),
    "other schema": (HEAD.replace(SCHEMA, "lkdiag.journal/99") + "\n", "has the format 'lkdiag.journal/99'"),
    "broken in the middle": (f'{HEAD}\n{{"seq":1,"ki\n{END}\n', "line 2 is not an event"),
    "binary in the middle": (HEAD.encode() + b"\n\xff\xfe\x00\n" + END.encode(), "line 2 is not an event"),
    "other options": (HEAD.replace('"count": 10', '"count": "ten"') + "\n", "scenario can't be read"),
    "impossible options": (HEAD.replace('"count": 10', '"count": 0') + "\n", "scenario can't be read"),
}


@pytest.mark.parametrize(("content", "error"), NO_JOURNAL.values(), ids=NO_JOURNAL)
async def test_no_journal(content: str | bytes, error: str, user: User) -> None:
    journal = write(user, content)
    for name in (RUN, str(journal)):
        told, _ = (await user.run("report", name)).refusal(2)
        assert error in told
        assert str(journal) in told or "journal's scenario" in told


async def test_events_that_make_no_run(user: User) -> None:
    """A changed file, or a fault of lkdiag's own: neither a wrong usage nor a finding."""
    journal = write(user, f"{HEAD}\n{line(1, 'worker.registered')}\n{END}\n")
    error, hint = (await user.run("report", RUN)).refusal(4)
    reason = "AttributeError: 'worker.registered' object has no attribute 'worker_id' (lkdiag/facts/run.py:"
    assert f"{journal} can't be judged: {reason}" in error
    assert "please report it with the journal attached" in hint


async def test_folder_without_a_journal(user: User) -> None:
    (user.cwd / "folder").mkdir()
    error, _ = (await user.run("report", "folder")).refusal(2)
    assert "there is no run 'folder'" in error


@pytest.mark.parametrize("name", [RUN, RUN[:12], "--last"])
async def test_last_line_torn(name: str, user: User) -> None:
    journal = write(user, f"{HEAD}\n{line(1, 'server.exited', returncode=-9)}\n{END[:40]}")
    done = await user.run("report", name, "--format", "json")
    assert done.code == 130
    assert done.said("error") == []
    (note,) = done.said("note")
    assert "last line (3) is torn" in note
    assert done.report["run"]["interrupted"] is True
    assert done.report["notes"] == [note]
    by_path = await user.run("report", str(journal.parent), "--format", "json")
    assert by_path.report == done.report


async def test_run_that_did_not_get_to_a_trial_does_not_pass(user: User) -> None:
    write(user, f"{HEAD}\n{END}\n")
    done = await user.run("report", "--last")
    assert done.code == 3
    assert "No trial was carried out" in done.stdout


@pytest.mark.parametrize("format_", ["terminal", "json", "markdown"])
async def test_full_disk(format_: str, user: User) -> None:
    write(user, f"{HEAD}\n{END}\n")
    for words in (f"-o /dev/full --format {format_}", f"--format {format_} > /dev/full"):
        done = await user.shell(f"lkdiag report {RUN} {words}")
        error, hint = done.refusal(2)
        assert "No space left on device" in error
        assert f"lkdiag report {RUN}" in hint
        assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("format_", ["terminal", "json", "markdown"])
async def test_reader_that_has_enough(format_: str, user: User) -> None:
    """The reader is gone before the first line: the code is still the run's own."""
    write(user, f"{HEAD}\n{END}\n")
    done = await user.shell(
        f"set -o pipefail; {{ lkdiag report {RUN} --format {format_}; echo $? >&3; }} 3> code | exec true"
    )
    assert (user.cwd / "code").read_text() == "3\n"
    assert done.stderr == ""


async def test_stdout_that_is_closed(user: User) -> None:
    write(user, f"{HEAD}\n{END}\n")
    done = await user.shell(f"lkdiag report {RUN} >&-")
    assert (done.code, done.stderr) == (3, "")


async def test_encoding_without_a_tick(user: User) -> None:
    write(user, f"{HEAD}\n{END}\n")
    done = await user.run("report", RUN, environ={"PYTHONIOENCODING": "ascii"})
    assert done.code == 3
    assert done.stdout.isascii()


async def test_file_by_its_suffix(user: User) -> None:
    write(user, f"{HEAD}\n{END}\n")
    done = await user.run("report", RUN, "-o", "report.json")
    assert (done.code, done.stdout) == (3, "")
    assert "report.json" in done.stderr
    assert json.loads((user.cwd / "report.json").read_text())["schema"] == "lkdiag.report/1"
    await user.run("report", RUN, "-o", "report.md")
    assert (user.cwd / "report.md").read_text().startswith(("#", "**"))
