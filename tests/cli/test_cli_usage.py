"""Command lines that can't be meant: each is refused at once, with a word that helps, and nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .user import User

SECRET = "HUSHHUSH-secret"

BAD: dict[str, tuple[str, str, str]] = {
    "no trials": ("--count 0", "--count is 0", "1 or more"),
    "fewer than none": ("--count -5", "--count is -5", "1 or more"),
    "no number": ("--count many", "--count: 'many' is not a whole number", "digits 0 to 9"),
    "unknown method": ("--method email", "'email' is not one of 'create-room', 'create-dispatch'", "--help"),
    "mistyped option": ("--metod token", "No such option: --metod", "did you mean --method?"),
    "unknown option": ("--colour", "No such option: --colour", "`lkdiag dispatch-trial --help`"),
    "option without value": ("--timeout", "'--timeout' requires an argument", "--help"),
    "extra word": ("twice", "unexpected extra argument", "--help"),
    "unknown fault": ("--fault gost=0.2", "no fault named 'gost'", "did you mean ghost?"),
    "share of words": ("--fault ghost=often", "'often' is not a share", "from 0 to 1"),
    "share above one": ("--fault ghost=1.5", "'1.5' is not a share", "from 0 to 1"),
    "share below zero": ("--fault ghost=-0.1", "'-0.1' is not a share", "from 0 to 1"),
    "share that is none": ("--fault ghost=nan", "'nan' is not a share", "from 0 to 1"),
    "shares above one in all": ("--fault ghost=0.7,silent=0.6", "add up to 1.3", "at most"),
    "slow without a delay": ("--fault slow", "slow", "slow:4s"),
    "slow by what": ("--fault slow:abc", "--fault slow:abc: 'abc' is not a duration", "250ms"),
    "slow at what": ("--fault slow:1s:lunch", "'lunch'", "slow:4s:answer"),
    "ghost with a delay": ("--fault ghost:4s", "takes no arguments", "ghost=0.2"),
    "fault of nothing": ("--fault ,", "names no fault", "ghost"),
    "no duration": ("--timeout soon", "--timeout: 'soon' is not a duration", "250ms"),
    "negative duration": ("--timeout -3s", "--timeout: '-3s' is not a duration", "250ms"),
    "no time at all": ("--timeout 0", "--timeout is 0 s", "above 0"),
    "endless": ("--gap 9999h", "--gap is", "from 0 to a day"),
    "late after lost": ("--timeout 5s --delayed-after 6s", "--delayed-after (6 s) is above --timeout (5 s)", "late"),
    "control of oneself": ("--control", "--control needs --agent-name", "probe"),
    "control of nothing": ("--agent-name a --control --control-share 1", "--control-share is 1", "between 0 and 1"),
    "name and automatic": ("--method automatic --agent-name a", "without --agent-name", "never dispatched"),
    "empty name": ("--agent-name=", "--agent-name is empty", "--method automatic"),
    "fault of another": ("--agent-name a --fault ghost", "--fault", "leave --agent-name out"),
    "job type of another": ("--agent-name a --job-type publisher", "--job-type", "leave it out"),
    "no rate": ("--rate 0", "--rate is 0", "above 0"),
    "rate and gap": ("--rate 1 --gap 1s", "--rate and --gap exclude each other", "pause"),
    "one room at a time": ("--reuse-room-name -c 2", "--reuse-room-name", "--concurrency"),
    "local and url": ("--local --url ws://x.test", "--local and --url exclude each other", "keys of its own"),
    "local and project": ("--local --project p", "--local and --project exclude each other", "keys of its own"),
    "local and secret": (f"--local --api-secret {SECRET}", "--local and --api-secret exclude", "keys of its own"),
    "unknown format": ("--format pdf", "'pdf' is not one of", "--help"),
    "secret after a blank": (f"--api-secret= {SECRET}", "unexpected extra argument", "--help"),
    "half a word too many": (f"--count 1 --api-secret {SECRET} {SECRET}", "unexpected extra argument", "--help"),
}


@pytest.mark.parametrize(("words", "error", "hint"), BAD.values(), ids=BAD)
async def test_refused(words: str, error: str, hint: str, user: User) -> None:
    done = await user.run("dispatch-trial", *words.split(" "))
    told = done.refusal(2)
    assert error in told[0]
    assert hint in " ".join(told)
    assert user.left() == []


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["dispatch-trail"], "No such command 'dispatch-trail'", "`lkdiag --help`"),
        (["--count", "3"], "No such option: --count", "`lkdiag --help`"),
        (["report", "--last", "--redakt"], "No such option: --redakt", "did you mean --redact?"),
    ],
)
async def test_no_such_command(words: list[str], error: str, hint: str, user: User) -> None:
    told = (await user.run(*words)).refusal(2)
    assert error in told[0]
    assert hint in told[1]


@pytest.mark.parametrize(
    ("file", "error"),
    [
        ("nowhere/report.md", "there is no folder nowhere"),
        (".", "it is a folder"),
        ("r" * 300 + ".md", "File name too long"),
    ],
)
@pytest.mark.parametrize("command", ["dispatch-trial --local", "report --last"])
async def test_a_report_that_could_not_be_written_is_refused_before_anything_is_run(
    command: str, file: str, error: str, user: User
) -> None:
    told = (await user.run(*command.split(), "-o", file)).refusal(2)
    assert error in told[0]
    assert "-o FILE" in told[1]
    assert user.left() == []


async def test_runs_dir_that_is_a_file(user: User, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    user.environ |= {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": SECRET}
    told = (await user.run("dispatch-trial", "--runs-dir", str(taken))).refusal(2)
    assert f"{taken}" in told[0]
    assert "--runs-dir" in told[1]
    assert taken.read_text() == "mine"
