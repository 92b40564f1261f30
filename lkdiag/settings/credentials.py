"""Credentials of a project, and what the command line says of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_MADE_KEY = re.compile(r"API[A-Za-z0-9]{6,24}")
"""As LiveKit Cloud and `livekit-server generate-keys` make them."""
OTHER_SCHEME = {"ws": "http", "wss": "https", "http": "ws", "https": "wss"}
"""Every scheme that LiveKit takes, and its counterpart for the other of HTTP API and signalling."""


@dataclass(frozen=True)
class Credentials:
    """One project's address, key and secret, checked for form but not yet tried."""

    url: str
    """As given, without a trailing slash: `wss://NAME.livekit.cloud`."""
    api_key: str
    api_secret: str = field(repr=False)
    source: str
    """One line for people: `environment`, `project "prod" of ~/.livekit/cli-config.yaml`."""
    warnings: tuple[str, ...] = ()

    @property
    def http_url(self) -> str:
        """Where the HTTP API is."""
        return self._with_scheme("http")

    @property
    def ws_url(self) -> str:
        """Where the signalling socket is."""
        return self._with_scheme("ws")

    @property
    def host(self) -> str:
        """Host, with its port where one was given."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def is_loopback(self) -> bool:
        """Whether the URL is of this very machine."""
        host = urlsplit(self.url).hostname or ""
        return host == "localhost" or host.startswith("127.") or host == "::1"

    def _with_scheme(self, family: str) -> str:
        scheme, _, rest = self.url.rstrip("/").partition("://")
        return f"{scheme if scheme.startswith(family) else OTHER_SCHEME[scheme]}://{rest}"

    def __repr__(self) -> str:
        shown = f"url={self.url!r}, api_key={masked_key(self.api_key)!r}, source={self.source!r}"
        return f"Credentials({shown}, warnings={self.warnings!r})"


@dataclass(frozen=True)
class CredentialFlags:
    """What the command line says of credentials; None where it is silent."""

    url: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)
    project: str | None = None


def are_swapped(api_key: str, api_secret: str) -> bool:
    """Whether the secret reads as a key that LiveKit made, and the key does not."""
    return _MADE_KEY.fullmatch(api_secret) is not None and _MADE_KEY.fullmatch(api_key) is None


def masked_key(api_key: str) -> str:
    """The key's first six characters: enough to recognise it by."""
    return f"{api_key[:6]}…"
