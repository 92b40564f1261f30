"""What the doctor concludes from what it has seen, without a server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from livekit.rtc._proto import stats_pb2 as pb

from lkdiag.doctor.bench import Wanted, winner
from lkdiag.doctor.check import Check, failed, ok
from lkdiag.doctor.checks.credentials import looks_swapped
from lkdiag.doctor.checks.sdk import mismatches
from lkdiag.doctor.checks.server import judged, missing
from lkdiag.doctor.examination import examine
from lkdiag.doctor.table import CHECKS
from lkdiag.render.terminal import TITLE_CELLS
from lkdiag.report.doctor_value import Health, Mark
from lkdiag.settings import CredentialFlags

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found


def path_by(local: pb.IceCandidateStats, protocol: str = "udp") -> list[pb.RtcStats]:
    """The statistics of a connection with a pair that failed, and one that won."""
    remote = pb.IceCandidateStats(address="203.0.113.7", port=7881, protocol=protocol)

    def pair(name: str, seconds: float) -> pb.RtcStats:
        stats = pb.CandidatePairStats(local_candidate_id="L", remote_candidate_id="R", current_round_trip_time=seconds)
        return pb.RtcStats(candidate_pair=pb.RtcStats.CandidatePair(rtc=pb.RtcStatsData(id=name), candidate_pair=stats))

    transport = pb.TransportStats(selected_candidate_pair_id="won")
    return [
        pair("lost", 0.5),
        pair("won", 0.012),
        pb.RtcStats(local_candidate=pb.RtcStats.LocalCandidate(rtc=pb.RtcStatsData(id="L"), candidate=local)),
        pb.RtcStats(remote_candidate=pb.RtcStats.RemoteCandidate(rtc=pb.RtcStatsData(id="R"), candidate=remote)),
        pb.RtcStats(transport=pb.RtcStats.Transport(rtc=pb.RtcStatsData(id="T"), transport=transport)),
    ]


def test_media_by_udp() -> None:
    path = winner(path_by(pb.IceCandidateStats(address="fd00::2", port=5000, protocol="udp")))
    assert path is not None
    assert (path.transport, path.local, path.remote) == ("udp", "[fd00::2]:5000 (host)", "203.0.113.7:7881")
    assert (path.relay, path.round_trip) == ("", "12 ms")
    assert judged(path, cloud=False).mark is Mark.OK


def test_media_by_tcp() -> None:
    path = winner(path_by(pb.IceCandidateStats(address="192.0.2.2", port=5000, protocol="tcp"), "tcp"))
    assert path is not None
    found = judged(path, cloud=True)
    assert (found.mark, found.seen) == (Mark.WARNING, "TCP to 203.0.113.7:7881: UDP did not get through")
    assert "LiveKit Cloud" in found.fix


def test_media_by_turn() -> None:
    relay = pb.IceCandidateStats(
        address="198.51.100.1", port=443, protocol="udp", url="turns:turn.example:443?transport=tcp",
        candidate_type=pb.IceCandidateType.RELAY,
        relay_protocol=pb.IceServerTransportProtocol.TRANSPORT_TLS,
    )  # fmt: skip
    path = winner(path_by(relay))
    assert path is not None
    found = judged(path, cloud=False)
    assert found.mark is Mark.WARNING
    assert found.seen.startswith("TURN over TLS: ")
    assert found.details["relay"] == "turns:turn.example:443?transport=tcp"


def test_address_that_is_hidden() -> None:
    path = winner(path_by(pb.IceCandidateStats(port=5000, protocol="udp")))
    assert path is not None
    assert path.local == "port 5000 (host)"


def test_no_path_yet() -> None:
    assert winner([]) is None
    assert winner([pb.RtcStats(transport=pb.RtcStats.Transport())]) is None


@pytest.mark.parametrize(
    ("key", "secret", "swapped"),
    [
        ("APIabcdefghijk", "s" * 43, False),
        ("s" * 43, "APIabcdefghijk", True),
        ("devkey", "secret", False),
        ("secret", "devkey", False),
        ("k" * 43, "lkdiag0123456789ab", True),
        ("APIabcdefghijk", "APIabcdefghijz", False),
    ],
)
def test_swapped(key: str, secret: str, swapped: bool) -> None:
    assert looks_swapped(key, secret) is swapped


@pytest.mark.parametrize(
    ("version", "count"), [("1.13.5", 0), ("1.9.2", 0), ("1.9.1", 1), ("v1.8.0", 3), ("", 0), ("edge", 0)]
)
def test_what_an_old_server_lacks(version: str, count: int) -> None:
    assert len(missing(version)) == count


def test_sdks_that_do_not_fit_each_other() -> None:
    needs = {
        "lkdiag": ["livekit>=1.1", "livekit-api>=1.2", "typer>=0.15"],
        "livekit-api": ["livekit-protocol<2.0.0,>=1.1.27", "aiohttp>=3; python_version < '3.10'"],
        "livekit-agents": ["livekit==1.1.21"],
    }
    fine = {"lkdiag": "0.1.0", "livekit": "1.1.21", "livekit-api": "1.2", "livekit-protocol": "1.1.29"}
    assert mismatches(fine, lambda package: needs[package]) == []
    bad = {**fine, "livekit": "1.2.0", "livekit-protocol": "2.0.0", "livekit-agents": "1.8.9"}
    assert mismatches(bad, lambda package: needs[package]) == [
        "livekit-api 1.2 needs livekit-protocol<2.0.0,>=1.1.27, not 2.0.0",
        "livekit-agents 1.8.9 needs livekit==1.1.21, not 1.2.0",
    ]


def test_table_is_in_order() -> None:
    before: set[str] = set()
    for check in CHECKS:
        assert set(check.needs) <= before, check.slug
        assert check.slug not in before
        assert len(check.title) <= TITLE_CELLS
        before.add(check.slug)


async def test_a_check_that_crashes_is_lkdiags_own_fault() -> None:
    async def crash(_bench: Bench) -> Found:
        raise KeyError("gone")

    async def fine(_bench: Bench) -> Found:
        return ok("fine")

    checks = (Check("a", "A", "G", crash), Check("b", "B", "G", fine, ("a",)), Check("c", "C", "G", fine))
    wanted = Wanted(CredentialFlags(), "20260101-120000-ab12")
    report = await examine(wanted, lambda _check: None, lambda _checked: None, asyncio.Event(), checks)
    assert [checked.mark for checked in report.checks] == [Mark.NOT_TRIED, Mark.NOT_TRIED, Mark.OK]
    assert report.checks[0].seen == "not tried: lkdiag failed: KeyError: 'gone'"
    assert report.checks[1].seen == "not tried: it needs “A”"
    assert (report.health, report.interrupted) == (Health.UNCLEAR, False)


async def test_one_gate_that_fails_makes_it_untestable() -> None:
    async def wrong(_bench: Bench) -> Found:
        return failed("wrong", "Mend it.")

    wanted = Wanted(CredentialFlags(), "20260101-120000-ab12")
    for gate, health in ((True, Health.UNTESTABLE), (False, Health.WRONG)):
        checks = (Check("a", "A", "G", wrong, gate=gate),)
        report = await examine(wanted, lambda _check: None, lambda _checked: None, asyncio.Event(), checks)
        assert report.health is health
