"""Checks of form: what in a URL, a key or a secret can only be a slip."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lkdiag.errors import CredentialsError
from lkdiag.settings.credentials import OTHER_SCHEME

_QUOTES = "\"'`“”‘’„«»"
_NAMED_HOST = re.compile(r"(?:localhost|(?:[\w-]{1,63}\.)+[a-z]{2,24}|(?:\d+\.){3}\d+)(?::\d+)?", re.IGNORECASE)
_LOOPBACK = re.compile(r"(?:localhost|127\.)", re.IGNORECASE)


def check_text(value: str, where: str) -> None:
    """Refuse what can only be a slip, without showing the value."""
    if value.startswith("<") and value.endswith(">"):
        raise CredentialsError(f"{where} is still a placeholder", "Put your project's own value there.")
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        # `docker run --env-file` and CI settings keep the quotes that a shell takes away
        raise CredentialsError(f"{where} has a quotation mark at its start or end", "Write the value without it.")
    if not value.isprintable() or any(character.isspace() for character in value):
        raise CredentialsError(f"{where} has whitespace or an invisible character in it", "Copy the value again.")


def checked_url(value: str, where: str, secret: str) -> str:
    """The URL without trailing slash; a refused one is never shown, it might hold a password or be the secret."""
    from lkdiag.secrecy.scrubber import scrub

    if "@" in value:
        raise CredentialsError(
            f"{where} has a user name or password in it",
            "Write the URL without it: the key and the secret have settings of their own.",
        )
    scheme, separator, rest = value.partition("://")
    if not separator:
        host = value.partition("/")[0]
        hint = "Write it like wss://NAME.livekit.cloud, or ws://localhost:7880."
        if _NAMED_HOST.fullmatch(host) and scrub(host, [secret]) == host:
            hint = f"Did you mean {'ws' if _LOOPBACK.match(host) else 'wss'}://{host}?"
        raise CredentialsError(f"{where} has no scheme such as wss://", hint)
    if scheme.lower() not in OTHER_SCHEME:
        named = scrub(scheme, [secret]) if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,9}", scheme) else "an unknown one"
        raise CredentialsError(f"{where} has the wrong scheme: {named}", "LiveKit takes wss, ws, https and http.")
    if "?" in rest or "#" in rest:
        raise CredentialsError(f"{where} has a query or a fragment", "Write it without the ? or # and what follows.")
    try:
        parts = urlsplit(f"{scheme.lower()}://{rest}")
        host = parts.hostname or ""
    except ValueError:
        raise CredentialsError(f"{where} is not a URL", "Write it like wss://NAME.livekit.cloud.") from None
    if not re.fullmatch(r"[\w.-]+|[0-9a-f:.]*:[0-9a-f:.]*", host):
        what = "a host with characters that no host has" if host else "no host"
        raise CredentialsError(f"{where} has {what}", "Write it like wss://NAME.livekit.cloud.")
    try:
        usable = parts.port != 0 and not parts.netloc.endswith(":")
    except ValueError:
        usable = False
    if not usable:
        raise CredentialsError(f"{where} has no usable port", "A port is a number from 1 to 65535.")
    return parts.geturl().rstrip("/")
