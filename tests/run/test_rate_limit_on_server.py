"""A server that refuses calls as too many: lkdiag keeps quiet as long as it is told, and blames nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .fake_rate_limit import rate_limited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = pytest.mark.server

COMMON = ("dispatch-trial", "--join", "signal", "--warmup", "0", "--format", "json")


async def test_a_trial_that_could_not_be_opened_is_inconclusive_and_the_others_wait(
    witness: Witness, lkdiag: Run
) -> None:
    async with rate_limited(witness.server.url, lambda method, number: (method, number) == ("CreateRoom", 2)) as proxy:
        done = await lkdiag({**witness.environment(), "LIVEKIT_URL": proxy.url}, *COMMON, "--count", "3")
    assert done.code == 3, done.stderr
    first, second, third = done.report["trials"]
    assert first["outcome"] == third["outcome"] == "delivered"
    assert second["outcome"] == "inconclusive"
    assert "HTTP 429" in second["findings"][0]["fact"]
    calls = done.report["summary"]["api_calls"]
    assert calls["refused"] == 1
    assert calls["total"] == sum(proxy.calls.values())
    (refused,) = [e for e in done.events() if e["kind"] == "api.called" and e["data"].get("status") == 429]
    assert refused["data"]["retry_after_s"] == 1.0
    assert any(event["kind"] == "api.held" for event in done.events())
    (refused_s,) = proxy.refused_s
    assert min(at for at in proxy.taken_s if at > refused_s) - refused_s >= 0.95, "it was told to wait for 1 s"
    assert await witness.rooms() == []


async def test_looks_that_are_refused_make_no_loss(witness: Witness, lkdiag: Run) -> None:
    """The agent never comes, and nobody can see that: the answer of a proxy, without a word of Twirp's."""
    refuses = {"ListParticipants": 2}
    async with rate_limited(
        witness.server.url,
        lambda method, number: number >= refuses.get(method, 10_000),
        retry_after="0.3",
        body="Too Many Requests",
    ) as proxy:
        done = await lkdiag(
            {**witness.environment(), "LIVEKIT_URL": proxy.url}, *COMMON, "--count", "1", "--fault", "ghost=1",
            "--timeout", "3", "--settle", "1", "--no-fallback",
        )  # fmt: skip
    assert done.code == 3, done.stderr
    (trial,) = done.report["trials"]
    assert (trial["outcome"], trial["mismatch"]) == ("inconclusive", None)
    assert "too many (HTTP 429)" in trial["findings"][0]["fact"]
    assert await witness.rooms() == []


async def test_a_refused_fallback_is_not_lost_and_a_refused_deletion_is_made_again(
    witness: Witness, lkdiag: Run
) -> None:
    async with rate_limited(
        witness.server.url, lambda method, number: method in ("CreateDispatch", "DeleteRoom") and number == 1,
        retry_after="",
    ) as proxy:  # fmt: skip
        done = await lkdiag(
            {**witness.environment(), "LIVEKIT_URL": proxy.url}, *COMMON, "--count", "1", "--fault", "silent=1",
            "--timeout", "2", "--settle", "1",
        )  # fmt: skip
    (trial,) = done.report["trials"]
    assert trial["fallback"] == "unclear", trial
    assert proxy.calls["DeleteRoom"] == 2
    assert done.report["leftover_rooms"] == []
    assert await witness.rooms() == []


async def test_a_refused_last_look_for_rooms_is_told_as_that(witness: Witness, lkdiag: Run) -> None:
    async with rate_limited(
        witness.server.url, lambda method, number: method == "ListRooms" and number > 1, retry_after="0"
    ) as proxy:
        done = await lkdiag({**witness.environment(), "LIVEKIT_URL": proxy.url}, *COMMON, "--count", "1")
    assert "the server did not tell which rooms lkdiag left" in done.report["headline"], done.report["headline"]
    assert done.report["run"]["aborted"].endswith("too many calls"), done.report["run"]["aborted"]
    assert await witness.rooms() == []
