"""The configuration of a private livekit-server: loopback only, free ports, random keys."""

from __future__ import annotations

import secrets
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """What the server listens on."""

    http: int
    """TCP: the API, signalling and workers."""
    udp: int
    """All media."""


@dataclass(frozen=True)
class ApiKey:
    """A key of this one server, gone with it."""

    key: str
    secret: str = field(repr=False)


def free_ports() -> Ports:
    """Two ports that were free a moment ago: whoever uses them has to reckon with a loser's luck."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        tcp.bind((LOOPBACK, 0))
        udp.bind((LOOPBACK, 0))
        return Ports(http=tcp.getsockname()[1], udp=udp.getsockname()[1])


def random_key() -> ApiKey:
    """The server warns of secrets under 32 characters; this one has 43."""
    return ApiKey(f"lkdiag{secrets.token_hex(6)}", secrets.token_urlsafe(32))


def private_config(ports: Ports, api_key: ApiKey, webhook_urls: Sequence[str] = ()) -> dict[str, object]:
    """For an instance that no other machine can reach. The keys are those of livekit's `config-sample.yaml`."""
    config: dict[str, object] = {
        "port": ports.http,
        "bind_addresses": [LOOPBACK],
        "rtc": {
            "udp_port": ports.udp,
            # Off: 1.13.5 opens this listener on every interface, whatever bind_addresses says
            # (mediatransportutil, rtcconfig/webrtc_config.go). Its default is 7881, so it has to be named.
            "tcp_port": 0,
            "node_ip": LOOPBACK,
            "use_external_ip": False,
            "enable_loopback_candidate": True,
            "interfaces": {"includes": ["lo0" if sys.platform == "darwin" else "lo"]},
        },
        "keys": {api_key.key: api_key.secret},
        "logging": {"level": "info", "json": True},
    }
    if webhook_urls:
        config["webhook"] = {"api_key": api_key.key, "urls": list(webhook_urls)}
    return config


def as_yaml(config: dict[str, object]) -> str:
    """As LIVEKIT_CONFIG takes it."""
    return yaml.safe_dump(config)
