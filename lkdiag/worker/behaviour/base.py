"""What a behaviour is, and what it can do with the job, and with the worker, that it is given."""

from __future__ import annotations

from typing import ClassVar, Protocol


class Line(Protocol):
    """A worker's line to the server, for behaviours that strike the worker as a whole."""

    async def report_load(self, load: float, *, available: bool) -> None:
        """Report this load (0 to 1) and status, now and with each beat from now on."""

    async def drop(self, back_after_s: float | None) -> None:
        """Cut the connection without a goodbye; register again after that time, or never (None)."""

    async def freeze(self) -> None:
        """Read and write nothing more; the connection stays open."""


class Offer(Protocol):
    """A job that the server offers; it waits about 2.8 s for the answer."""

    @property
    def room(self) -> str:
        """The room's name."""

    @property
    def line(self) -> Line:
        """The worker's line."""

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

    @property
    def line(self) -> Line:
        """The worker's line."""

    async def join(self) -> None:
        """Put the agent into the room."""

    async def leave(self) -> None:
        """Take the agent out of the room."""


class JobTreatment(Protocol):
    """How a worker treats one job."""

    async def on_offer(self, offer: Offer) -> None:
        """The server asked whether this worker takes the job."""

    async def on_assignment(self, assignment: Assignment) -> None:
        """The server gave it the job."""


class Behaviour(JobTreatment, Protocol):
    """How a worker treats its jobs, and its line. One instance may meet several jobs, even at a time."""

    own_worker: ClassVar[bool]
    """What it does strikes the worker as a whole (its load, socket or registration): it needs one of its own."""
    hidden: ClassVar[bool]
    """Its agents join hidden. That is settled at the registration."""
    arguments: ClassVar[str]
    """How its arguments are written after its name: `[:1s]`; empty when it takes none."""

    async def on_registered(self, line: Line) -> None:
        """Its worker has registered, for the first time or again; the server has no load of it yet."""
