"""What is masked, and by what: the same thing has the same mask wherever it stands, so that the story still reads.

`learn` first sees everything that is to be shown together; `text` and `value` then mask it. Things are known by what
they look like (phone numbers, mail addresses, public IP addresses, hosts of LiveKit Cloud) or by the field in which
they stand (identities, metadata, names of people), and then are found in every other text too.
"""

from __future__ import annotations

import json
import re
import shlex
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from lkdiag.privacy.field_rules import (
    API_KEY,
    BARE_PHONE,
    CLOUD_HOST,
    HOME,
    IDENTITY,
    IP,
    LOOKS,
    LOOPBACK,
    MAIL,
    METADATA,
    PHONE,
    SHARED_DOMAINS,
    SHARED_HOSTS,
    SHORTEST_BARE,
    SHORTEST_PHONE,
    VERSION_BEFORE,
    WORD,
    is_content_name,
    is_fixed_name,
    is_identity_name,
    is_kept_attribute,
    is_key_name,
    is_metadata_name,
    is_own_identity,
    is_people_name,
    is_person_name,
    is_phone_name,
)
from lkdiag.privacy.secrets import embedded
from lkdiag.privacy.shapes import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOUD = ".livekit.cloud"


REMEMBERED = 50_000
"""Texts."""


class Masks:
    """The masks of one run, on the project `host`, whose jobs have this `metadata`."""

    def __init__(self, host: str = "", metadata: str = "") -> None:
        self._names: dict[str, str] = {}
        """What is known by its field: its mask."""
        self._phones: dict[str, str] = {}
        """By digits."""
        self._projects: dict[str, str] = {}
        """By the first label of their host on LiveKit Cloud."""
        self._found: dict[str, set[str]] = {}
        """By kind: what was masked."""
        self._known: re.Pattern[str] | None = None
        self._texts: dict[str, str] = {}
        """Texts that were masked already: logs say the same again and again."""
        self._metadata = metadata
        self._add_host(host)
        if len(metadata) >= 4:
            self._names[metadata] = HIDDEN

    @classmethod
    def of_run(cls, host: str, options: Mapping[str, Any]) -> Masks:
        """The masks of a run on the project `host`, with these options of its scenario."""
        return cls(host, str(options.get("metadata") or ""))

    @property
    def masked(self) -> dict[str, int]:
        """How many different things of each kind have been masked so far."""
        return {kind: len(things) for kind, things in sorted(self._found.items())}

    # -- learning -------------------------------------------------------------------------------------------------

    def learn(self, value: Any, name: str = "") -> None:
        """Take notice of what can only be known by its field: whose name it is, and what is a phone number."""
        self._texts.clear()
        if isinstance(value, dict):
            for key, item in value.items():
                self.learn(item, str(key))
        elif isinstance(value, list | tuple):
            for item in value:
                self.learn(item, name)
        elif isinstance(value, str) and value:
            self._learn_text(value, name)
        elif isinstance(value, int) and not isinstance(value, bool) and is_phone_name(name):
            self._phone(str(value))

    def _learn_text(self, text: str, name: str) -> None:
        if (inner := embedded(text)) is not None:
            self.learn(inner)
        for number in PHONE.finditer(text):
            if not _is_version(number):
                self._phone(number[0])
        for identity in IDENTITY.finditer(text):
            self._learn_name(identity["name"], "person")
        if is_people_name(name) or is_identity_name(name) or is_person_name(name):
            self._learn_name(text, "machine" if name.lower() == "hostname" else "person")
        elif is_phone_name(name) and BARE_PHONE.fullmatch(text):
            self._phone(text)

    def _learn_name(self, text: str, kind: str) -> None:
        if BARE_PHONE.fullmatch(text):
            self._phone(text)
        elif not (is_own_identity(text) or HIDDEN in text or any(look.search(text) for look in LOOKS)):
            self._number(text, kind)

    def _number(self, text: str, kind: str) -> str:
        """The mask of a name, which from now on is found everywhere."""
        if text not in self._names:
            taken = sum(_kind_of(mask) == kind for mask in self._names.values())
            self._names[text] = f"{HIDDEN}{kind}-{taken + 1}"
            self._known = None
        return self._names[text]

    def _phone(self, text: str) -> str:
        digits = _digits(text)
        if digits not in self._phones:
            self._phones[digits] = f"{HIDDEN}phone-{len(self._phones) + 1}"
            self._known = None
        return self._phones[digits]

    def _add_host(self, host: str) -> None:
        """`private livekit-server` and this machine name nobody."""
        bare = re.sub(r":\d+$", "", host)
        if not bare or " " in bare or HIDDEN in bare or LOOPBACK.match(bare):
            return
        if not bare.endswith(CLOUD):
            self._names[bare] = HIDDEN
            return
        label = bare.partition(".")[0]
        self._project(label)
        if len(label) >= 6 and re.search(r"[\d-]", label):  # else it may be a word
            self._names[label] = HIDDEN

    def _project(self, label: str) -> str:
        if label in SHARED_HOSTS:
            return label
        number = len(self._projects) + 1
        return self._projects.setdefault(label, HIDDEN if number == 1 else f"{HIDDEN}{number}")

    # -- masking --------------------------------------------------------------------------------------------------

    def value(self, value: Any, name: str = "") -> Any:
        """A value of JSON, masked; `name` is the field in which it stands."""
        if name.lower().endswith("attributes") and isinstance(value, dict):
            kept = {key for key in value if is_kept_attribute(key) or is_phone_name(key)}
            return {key: self.value(item, key) if key in kept else self._hide(item) for key, item in value.items()}
        if is_metadata_name(name) or is_content_name(name):
            return self._hide(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, name) for item in value]
        if isinstance(value, str):
            return self._field(value, name)
        if isinstance(value, int) and not isinstance(value, bool) and is_phone_name(name):
            return self._whole(str(value))
        return value

    def text(self, text: str) -> str:
        """Any text, masked."""
        if (already := self._texts.get(text)) is not None:
            return already
        masked = self._masked(text)
        if self._known is None or len(self._texts) >= REMEMBERED:
            self._texts.clear()  # something new is known
        self._texts[text] = masked
        return masked

    def _masked(self, text: str) -> str:
        text = METADATA.sub(self._metadata_in_text, text)
        text = CLOUD_HOST.sub(self._cloud_host, text)
        text = MAIL.sub(self._mail, text)
        text = HOME.sub(lambda found: self._note("folder", found["name"], f"{found['before']}{HIDDEN}"), text)
        if self._known is None:
            self._known = self._compiled()
        text = self._known.sub(self._known_in_text, text)
        text = PHONE.sub(self._phone_in_text, text)
        text = IP.sub(self._address, text)
        return API_KEY.sub(lambda found: self._note("api key", found[0], HIDDEN), text)

    def command(self, command: str) -> str:
        """A command line: what was given as metadata is masked there even if it is one letter."""
        try:
            words = shlex.split(command)
        except ValueError:
            return self.text(command)
        shown = []
        for before, word in zip(["", *words], words, strict=False):
            option, given, value = word.partition("=")
            if before == "--metadata":
                shown.append(self._hide(word))
            elif given and (option == "--metadata" or (before == "--set" and option == "metadata")):
                shown.append(f"{option}={self._hide(value)}")
            else:
                shown.append(self.text(word))
        return shlex.join(shown)

    def _field(self, text: str, name: str) -> str:
        if name == "command":
            return self.command(text)
        if is_fixed_name(name) and WORD.fullmatch(text):
            return text  # an identity may be the same word
        if is_key_name(name) and text and HIDDEN not in text:
            return self._note("api key", text, HIDDEN)
        if (inner := embedded(text)) is not None:
            masked = self.value(inner)
            return text if masked == inner else json.dumps(masked, ensure_ascii=False)
        whole = is_identity_name(name) or is_people_name(name) or is_person_name(name) or is_phone_name(name)
        return self._whole(text) if whole else self.text(text)

    def _whole(self, text: str) -> str:
        """A text that is one name, or one number, however short."""
        if BARE_PHONE.fullmatch(text) and _digits(text) in self._phones:
            return self._note("phone", _digits(text), self._phones[_digits(text)])
        if text in self._names:
            return self._note(_kind_of(self._names[text]), text, self._names[text])
        return self.text(text)

    def _hide(self, value: Any) -> Any:
        if not value or value == HIDDEN or isinstance(value, int | float):
            return value
        return self._note("metadata", str(value), HIDDEN)

    def _note(self, kind: str, what: str, mask: str) -> str:
        self._found.setdefault(kind, set()).add(what)
        return mask

    def _compiled(self) -> re.Pattern[str]:
        """One pattern for all names and numbers that are known, the longest first."""
        numbers = [digits for digits in self._phones if len(digits) >= SHORTEST_BARE]
        known = sorted((*self._names, *numbers), key=lambda name: (-len(name), name))
        inside = "|".join(re.escape(name) for name in known)
        return re.compile(rf"(?<![^\W_])(?:{inside})(?![^\W_])") if known else re.compile(r"(?!)")

    def _known_in_text(self, found: re.Match[str]) -> str:
        text = found[0]
        if text in self._names:
            kind = "metadata" if text == self._metadata else _kind_of(self._names[text])
            return self._note(kind, text, self._names[text])
        if found.string[: found.start()].endswith(("+", "%2B", "%2b")):
            return text  # the pattern takes the + with it
        return self._note("phone", text, self._phones[text])

    def _metadata_in_text(self, found: re.Match[str]) -> str:
        value = found[0][len(found["name"]) :]
        inner = value.strip("\"'{}")
        if inner in ("", HIDDEN):
            return found[0]
        quote = value[0] if value[0] in "\"'" else ""
        return self._note("metadata", inner, f"{found['name']}{quote}{HIDDEN}{quote}")

    def _cloud_host(self, found: re.Match[str]) -> str:
        if found["rest"].startswith(SHARED_DOMAINS):
            return found[0]
        mask = self._project(found["project"])
        return found[0] if mask == found["project"] else self._note("host", found["project"], f"{mask}{found['rest']}")

    def _mail(self, found: re.Match[str]) -> str:
        """A mail address; or a SIP address, which has the same form, and often a number in it."""
        user = found[0].partition("@")[0]
        if BARE_PHONE.fullmatch(user):
            return self._note("phone", _digits(user), f"{self._phone(user)}@{HIDDEN}")
        return self._note("mail", found[0], self._number(found[0], "mail"))

    def _phone_in_text(self, found: re.Match[str]) -> str:
        if _is_version(found) or len(_digits(found[0])) < SHORTEST_PHONE:
            return found[0]
        return self._note("phone", _digits(found[0]), self._phone(found[0]))

    def _address(self, found: re.Match[str]) -> str:
        try:
            public = ip_address(found[0]).is_global
        except ValueError:
            return found[0]
        return self._note("ip", found[0], self._number(found[0], "ip")) if public else found[0]


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text.replace("%2B", "").replace("%2b", ""))


def _is_version(number: re.Match[str]) -> bool:
    """1.2.3+20240101"""
    return number[0].startswith("+") and bool(VERSION_BEFORE.search(number.string[: number.start()][-20:]))


def _kind_of(mask: str) -> str:
    return mask.removeprefix(HIDDEN).rpartition("-")[0] or "host"
