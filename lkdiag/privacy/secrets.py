"""The scrubber: hides secrets in a text, or in whatever a JSON value holds."""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lkdiag.privacy.names import is_secret_name
from lkdiag.privacy.shapes import (
    HIDDEN,
    is_secret_value,
    without_assigned,
    without_encoded,
    without_guessed,
    without_schemes,
    without_shapes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# Finds secrets that lkdiag knows, in every form in which a program may write them down.

SHORTEST = 8
"""Characters. A shorter secret of letters only ("secret", livekit-server's in dev mode) is a word like any other."""
SHORTEST_MIXED = 4
"""Characters of a secret that has other signs than letters, and not digits alone."""
SHORTEST_BASE64 = 12
"""Characters of base 64. Fewer would be found by chance."""


def without_known(text: str, secrets: tuple[str, ...]) -> str:
    """`text` with `***` for each of the secrets: plain, quoted for URLs, escaped for JSON, or in base 64."""
    pattern = _pattern(secrets)
    return text if pattern is None else pattern.sub(HIDDEN, text)


@lru_cache(maxsize=64)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    forms = {form for secret in secrets if _is_telling(secret) for form in _forms(secret)}
    # longest first: a secret may contain another one
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None


def _is_telling(secret: str) -> bool:
    if len(secret) >= SHORTEST:
        return True
    return len(secret) >= SHORTEST_MIXED and not secret.isalpha() and not secret.isdigit()


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    once = json.dumps(secret)[1:-1]
    yield once
    yield json.dumps(once)[1:-1]
    data = secret.encode(errors="replace")
    for before in range(3):
        # three bytes are four characters: what depends on the neighbours is cut off at both ends
        encoded = base64.b64encode(b"\0" * before + data)
        whole = encoded[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6].decode()
        if len(whole) >= SHORTEST_BASE64:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")


# The scrubber: of one text, or of whatever a JSON value holds.

DEEPEST = 2
"""How often base 64 is looked into."""
REMEMBERED = 20_000
"""Texts. Logs, and the events of a run, say the same again and again."""
LONGEST_REMEMBERED = 1_000
"""Characters."""
KEY_LINES = 200
"""Lines of a key block: an RSA key of 16,384 bits has 195."""

_ID = re.compile(
    r"(?:^|_)(?:ids?|sids?|name|rooms?|identity|identities|participants?)$|(?<=[a-z])(?:Id|ID|Sid|Identity|Name)$"
)
_PLAIN_TYPES = frozenset({int, float, bool, type(None)})
_HARMLESS = re.compile(r"[\w.-]{0,15}")
"""A word that is shorter than any secret that is known by its look."""
_KEY_BEGINS = re.compile(r"-----BEGIN[A-Z ]{1,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END[A-Z ]{1,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(
    r"\s*(?:[A-Za-z0-9+/]{16,}={0,2}|[A-Za-z0-9+/]{2,}={1,2}|=[A-Za-z0-9+/]{4}"
    r"|(?:Proc-Type|DEK-Info|Version|Comment): .*)?\s*"
)


def scrub(text: str, known: Iterable[str] = (), *, guess: bool = True, sure: bool = False) -> str:
    """`text` with `***` for every secret: those that are `known`, and whatever looks like one.

    Without `guess` long texts that only look made up at random stay: they may be names. With `sure` short values of
    vague names stay (`auth: guest`).
    """
    return _scrubbed(text, tuple(known), DEEPEST, guess=guess, sure=sure)


def _scrubbed(text: str, known: tuple[str, ...], depth: int, *, guess: bool, sure: bool) -> str:
    if known:
        text = without_known(text, known)
    if _HARMLESS.fullmatch(text):
        return text
    text = without_schemes(without_assigned(without_shapes(text), sure=sure))
    if depth:
        text = without_encoded(text, lambda inner: _scrubbed(inner, known, depth - 1, guess=False, sure=sure))
    return without_guessed(text) if guess else text


class Scrubber:
    """A scrubber for the texts of one run, or of one log, with the secrets that are known.

    A key block may be spread over the texts that it is given one after the other.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = tuple(known)
        self._text = lru_cache(maxsize=REMEMBERED)(self._scrubbed)
        self._key_lines = 0
        """How many more texts may be lines of a key block that has begun."""

    def hide(self, secret: str) -> None:
        """Learn one more secret."""
        self._known = (*self._known, secret)
        self._text.cache_clear()

    def text(self, text: str) -> str:
        """Any text."""
        return self._in_turn(text, guess=True)

    def value(self, value: Any, name: str = "") -> Any:
        """A value of JSON, in a field of that name. Ids and names are not guessed at: a verdict rests on them."""
        if isinstance(value, dict):
            return self._fields(value)
        if isinstance(value, list | tuple):
            return [self.value(item, name) for item in value]
        if not isinstance(value, str) or not value:
            return value
        if name and is_secret_name(name):
            return HIDDEN if is_secret_value(value) else value
        if (inner := embedded(value)) is not None and (hidden := self.value(inner)) != inner:
            value = json.dumps(hidden, ensure_ascii=False)
        return self._in_turn(value, guess=not _is_id(name))

    def _fields(self, value: dict[Any, Any]) -> dict[Any, Any]:
        fields = {}
        for key, item in value.items():
            shown = self._text(key, False) if isinstance(key, str) else key
            # most of an event are numbers
            fields[shown] = item if item.__class__ in _PLAIN_TYPES else self.value(item, str(key))
        if "credential" in value and is_secret_value(str(value.get("username", ""))):
            fields["username"] = HIDDEN  # of a TURN server
        if "value" in value and is_secret_name(str(value.get("name", ""))):
            fields["value"] = HIDDEN  # as Kubernetes writes variables
        return fields

    def _in_turn(self, text: str, *, guess: bool) -> str:
        """The text, which may be a line of a key block that began in a text before."""
        if self._key_lines:
            self._key_lines -= 1
            if end := _KEY_ENDS.search(text):
                self._key_lines = 0
                return f"{HIDDEN}{self._cached(text[end.end() :], guess=guess)}"
            if guess and _KEY_LINE.fullmatch(text):
                return HIDDEN
        if "PRIVATE" in text and _has_begun(text):
            self._key_lines = KEY_LINES
        return self._cached(text, guess=guess)

    def _cached(self, text: str, *, guess: bool) -> str:
        if len(text) > LONGEST_REMEMBERED:
            return self._scrubbed(text, guess)
        return self._text(text, guess)

    def _scrubbed(self, text: str, guess: bool) -> str:
        return scrub(text, self._known, guess=guess)


def embedded(text: str) -> dict[str, Any] | list[Any] | None:
    """The JSON object, or the list, that a text is: logs have them in their fields."""
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


@lru_cache(maxsize=2_000)
def _is_id(name: str) -> bool:
    return bool(_ID.search(name))


def _has_begun(text: str) -> bool:
    """Whether a key block begins in it that does not end in it."""
    begins = [found.start() for found in _KEY_BEGINS.finditer(text)]
    return bool(begins) and not _KEY_ENDS.search(text, begins[-1])
