"""A secret on the command line, or in a scenario's file, is refused before anything is recorded or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkdiag.cli.secrets import check_words
from lkdiag.errors import UsageError

from .user import MARK

if TYPE_CHECKING:
    from pathlib import Path

    from .user import User

OWN = f"{MARK}-own-secret-of-the-project"
LOOKS = "sk-proj-abcdefghijklmnop1234"
MADE_UP = "kPq7fJ2mXw9ZrT4vYb6NcL8sHdG3aE5uQi1oWx0pRtV"
ENVIRON = {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": "APIkey", "LIVEKIT_API_SECRET": OWN}
SCENARIO = """\
title = "A worker that gets metadata"
kind = "dispatch"
[settings]
metadata = '{metadata}'
[[steps]]
do = "dispatch"
[[steps]]
do = "watch"
"""

WAYS = [
    ["dispatch-trial", "--metadata", "{}"],
    ["dispatch-trial", '--metadata={{"customer": "{}"}}'],
    ["dispatch-trial", "--agent-name", "{}"],
    ["dispatch-trial", "--local", "--metadata", "x {} y"],
    ["dispatch-trial", "-o", "{}"],
    ["canary", "--metadata", "{}"],
    ["canary", "--agent-name={}"],
    ["run", "agent-crashes", "--set", "metadata={}"],
    ["run", "agent-crashes", "--set=metadata={}"],
    ["run", "{}"],
    ["doctor", "--agent-name", "{}"],
    ["worker", "--agent-name", "{}"],
    ["watch", "--room", "{}"],
    ["watch", "--prefix", "{}"],
    ["sweep", "--run", "{}"],
    ["transfer-teardown", "--fail-if", "{}"],
]


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user's project, in the environment of this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("secret", "what"), [(OWN, "the project's own API secret"), (LOOKS, "looks like a secret")])
@pytest.mark.parametrize("words", WAYS, ids=" ".join)
def test_refused(words: list[str], secret: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as refused:
        check_words([word.format(secret) for word in words])
    assert secret not in refused.value.message + refused.value.hint


@pytest.mark.parametrize("words", [WAYS[0], WAYS[5], WAYS[7], WAYS[10]], ids=" ".join)
async def test_nothing_is_begun(words: list[str], user: User) -> None:
    done = await user.run(*(word.format(OWN) for word in words), environ=ENVIRON)
    error, hint = done.refusal(2)
    assert "has the project's own API secret in it" in error
    assert "in its own environment" in hint
    assert not user.runs.exists()


async def test_the_secret_of_the_options_is_known_too(user: User) -> None:
    words = ["dispatch-trial", "--url", "ws://127.0.0.1:9", "--api-key", "APIkey", "--api-secret", OWN]
    done = await user.run(*words, "--metadata", f"x{OWN}")
    assert "--metadata has the project's own API secret in it" in done.refusal(2)[0]


@pytest.mark.parametrize("metadata", [OWN, LOOKS, '{"customer_password": "abc1"}', MADE_UP])
async def test_refused_in_a_scenario(metadata: str, user: User) -> None:
    file = user.cwd / ".env-of-a-scenario.toml"
    file.write_text(SCENARIO.format(metadata=metadata))
    done = await user.run("run", str(file), environ=ENVIRON)
    error, _ = done.refusal(2)
    assert ".env-of-a-scenario.toml" in error
    assert "line 4" in error or "metadata" in error
    assert metadata not in error
    assert not user.runs.exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "words",
    [
        ["dispatch-trial", "--metadata", '{"customer": "Jane", "ticket": 4711}', "--agent-name", "my-agent"],
        ["dispatch-trial", "--metadata", '{"auth": "guest", "token": "caller-17"}'],
        ["dispatch-trial", "--method", "token", "--fail-if", "p95_ms>2000", "-n", "3"],
        ["dispatch-trial", "--api-secret", "abcdefgh12345678", "--api-key", "APIx1Y2z3W4v5U6"],
        ["watch", "--room", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3gH5jK7mN9pQ"],
        ["report", "--metadata", LOOKS],
        ["run", "/home/jane/scenarios/V12/token_expired.toml", "--set", "agent_name=x"],
        ["--help"],
        [],
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_not_refused(words: list[str]) -> None:
    check_words(words)


@pytest.mark.usefixtures("project")
def test_the_error_shows_where_it_stands() -> None:
    with pytest.raises(UsageError, match=r'a secret: \{"user": "jane", "password": "\*\*\*"\}'):
        check_words(["canary", "--metadata", '{"user": "jane", "password": "abc1"}'])


@pytest.mark.usefixtures("project")
def test_metadata_that_only_looks_made_up_is_refused() -> None:
    with pytest.raises(UsageError, match="--metadata has in it what looks like a secret"):
        check_words(["canary", "--metadata", MADE_UP])
