"""Which candidate pair won, by the statistics of livekit's own peer connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.rtc._proto import stats_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable


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
