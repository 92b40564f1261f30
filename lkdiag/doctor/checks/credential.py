"""Where the credentials come from, and what in them can only be a slip. Nothing is sent anywhere here."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lkdiag import settings
from lkdiag.doctor.check import failed, not_tried, ok, warning
from lkdiag.errors import CredentialsError

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found
    from lkdiag.settings import CredentialFlags, Credentials

STAND_IN = "lkdiag-stand-in"
"""In place of a key, a secret or a host of which only the others are looked at. Never sent."""
STAND_IN_URL = "wss://lkdiag.invalid"
LK_CONFIG = "cli-config.yaml"
DASHBOARD = "cloud.livekit.io"
SECRET_MIN = 32
"""livekit-server 1.13.5 calls shorter ones too short; LiveKit's own have 43 and more."""
DEV_KEY, DEV_SECRET = "devkey", "secret"
"""Those of `livekit-server --dev`, which everybody knows."""

_OF_FORM = re.compile(r" (?:has (?:an? |no |the |whitespace)|is still a placeholder|is not a URL)")


@dataclass(frozen=True)
class Search:
    """What the search for credentials gave: as a whole, for the URL alone, for key and secret alone."""

    whole: Credentials | CredentialsError
    url: Credentials | CredentialsError
    pair: Credentials | CredentialsError


def search(flags: CredentialFlags) -> Search:
    """Look for all three, and where that fails for each half, so that one slip does not hide the other half."""
    whole = _load(flags)
    if not isinstance(whole, CredentialsError):
        return Search(whole, whole, whole)
    url = _load(replace(flags, api_key=STAND_IN, api_secret=STAND_IN))
    default = not isinstance(url, CredentialsError) and LK_CONFIG in url.source and flags.project is None
    if default and "default project" not in whole.message:
        url = whole  # beside this key and secret lk's default project would not have been asked
    return Search(whole, url, _load(replace(flags, url=STAND_IN_URL)))


async def source(bench: Bench) -> Found:
    """Which place they were found in."""
    if bench.wanted.private is not None:
        return ok(bench.wanted.private.source)
    whole = search(bench.wanted.flags).whole
    if isinstance(whole, CredentialsError):
        if is_of_form(whole):
            return ok(f"something is there, but {whole.message.partition(' has ')[0].partition(' is ')[0]} is unusable")
        return failed(whole.message, whole.hint)
    if whole.warnings:
        return warning(whole.source, f"{'; '.join(whole.warnings)}.")
    return ok(whole.source)


async def url(bench: Bench) -> Found:
    """Whether the URL is one, and LiveKit's."""
    private = bench.wanted.private
    found = private or search(bench.wanted.flags).url
    if isinstance(found, CredentialsError):
        return failed(found.message, found.hint) if is_of_form(found) else not_tried("none was found")
    bench.address = found
    parts = urlsplit(found.url)
    if parts.hostname == DASHBOARD:
        bench.address = None
        return failed(
            f"{found.url} is LiveKit Cloud's dashboard, not a project",
            "Use the project's own URL, wss://NAME.livekit.cloud, which the dashboard shows under Settings.",
        )
    if parts.path:
        return warning(
            f"{found.url} has a path: {parts.path}",
            "Write the URL without its path, unless a proxy of yours has put LiveKit below it.",
        )
    return ok(found.url)


async def key(bench: Bench) -> Found:
    """Whether key and secret look like a key and a secret, in this order."""
    found = bench.wanted.private
    if found is None:
        searched = search(bench.wanted.flags)
        if isinstance(searched.pair, CredentialsError):
            told = searched.pair
            return failed(told.message, told.hint) if is_of_form(told) else not_tried("none were found")
        if (slip := _slip(searched.pair)) is not None:
            return slip
        if isinstance(searched.whole, CredentialsError):
            return ok(_shown(searched.pair))
        found = searched.whole
    await bench.take(found)
    if found.api_key == DEV_KEY and found.api_secret == DEV_SECRET and not found.is_loopback:
        return warning(
            f"{_shown(found)}: those of `livekit-server --dev`, which everybody knows",
            "Start the server with keys of your own: `livekit-server generate-keys` makes them.",
        )
    return ok(_shown(found))


def is_of_form(error: CredentialsError) -> bool:
    """Whether something is there that can only be a slip; otherwise something is missing, or can't be read."""
    return not error.message.startswith("no project") and _OF_FORM.search(error.message) is not None


def looks_swapped(api_key: str, api_secret: str) -> bool:
    """Whether the key is the secret and the other way round."""
    return settings.are_swapped(api_key, api_secret) or len(api_secret) < SECRET_MIN <= len(api_key)


def _slip(found: Credentials) -> Found | None:
    if found.api_key == found.api_secret:
        return failed("key and secret are the same", "Copy both again: a secret is the longer one.")
    if looks_swapped(found.api_key, found.api_secret):
        return failed(
            "key and secret look swapped: the key is as long as a secret, and the secret as short as a key",
            "Exchange LIVEKIT_API_KEY and LIVEKIT_API_SECRET (or api_key and api_secret), wherever they come from.",
        )
    return None


def _shown(found: Credentials) -> str:
    return f"key {settings.masked_key(found.api_key)}, secret of {len(found.api_secret)} characters"


def _load(flags: CredentialFlags) -> Credentials | CredentialsError:
    try:
        return settings.load(flags)
    except CredentialsError as error:
        return error
