"""Help and version: cheap, and without anything of LiveKit."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from lkdiag import __version__
from lkdiag.cli import app

if TYPE_CHECKING:
    from .user import User

MODULES = """\
import json, sys
from lkdiag.__main__ import main
try:
    main()
finally:
    sys.stderr.write(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
HEAVY = {"prometheus_client", "livekit", "aiohttp", "google", "yaml", "dotenv", "jwt"}


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["dispatch-trial", "--help"],
        ["transfer-teardown", "--help"],
        ["canary", "--help"],
        ["report", "-h"],
        ["sweep", "-h"],
        ["explain", "dropped"],
    ],
    ids=" ".join,
)
async def test_help_loads_nothing_heavy(words: list[str], user: User) -> None:
    async with user.running(*words, python=("-c", MODULES)) as running:
        done = await running.wait()
    assert done.code == 0
    assert done.stdout
    assert HEAVY.isdisjoint(json.loads(done.stderr))


async def test_version(user: User) -> None:
    done = await user.run("--version")
    assert (done.code, done.stdout, done.stderr) == (0, f"lkdiag {__version__}\n", "")


async def test_without_a_command_it_helps_and_does_not_pass(user: User) -> None:
    done = await user.run()
    assert (done.code, done.stdout) == (2, "")
    assert "dispatch-trial" in done.stderr


async def test_help_names_every_option_once_and_the_exit_codes(user: User) -> None:
    done = await user.run("--help", environ={"COLUMNS": "120"})
    assert "130 interrupted" in done.stdout
    done = await user.run("dispatch-trial", "--help", environ={"COLUMNS": "120"})
    for option in ("--count", "--agent-name", "--local", "--fault", "--format", "--runs-dir"):
        assert option in done.stdout


COMMANDS = [
    "dispatch-trial", "transfer-teardown", "run", "worker", "doctor", "explain", "report", "merge", "bundle",
    "compare", "sweep", "selftest", "canary", "watch", "scenarios", "scenarios show", "scenarios schema",
]  # fmt: skip


def test_every_command_is_looked_at_here() -> None:
    nested = [f"scenarios {name}" for name in app.COMMANDS["scenarios"].load("scenarios").commands]
    assert set(COMMANDS) == {*app.COMMANDS, *nested}


@pytest.mark.parametrize("name", app.COMMANDS)
def test_a_command_is_summed_up_in_its_own_words(name: str) -> None:
    entry = app.COMMANDS[name]
    assert entry.load(name).help.split("\n\n")[0].replace("\n", " ") == entry.summary


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_help_page_says_all_that_a_manual_does(command: str, user: User) -> None:
    done = await user.run(*command.split(), "--help", environ={"COLUMNS": "100"})
    assert (done.code, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    words = done.stdout.partition("╭")[0].partition("Exit codes")[0].split("\n", 2)[2]
    assert 2 <= len(re.findall(r"[.?](?=\s)", words)) <= 12
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert re.search(r"lkdiag " + command, done.stdout.partition("─╯")[2])
    if command in ("scenarios show", "scenarios schema"):
        return
    assert "Examples" in text
    assert "Exit code" in text
    if command == "scenarios":
        return
    assert "NO_COLOR" in text
    assert ("LIVEKIT_API_SECRET" in text) == ("--url" in text)
    assert ("LKDIAG_RUNS_DIR" in text) == ("--runs-dir" in text)
    assert ("state folder" in text) == ("--runs-dir" in text)
    assert ("LKDIAG_SERVER_BINARY" in text) == ("--server-binary" in text)


async def test_a_shell_is_told_what_may_follow(user: User) -> None:
    for words, number, wanted in (
        ("lkdiag disp", "1", "dispatch-trial"),
        ("lkdiag dispatch-trial --method tok", "3", "token"),
        ("lkdiag explain false", "2", "false-running"),
    ):
        environ = {"_LKDIAG_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": number}
        done = await user.run(environ=environ)
        assert (done.code, done.stdout.split()) == (0, [wanted])


async def test_completion_is_installed_in_the_users_shell(user: User) -> None:
    script = """
        lkdiag --install-completion bash && lkdiag --show-completion bash
        source ~/.bashrc
        COMP_WORDS=(lkdiag doc) COMP_CWORD=1
        _lkdiag_completion lkdiag
        echo "may follow: ${COMPREPLY[*]}"
    """
    # it asks by `env`, which knows no shell functions
    path = user.root / "bin" / "lkdiag"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lkdiag "$@"\n')
    path.chmod(0o755)
    done = await user.shell(f'PATH="{path.parent}:$PATH"\n{script}')
    assert done.code == 0
    assert "complete -o default -F _lkdiag_completion lkdiag" in done.stdout
    assert done.stdout.splitlines()[-1] == "may follow: doctor"
    assert [path.name for path in (user.home / ".bash_completions").iterdir()] == ["lkdiag.sh"]
