"""A user who asks the doctor, and what the doctor says of a project in which nothing is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from tests.cli.user import Finished, User

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.server.private import PrivateServer

HEALTHY = {
    "source": "ok", "url": "ok", "key": "ok",
    "dns": "ok", "tcp": "ok", "tls": "info", "http": "ok", "clock": "ok",
    "api": "ok", "grants": "ok", "rooms": "ok", "dispatches": "ok", "leftovers": "ok",
    "signalling": "ok", "media": "ok",
    "agent": "info", "worker-socket": "ok", "worker": "ok", "round-trip": "ok",
    "server": "ok", "regions": "info", "move": "info", "sip": "info", "sdk": "ok",
}  # fmt: skip
"""On a private open-source server: no TLS, no regions, no MoveParticipant, no SIP service, no agent asked for."""


@dataclass(frozen=True)
class Examined:
    """What the doctor said."""

    done: Finished

    @property
    def code(self) -> int:
        return self.done.code

    @property
    def lines(self) -> dict[str, dict[str, Any]]:
        """By check."""
        return {line["check"]: line for line in self.done.report["checks"]}

    @property
    def changes(self) -> dict[str, str]:
        """Every line that is not as in a healthy project, so that what stands here failed, and the rest did run."""
        marks = {slug: line["mark"] for slug, line in self.lines.items()}
        assert list(marks) == list(HEALTHY)
        return {slug: mark for slug, mark in marks.items() if mark != HEALTHY[slug]}

    def seen(self, slug: str) -> str:
        return str(self.lines[slug]["seen"])

    def fix(self, slug: str) -> str:
        return str(self.lines[slug]["fix"])


class Patient:
    """A user of lkdiag whose project is examined."""

    def __init__(self, user: User) -> None:
        self.user = user

    async def examine(self, *arguments: str, **options: Any) -> Examined:
        """Run the doctor to its end, as JSON; looks for secrets in what it says, and for the form of each line."""
        done = await self.user.run("doctor", "--format", "json", *arguments, **options)
        assert "Traceback" not in done.stderr
        examined = Examined(done)
        assert done.report["schema"] == "lkdiag.doctor/1"
        for line in examined.lines.values():
            assert line["seen"], line
            assert line["fix"] or line["mark"] != "failed", line
            assert line["fix"] == "" or line["fix"].endswith((".", "?")), line
            assert "lkdiag failed" not in line["seen"], line
        return examined

    def set(self, **variables: str) -> None:
        """The environment's credentials: URL, API_KEY, API_SECRET."""
        self.user.environ |= {f"LIVEKIT_{name}": value for name, value in variables.items()}


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    """Without credentials."""
    root = tmp_path / "user"
    root.mkdir()
    return Patient(User(root))


@pytest.fixture
def owner(patient: Patient, private_server: PrivateServer) -> Patient:
    """With a project of their own: a private server."""
    patient.user.of(private_server)
    return patient


async def rooms(server: PrivateServer) -> list[str]:
    """What is there now."""
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        return [room.name for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms]


def not_tried_from(first: str) -> dict[str, str]:
    """That check and all that follow it, but for the one of the SDKs here."""
    order = list(HEALTHY)
    return {slug: "not-tried" for slug in order[order.index(first) :] if slug != "sdk"}
