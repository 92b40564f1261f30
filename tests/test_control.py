"""The API client: a server that takes a call and never answers it."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from lkdiag.control import ApiCallError, Control, client
from lkdiag.settings import Credentials
from lkdiag.timeline import Event, Recorder
from tests.deadline import DEADLINE_S


async def test_a_call_that_is_never_answered_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a network swallows everything: the library's own timeout does not end it."""
    monkeypatch.setattr(client, "CALL_TIMEOUT_S", 0.2)
    events: list[Event] = []
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)

    with socket.create_server(("127.0.0.1", 0)) as never_accepting:
        url = f"ws://127.0.0.1:{never_accepting.getsockname()[1]}"
        async with Control(Credentials(url, "key", "secret" * 8, "a test")) as calls, asyncio.timeout(DEADLINE_S):
            with pytest.raises(ApiCallError) as refused:
                await calls.list_rooms(recorder.for_trial(None), "lkdiag-")
    assert refused.value.unreachable
    assert refused.value.reason == "no answer within 0.2 s"
    assert [(event.kind, event.data["code"]) for event in events] == [("api.called", "unreachable")]
