"""How a worker treats its jobs, honestly or with a fault: one class a behaviour, in the table BEHAVIOURS.

To add one: a class that overrides what it does differently from `Honest`, and a line in BEHAVIOURS. `lkdiag worker
--help` shows the first line of its docstring."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, ClassVar, Protocol

from lkdiag.errors import UsageError
from lkdiag.scenario.option import parse_duration_s
from lkdiag.text import hint_nearest

if TYPE_CHECKING:
    from lkdiag.scenario.fault import BehaviourSpec


class Line(Protocol):
    """A worker's connection, for behaviours that affect the worker as a whole."""

    async def report_load(self, load: float, *, available: bool) -> None:
        """Report this load (0 to 1) and status, now and regularly from now on."""

    async def drop(self, back_after_s: float | None) -> None:
        """Cut the connection without a goodbye; register again after that time, or never (None)."""

    async def freeze(self) -> None:
        """Stop reading and writing; the connection stays open."""


class Offer(Protocol):
    """A job that the server offers. The server waits about 2.8 s for the answer."""

    @property
    def room(self) -> str:
        """The room's name."""

    @property
    def line(self) -> Line:
        """The worker's connection."""

    async def accept(self) -> None:
        """Accept the job."""

    async def reject(self) -> None:
        """Decline the job; the server asks the next worker."""


class Assignment(Protocol):
    """A job that was assigned to this worker."""

    @property
    def url(self) -> str:
        """Where its agent joins."""

    @property
    def token(self) -> str:
        """The token its agent joins with."""

    @property
    def line(self) -> Line:
        """The worker's connection."""

    async def join(self) -> None:
        """Let the agent join the room."""

    async def leave(self) -> None:
        """Let the agent leave the room."""


class JobTreatment(Protocol):
    """How a worker treats one job."""

    async def on_offer(self, offer: Offer) -> None:
        """The server offers the job."""

    async def on_assignment(self, assignment: Assignment) -> None:
        """The server has assigned the job."""


class Behaviour(JobTreatment, Protocol):
    """How a worker treats its jobs and its connection. One instance may have several jobs at the same time."""

    own_worker: ClassVar[bool]
    """It affects the worker as a whole (its load, socket or registration), so that it needs a worker of its own."""
    hidden: ClassVar[bool]
    """Whether its agents join hidden. The registration decides that."""
    arguments: ClassVar[str]
    """How its arguments are written after its name: `[:1s]`; empty if it takes none."""

    async def on_registered(self, line: Line) -> None:
        """The worker has registered, for the first time or again; it has not reported a load yet."""


class Honest:
    """Accepts at once, joins at once, stays."""

    own_worker: ClassVar[bool] = False
    hidden: ClassVar[bool] = False
    arguments: ClassVar[str] = ""

    async def on_registered(self, line: Line) -> None:
        """Nothing to do."""

    async def on_offer(self, offer: Offer) -> None:
        """Accept."""
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Join."""
        await assignment.join()


class Silent(Honest):
    """Never answers an offer."""

    async def on_offer(self, offer: Offer) -> None:
        """Leave the server without an answer."""


class Ghost(Honest):
    """Accepts, and never joins."""

    async def on_assignment(self, assignment: Assignment) -> None:
        """Stay away."""


ANSWER = ("answer", "offer", "accept")
"""All three names mean the answer to the offer: between offer and assignment a worker sends nothing else
(livekit_agent.proto, AvailabilityResponse)."""


class Slow(Honest):
    """Joins late, or answers the offer late.

    An answer that comes more than about 2.8 s after the offer is too late: livekit-server v1.13.5 gives up 3 s after
    the dispatch (psrpc v0.7.2 client.go, DefaultClientTimeout, of which 0.2 s go by before the offer), and drops it.
    """

    arguments: ClassVar[str] = ":4s[:join|:answer]"

    def __init__(self, delay: str, step: str = "join") -> None:
        if step != "join" and step not in ANSWER:
            raise UsageError(f"slow can't be late at {step!r}", "slow:4s joins late, slow:4s:answer answers late")
        delay_s = parse_duration_s(delay)
        self._answer_delay_s = delay_s if step in ANSWER else 0.0
        self._join_delay_s = delay_s if step == "join" else 0.0

    async def on_offer(self, offer: Offer) -> None:
        """Accept, late or at once."""
        await asyncio.sleep(self._answer_delay_s)
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Join, late or at once."""
        await asyncio.sleep(self._join_delay_s)
        await assignment.join()


class Reject(Honest):
    """Declines every offer."""

    async def on_offer(self, offer: Offer) -> None:
        """Decline."""
        await offer.reject()


class RejectThenAccept(Honest):
    """Declines the first offer of each room, takes the later ones."""

    def __init__(self) -> None:
        self._declined: set[str] = set()

    async def on_offer(self, offer: Offer) -> None:
        """Decline, if this room is new."""
        if offer.room in self._declined:
            await offer.accept()
        else:
            self._declined.add(offer.room)
            await offer.reject()


class CrashAfterAccept(Honest):
    """Accepts, and its worker dies and does not come back.

    It dies once it has the assignment. Earlier, it would be chance whether livekit-server first sees the answer or the
    loss of the socket (v1.13.5 pkg/agent/worker.go, AssignJob).
    """

    own_worker: ClassVar[bool] = True

    async def on_assignment(self, assignment: Assignment) -> None:
        """Die."""
        await assignment.line.drop(None)


