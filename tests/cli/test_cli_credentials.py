"""Credentials, addresses and clocks that are wrong: exit code 4, and what to do about it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from .user import MARK

if TYPE_CHECKING:
    from lkdiag.server.private import PrivateServer

    from .user import User

SECRET = f"{MARK}-of-32-characters-or-even-more"
CREDENTIALS = {"LIVEKIT_API_KEY": "APIunknown", "LIVEKIT_API_SECRET": SECRET}

SHIFTED = """\
import datetime, sys, time
shift_s = float(sys.argv.pop(1))
real_time, real_time_ns, Real = time.time, time.time_ns, datetime.datetime
class Shifted(Real):
    @classmethod
    def now(cls, tz=None):
        return Real.now(tz) + datetime.timedelta(seconds=shift_s)
time.time = lambda: real_time() + shift_s
time.time_ns = lambda: real_time_ns() + int(shift_s * 1e9)
datetime.datetime = Shifted
from lkdiag.__main__ import main
main()
"""


@pytest.mark.parametrize("command", ["dispatch-trial", "transfer-teardown"])
async def test_without_credentials_it_names_every_source_and_local(command: str, user: User) -> None:
    error, hint = (await user.run(command)).refusal(4)
    for source in ("environment", ".env.local", ".env", "~/.livekit/cli-config.yaml"):
        assert f"{source}: " in error
    assert "--local" in hint
    assert "--project" in hint
    assert user.left() == []


async def test_env_local_of_the_folder_is_used_and_named(user: User) -> None:
    lines = [f"{name}={value}" for name, value in {"LIVEKIT_URL": "ws://127.0.0.1:9", **CREDENTIALS}.items()]
    (user.cwd / ".env.local").write_text("\n".join(lines))
    done = await user.run("dispatch-trial")
    _, hint = done.refusal(4)
    assert ".env.local" in hint
    assert "Project 127.0.0.1:9, credentials from .env.local" in done.stderr


@pytest.mark.server
async def test_a_short_secret_is_told_by_the_server_and_by_nobody_else(
    user: User, private_server: PrivateServer
) -> None:
    user.environ |= {"LIVEKIT_URL": private_server.url, **CREDENTIALS, "LIVEKIT_API_SECRET": "secret"}
    user.environ["LIVEKIT_API_KEY"] = private_server.api_key
    done = await user.run("sweep")
    done.refusal(4)
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://x.test", "wrong scheme: ftp"),
        ("x.livekit.cloud", "no scheme"),
        ("wss://", "no host"),
        (f"wss://key:{MARK}@x.test", "user name or password"),
    ],
)
async def test_url_that_is_none(url: str, error: str, user: User) -> None:
    told = (await user.run("dispatch-trial", environ={"LIVEKIT_URL": url, **CREDENTIALS})).refusal(4)
    assert "LIVEKIT_URL in the environment has" in told[0]
    assert error in told[0]


@pytest.mark.parametrize("command", [("dispatch-trial",), ("sweep",), ("worker", "--agent-name", "x")])
async def test_a_secret_in_the_keys_place_is_not_sent(command: tuple[str, ...], user: User) -> None:
    swapped = {"LIVEKIT_API_KEY": CREDENTIALS["LIVEKIT_API_SECRET"], "LIVEKIT_API_SECRET": "APIabcdefgh1234"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        error, hint = (await user.run(*command, environ={"LIVEKIT_URL": url, **swapped})).refusal(4)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert error == "key and secret look swapped: nothing was sent"
    assert "environment" in hint


async def test_nothing_listens_there(user: User) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    error, hint = (await user.run("dispatch-trial", environ={"LIVEKIT_URL": f"ws://{host}", **CREDENTIALS})).refusal(4)
    assert error.startswith(f"{host} can't be reached: ")
    assert "is the server up" in hint


async def test_host_that_does_not_resolve(user: User) -> None:
    environ = {"LIVEKIT_URL": "wss://lkdiag.invalid", **CREDENTIALS}
    error, hint = (await user.run("dispatch-trial", environ=environ)).refusal(4)
    assert error.startswith("lkdiag.invalid can't be reached: ")
    assert "the URL right? It came from: environment" in hint


async def test_web_server_that_is_not_livekit(stranger: str, user: User) -> None:
    error, hint = (await user.run("dispatch-trial", environ={"LIVEKIT_URL": stranger, **CREDENTIALS})).refusal(4)
    assert "does not answer as a LiveKit server does" in error
    assert not error.endswith((": ", "()"))
    assert "is the URL right?" in hint


@pytest.mark.server
async def test_tls_where_there_is_none(owner: User, private_server: PrivateServer) -> None:
    url = private_server.url.replace("ws:", "wss:")
    error, _ = (await owner.run("dispatch-trial", environ={"LIVEKIT_URL": url})).refusal(4)
    assert "can't be reached" in error


@pytest.mark.server
async def test_wrong_key(owner: User) -> None:
    error, hint = (await owner.run("dispatch-trial", environ={"LIVEKIT_API_KEY": "APIunknown"})).refusal(4)
    assert "doesn't know the API key APIunk…" in error
    assert "environment" in hint


@pytest.mark.server
async def test_wrong_secret(owner: User) -> None:
    error, hint = (await owner.run("dispatch-trial", environ={"LIVEKIT_API_SECRET": SECRET})).refusal(4)
    assert "refused the API secret" in error
    assert "do key and secret belong together?" in hint


@pytest.mark.server
@pytest.mark.parametrize(
    ("shift_s", "told"),
    [(3600, "clock is 60 minutes ahead of the server's"), (-28800, "clock is 8.0 hours behind the server's")],
)
async def test_clock_that_is_too_wrong_for_tokens(shift_s: int, told: str, owner: User) -> None:
    error, hint = (await owner.run("dispatch-trial", python=("-c", SHIFTED, str(shift_s)))).refusal(4)
    assert told in error
    assert "set the clock" in hint


@pytest.mark.server
async def test_clock_that_is_wrong_but_harmless_is_warned_of(owner: User) -> None:
    """livekit-server takes a token that is an hour old; and latencies are on its own clock."""
    words = ("dispatch-trial", "-n", "1", "--warmup", "0", "--settle", "1", "--format", "json")
    done = await owner.run(*words, python=("-c", SHIFTED, "-3600"))
    assert done.said("warning") == ["this machine's clock is 60 minutes behind the server's"]
    (trial,) = done.report["trials"]
    assert trial["outcome"] == "delivered"
    assert 0 < trial["latency_ms"] < 20_000
    assert abs(done.report["environment"]["clock_offset_ms"] - 3_600_000) < 10_000
