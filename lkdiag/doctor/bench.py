"""What the doctor's checks share: credentials, the API, what earlier ones have seen, and all that is to be undone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livekit.rtc._proto import stats_pb2 as pb

from lkdiag.client.api_client import Control
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.run_kinds import RoomLeftOver, SweepFailed
from lkdiag.privacy.secrets import scrub
from lkdiag.run.close import close_leftovers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from livekit import rtc
    from livekit.protocol.rtc import JoinResponse

    from lkdiag.client.workers import Probe
    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import TrialRecorder
    from lkdiag.settings import CredentialFlags, Credentials


EMPTY_TIMEOUT_S = 60
DEPARTURE_TIMEOUT_S = 20
LEAVE_WITHIN_S = 5.0
CONNECTED_WITHIN_S = 3.0
"""How long a connect that is still under way is waited for at the end."""


@dataclass(frozen=True)
class Wanted:
    """What the user asked for."""

    flags: CredentialFlags
    run_id: str
    agent_name: str | None = None
    """The user's agent, to be dispatched once."""
    timeout_s: float = 20.0
    """How long an agent is waited for."""
    private: Credentials | None = None
    """Those of a private server; nothing is looked for then."""
    follow: tuple[Callable[[Event], object], ...] = ()
    """Called with each event."""


@dataclass
class Bench:
    """One examination's. `close` undoes whatever the checks have begun."""

    wanted: Wanted
    address: Credentials | None = None
    """Whose URL can be used; key and secret may be nobody's. Set by `url`."""
    credentials: Credentials | None = None
    """All three, fit to be sent. Set by `key`."""
    addresses: list[str] = field(default_factory=list)
    """What the host resolves to. Set by `dns`."""
    date: str | None = None
    """The Date header of the server's last answer. Set by `http`."""
    answered_at_s: float = 0.0
    """When it was answered, on this machine's clock: between asking and hearing."""
    server: dict[str, str] = field(default_factory=dict)
    """What the server says of itself. Set by `signalling` and `worker`."""
    joined: JoinResponse | None = None
    """What the server answers to a client. Set by `signalling`."""
    media: rtc.Room | None = None
    """A participant who is in the doctor's room. Set by `media`."""
    connecting: asyncio.Task[None] | None = None
    probe: Probe | None = None
    """Registered. Set by `worker`."""
    events: list[Event] = field(default_factory=list)
    rooms_made: list[str] = field(default_factory=list)
    """Every room that may be there because of the doctor."""

    def __post_init__(self) -> None:
        self.recorder = Recorder(
            self.events.append, *self.wanted.follow, wall_ns=time.time_ns, mono_ns=time.monotonic_ns
        )
        self.run: TrialRecorder = self.recorder.for_trial(None)
        self._control: Control | None = None

    @property
    def prefix(self) -> str:
        """Of the names of rooms and of the probe."""
        return f"lkdiag-{self.wanted.run_id}"

    @property
    def room(self) -> str:
        """The room that most checks take place in."""
        return f"{self.prefix}-doctor"

    @property
    def nobody(self) -> str:
        """An agent's name that no worker has. A room that names it gets no agent of the project's."""
        return f"{self.prefix}-nobody"

    @property
    def known(self) -> Credentials:
        """The credentials, of which the checks that ask for them know that they are there."""
        assert self.credentials is not None, "a check that needs `key`"
        return self.credentials

    @property
    def control(self) -> Control:
        """The API client."""
        assert self._control is not None, "a check that needs `key`"
        return self._control

    async def take(self, credentials: Credentials) -> None:
        """From now on these credentials are used."""
        self.credentials = credentials
        self.recorder.hide(credentials.api_secret)
        self._control = await Control(credentials).__aenter__()

    async def make_room(self, name: str, agent_name: str) -> str:
        """Create a room of the doctor's own that asks for this agent; its SID. Raises ApiCallError."""
        self.rooms_made.append(name)
        room = await self.control.create_room(
            self.run,
            name,
            empty_timeout_s=EMPTY_TIMEOUT_S,
            departure_timeout_s=DEPARTURE_TIMEOUT_S,
            dispatches=[(agent_name, "")],
        )
        return room.sid

    def clean(self, text: str, *more: str) -> str:
        """A text from anywhere, without the secret, and without `more`."""
        secrets = [] if self.credentials is None else [self.credentials.api_secret]
        return scrub(text, [*secrets, *more])

    async def close(self) -> None:
        """Undo whatever the checks have begun: nobody stays in a room, no worker, no room."""
        await self._leave()
        if self.probe is not None:
            await self.probe.close()
        if self._control is not None:
            if self.rooms_made:
                await close_leftovers(self._control, self.recorder, f"{self.prefix}-")
            await self._control.__aexit__(None, None, None)

    def rooms_left(self) -> tuple[str, ...]:
        """Rooms of its own that were there even after they had been deleted; known once it is closed."""
        return tuple(row.room for event in self.events if isinstance(row := event.row, RoomLeftOver))

    def rooms_unseen(self) -> bool:
        """Whether the server did not say what became of them."""
        return any(event.kind == SweepFailed.KIND for event in self.events)

    async def _leave(self) -> None:
        if self.connecting is None or self.media is None:
            return
        # A connect of livekit.rtc is not cancelled: its native part ends the process, some seconds later, when nobody
        # takes the room. One that does not come about goes on for a minute: it ends with this process.
        await asyncio.wait({self.connecting}, timeout=CONNECTED_WITHIN_S)
        if self.connecting.done() and not self.connecting.cancelled() and self.connecting.exception() is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_WITHIN_S):
                    await self.media.disconnect()


