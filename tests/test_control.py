"""The API client: a server that takes a call and never answers it."""

from __future__ import annotations

import asyncio
import time

import pytest

from lkdiag import control
from lkdiag.control import ApiCallError, Control
from lkdiag.settings import Credentials
from lkdiag.timeline import Event, Recorder


async def test_a_call_that_is_never_answered_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a network swallows everything: the library's own timeout does not end it."""
    monkeypatch.setattr(control, "CALL_TIMEOUT_S", 0.2)
    events: list[Event] = []
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Control(Credentials(url, "key", "secret" * 8, "a test")) as calls, asyncio.timeout(30):
            with pytest.raises(ApiCallError) as refused:
                await calls.list_rooms(recorder.for_trial(None), "lkdiag-")
    assert refused.value.unreachable
    assert refused.value.reason == "no answer within 0.2 s"
    assert [(event.kind, event.data["code"]) for event in events] == [("api.called", "unreachable")]
