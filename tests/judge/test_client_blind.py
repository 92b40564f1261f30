"""What a client knows, beside what the API lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkdiag.contract import Cause

from .story import MONO_MS, Story, dispatch, job

if TYPE_CHECKING:
    from collections.abc import Callable

AGENT = "agent-AJ_1"


def asked(at: float = 4_000, sees: tuple[str, ...] = (), *, state: str = "active") -> Story:
    """A caller is in the room, the agent comes at 0.24 s, and the caller's client is asked."""
    story = Story(caller="join").listed(5, dispatch("AD_1", job())).looks(5, 5_000)
    story.event(20, "caller.joined", identity="lkdiag-caller", sid="PA_c").agent(240, state=state)
    return story.event(at, "client.looked", who="caller", sees=list(sees))


def test_an_agent_that_the_api_had_listed_for_seconds() -> None:
    story = asked().closed(5_100)
    assert "as active for 3.8 s" in story.findings()["client-blind"].fact
    diagnosis = story.judge().diagnosis
    assert diagnosis is not None
    assert diagnosis.causes == (Cause.CLIENT_BLIND,)


STALL = int((MONO_MS + 1_000) * 1e6)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda: asked(sees=(AGENT,)),
        lambda: asked(2_000),  # only 1.8 s
        lambda: asked(state="joined"),  # by signalling alone
        lambda: asked().event(4_500, "client.looked", who="caller", sees=[AGENT]),  # a little late
        lambda: asked().left(4_050),  # it was on its way out
        lambda: asked().event(3_500, "caller.reconnecting"),
        lambda: asked().event(3_000, "caller.reconnecting").event(3_500, "caller.reconnected"),
        lambda: asked(5_010),  # no look since
        lambda: asked().run_event(3_900, "lkdiag.stalled", began_mono_ns=STALL, late_ms=2_500),
    ],
)
def test_near_misses(spoil: Callable[[], Story]) -> None:
    assert "client-blind" not in spoil().closed(5_100).findings()
