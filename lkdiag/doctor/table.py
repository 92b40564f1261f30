"""Which checks there are, in the order in which they are made.

To add one: write a function in a file of `lkdiag/doctor/checks/`, and a line here. It looks at one thing, and says
what it saw and, where that is wrong, what to do about it in one sentence.
"""

from __future__ import annotations

from lkdiag.doctor.check import Check
from lkdiag.doctor.checks import credentials, network, sdk, server, worker

CREDENTIALS, NETWORK, API, MEDIA, AGENTS, SERVER = (
    "Credentials", "Network", "HTTP API", "Real time", "Agents", "Server and SDKs",
)  # fmt: skip

CHECKS: tuple[Check, ...] = (
    Check("source", "Found in", CREDENTIALS, credentials.source, gate=True),
    Check("url", "URL", CREDENTIALS, credentials.url, gate=True),
    Check("key", "Key and secret", CREDENTIALS, credentials.key, gate=True),
    Check("dns", "DNS", NETWORK, network.dns, ("url",), gate=True),
    Check("tcp", "TCP", NETWORK, network.tcp, ("dns",), gate=True),
    Check("tls", "TLS", NETWORK, network.tls, ("tcp",), gate=True),
    Check("http", "HTTP", NETWORK, network.http, ("tls",), gate=True),
    Check("clock", "Clock", NETWORK, network.clock, ("http",)),
    Check("api", "Credentials taken", API, credentials.accepted, ("http", "key"), gate=True),
    Check("grants", "Grants checked", API, credentials.grants, ("api",)),
    Check("rooms", "Rooms", API, credentials.rooms, ("api",)),
    Check("dispatches", "Dispatches", API, credentials.dispatches, ("rooms",)),
    Check("leftovers", "Left by lkdiag", API, server.leftovers, ("api",)),
    Check("signalling", "Signalling /rtc", MEDIA, server.signalling, ("api",)),
    Check("media", "Media path", MEDIA, server.media, ("signalling",)),
    # before lkdiag's own worker registers: from then on the server lists new jobs late
    Check("agent", "Your agent", AGENTS, worker.agent, ("rooms", "dispatches")),
    Check("worker-socket", "Worker /agent", AGENTS, worker.socket, ("api",)),
    Check("worker", "Registration", AGENTS, worker.registration, ("worker-socket",)),
    Check("round-trip", "Round trip", AGENTS, worker.round_trip, ("worker", "rooms", "media")),
    Check("server", "Server", SERVER, server.server, ("api",)),
    Check("regions", "Regions", SERVER, server.regions, ("api",)),
    Check("move", "MoveParticipant", SERVER, credentials.move, ("media", "rooms")),
    Check("sip", "SIP service", SERVER, credentials.sip, ("api",)),
    Check("sdk", "SDKs here", SERVER, sdk.sdk),
)