class HalfOpen(Honest):
    """From its registration on reads and writes nothing; the connection stays open.

    livekit-server pings a worker every 10 s but waits for no pong, and does not miss the worker's own (v1.13.5
    pkg/service/wsprotocol.go, pingWorker), so it goes on choosing it for as long as the TCP connection stands.
    """

    own_worker: ClassVar[bool] = True

    async def on_registered(self, line: Line) -> None:
        """Hang."""
        await line.freeze()


class Hidden(Honest):
    """Joins hidden: the API lists its agent, no client sees it.

    A worker registers with the permissions that its agents' tokens are to have, `hidden` among them
    (livekit_agent.proto, RegisterWorkerRequest.allowed_permissions; livekit/protocol agent/token.go, BuildAgentToken).
    livekit-server v1.13.5 honours it (measured): listParticipants shows the agent with permission.hidden.
    """

    own_worker: ClassVar[bool] = True
    hidden: ClassVar[bool] = True


class JoinThenLeave(Honest):
    """Joins, and leaves after 1 s, or after the time given.

    livekit-server notes JS_FAILED, 'agent worker left the room', but listDispatch does not show it: the room has its
    own copy of the job's state, made when the job was assigned (v1.13.5 pkg/agent/worker.go, AssignJob; measured).
    """

    arguments: ClassVar[str] = "[:1s]"

    def __init__(self, stay: str = "1s") -> None:
        self._stay_s = parse_duration_s(stay)

    async def on_assignment(self, assignment: Assignment) -> None:
        """Come and go."""
        await assignment.join()
        await asyncio.sleep(self._stay_s)
        await assignment.leave()


class Overloaded(Honest):
    """Reports a load of 1.0 and WS_FULL; declines what it is offered all the same.

    livekit-server adds up how far the workers of a name are below the target load of 0.7. If the sum is 0, none is
    offered the job (v1.13.5 pkg/service/agentservice.go, JobRequestAffinity; pkg/agent/config.go, DefaultTargetLoad).
    """

    own_worker: ClassVar[bool] = True

    async def on_registered(self, line: Line) -> None:
        """Report it, before any other load."""
        await line.report_load(1.0, available=False)

    async def on_offer(self, offer: Offer) -> None:
        """Decline, as livekit-agents does over its limit (worker.py, _answer_availability)."""
        await offer.reject()


class ReconnectAtOffer(Honest):
    """Loses its socket at each offer, and registers again after 1 s, or after the time given.

    livekit-server asks the next worker at once, and does not ask this one again: a dispatch is offered only to workers
    that are connected (v1.13.5 pkg/service/agentservice.go, JobRequest).
    """

    own_worker: ClassVar[bool] = True
    arguments: ClassVar[str] = "[:1s]"

    def __init__(self, back_after: str = "1s") -> None:
        self._back_after_s = parse_duration_s(back_after)

    async def on_offer(self, offer: Offer) -> None:
        """Lose the socket."""
        await offer.line.drop(self._back_after_s)


class Stale(Honest):
    """Takes jobs and joins, but is a worker of an older deployment.

    It serves its jobs well, but takes them away from the worker that the user is watching: livekit-server draws among
    the workers of a name by their free load (v1.13.5 pkg/service/agentservice.go, selectWorkerWeightedByLoad), so that
    each of two idle ones gets half of the jobs.
    """

    own_worker: ClassVar[bool] = True


BEHAVIOURS: dict[str, type[Behaviour]] = {
    "honest": Honest,
    "silent": Silent,
    "ghost": Ghost,
    "slow": Slow,
    "reject": Reject,
    "reject-then-accept": RejectThenAccept,
    "crash-after-accept": CrashAfterAccept,
    "join-then-leave": JoinThenLeave,
    "stale": Stale,
    "overloaded": Overloaded,
    "reconnecting": ReconnectAtOffer,
    "half-open": HalfOpen,
    "hidden": Hidden,
}

FAULTS = tuple(name for name in BEHAVIOURS if name != "honest")
"""The behaviours that can be injected."""


def make_behaviour(spec: BehaviourSpec) -> Behaviour:
    """The behaviour of a spec. Raises UsageError for an unknown name or wrong arguments."""
    kind = BEHAVIOURS.get(spec.name)
    if kind is None:
        hint = hint_nearest(spec.name, BEHAVIOURS, f"known: {', '.join(BEHAVIOURS)}")
        raise UsageError(f"there is no behaviour named {spec.name!r}", hint)
    try:
        _signature(kind).bind(*spec.arguments)
    except TypeError:
        takes = f"is written {spec.name}{kind.arguments}" if kind.arguments else "takes no arguments"
        raise UsageError(f"{str(spec)!r}: {spec.name!r} {takes}") from None
    return kind(*spec.arguments)


@functools.cache
def _signature(kind: type[Behaviour]) -> inspect.Signature:
    """Cached, because every trial needs it."""
    return inspect.signature(kind)


def describe(name: str) -> str:
    """A behaviour in one line, for help texts."""
    return (inspect.getdoc(BEHAVIOURS[name]) or "").partition("\n")[0]