# Which candidate pair won, by the statistics of livekit's own peer connection.


@dataclass(frozen=True)
class MediaPath:
    """How media goes between this machine and the server."""

    transport: str
    """`udp` or `tcp`."""
    local: str
    """This machine's candidate: `192.0.2.2:43476 (host)`."""
    remote: str
    """The server's: `127.0.0.1:53714`, or only `port 53714`."""
    relay: str = ""
    """How the TURN server is spoken to (`udp`, `tcp` or `tls`); empty without one."""
    relay_url: str = ""
    round_trip: str = ""
    """`12 ms`; empty as long as nothing was measured."""


def winner(stats: Iterable[pb.RtcStats]) -> MediaPath | None:
    """The pair that a transport has selected, of the first one that has; None as long as none has."""
    selected: list[str] = []
    pairs: dict[str, pb.CandidatePairStats] = {}
    candidates: dict[str, pb.IceCandidateStats] = {}
    for one in stats:
        kind = one.WhichOneof("stats")
        if kind == "transport" and one.transport.transport.selected_candidate_pair_id:
            selected.append(one.transport.transport.selected_candidate_pair_id)
        elif kind == "candidate_pair":
            pairs[one.candidate_pair.rtc.id] = one.candidate_pair.candidate_pair
        elif kind == "local_candidate":
            candidates[one.local_candidate.rtc.id] = one.local_candidate.candidate
        elif kind == "remote_candidate":
            candidates[one.remote_candidate.rtc.id] = one.remote_candidate.candidate
    for pair_id in selected:
        pair = pairs.get(pair_id)
        if pair is None or pair.local_candidate_id not in candidates or pair.remote_candidate_id not in candidates:
            continue
        local, remote = candidates[pair.local_candidate_id], candidates[pair.remote_candidate_id]
        relayed = local.candidate_type == pb.IceCandidateType.RELAY
        round_trip_ms = pair.current_round_trip_time * 1000
        return MediaPath(
            transport=(remote.protocol or local.protocol).lower(),
            local=f"{_address(local)} ({pb.IceCandidateType.Name(local.candidate_type).lower()})",
            remote=_address(remote),
            relay=_relay_protocol(local) if relayed else "",
            relay_url=local.url if relayed else "",
            round_trip=f"{round_trip_ms:.0f} ms" if round_trip_ms else "",
        )
    return None


def _address(candidate: pb.IceCandidateStats) -> str:
    if not candidate.address:  # WebRTC hides an address that it has learned by itself, and not by signalling
        return f"port {candidate.port}"
    host = f"[{candidate.address}]" if ":" in candidate.address else candidate.address
    return f"{host}:{candidate.port}"


def _relay_protocol(candidate: pb.IceCandidateStats) -> str:
    if candidate.HasField("relay_protocol"):
        return pb.IceServerTransportProtocol.Name(candidate.relay_protocol).removeprefix("TRANSPORT_").lower()
    return "udp"
