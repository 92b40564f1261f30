"""What a behaviour is, and what it can do with the job that it is given."""

from __future__ import annotations

from typing import Protocol


class Offer(Protocol):
    """A job that the server offers; it waits about 2.8 s for the answer."""

    async def accept(self) -> None:
        """Say that this worker takes it."""

    async def reject(self) -> None:
        """Say that this worker is not available; the server asks the next one."""


class Assignment(Protocol):
    """A job that is this worker's now."""

    @property
    def url(self) -> str:
        """Where its agent joins."""

    @property
    def token(self) -> str:
        """What its agent joins with."""

    async def join(self) -> None:
        """Put the agent into the room."""


class Behaviour(Protocol):
    """How a worker treats one job."""

    async def on_offer(self, offer: Offer) -> None:
        """The server asked whether this worker takes the job."""

    async def on_assignment(self, assignment: Assignment) -> None:
        """The server gave it the job."""
