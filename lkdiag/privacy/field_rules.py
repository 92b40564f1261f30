"""What can be masked: by the name of the field in which it stands, or because of what it looks like."""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_IDENTITY = re.compile(
    r"(?:^|_)identit(?:y|ies)$|^(?:participant|destination_identities|publisher|subscriber|sender)$|^sees$"
)
_PEOPLE = re.compile(r"^(?:participants|left_in_room|sees)$")
_PERSON = re.compile(
    r"(?:^|_)(?:participant|caller|callee|display|user|full|first|last|given|family|customer|contact)_?name$"
    r"|^hostname$|(?:^|_)(?:e_?mail|user_?id|customer_?id)$"
)
_PHONE = re.compile(
    r"phone|(?:^|[_.])(?:msisdn|tel|ani|dnis|e164|caller_?id|from_?number|to_?number|from_?user|to_?user)$"
)
_METADATA = re.compile(r"^(?!can_)(?:.*_)?(?:metadata|attributes)$")
_CONTENT = re.compile(
    r"transcript|(?:^|_)(?:utterance|instructions|prompt|chat_ctx|chat_context|chat_items|chat_history|user_input|"
    r"dtmf|digits|summary_text)$"
)
_KEPT_ATTRIBUTE = re.compile(
    r"lk\.(?!pii\.)|sip\.(?!.*(?:[Pp]hone|[Nn]umber|[Uu]ser|[Hh]ost|[Cc]all[Ii][Dd]|[Ff]rom|[Tt]o))"
)
_KEY = re.compile(r"(?:^|_)api_?key$")
_FIXED = frozenset(
    {
        "kind", "side", "state", "method", "by", "do", "role", "outcome", "cleanup", "cleanups", "agent_exit",
        "agent_exits", "hangup", "hangups", "hangup_style", "behaviour", "job_type", "caller", "event", "status",
        "level",
    }
)  # fmt: skip
"""Fields of a journal, or of a log, that say one of a few words."""

_OWN = re.compile(
    r"agent-AJ_\w+|human-agent-sip|lkdiag[\w-]*|caller|human|agent|user|sip|bot|assistant|observer|worker|room|probe|"
    r"subject|control|participant|\*\*\*.*|"
)
"""What lkdiag and livekit-server call participants; and words that name nobody."""


def _plain(name: str) -> str:
    return _CAMEL.sub("_", name).lower()


def is_identity_name(name: str) -> bool:
    """`identity`, `participantIdentity`, and livekit-server's `participant`."""
    return bool(_IDENTITY.search(_plain(name)))


def is_people_name(name: str) -> bool:
    """A list of who is in a room."""
    return bool(_PEOPLE.search(_plain(name)))


def is_person_name(name: str) -> bool:
    """A name that people have; what LiveKit's own SDK marks as personal (`lk.pii.…`), but for rooms."""
    plain = _plain(name)
    return bool(_PERSON.search(plain)) or (plain.startswith("lk.pii.") and not plain.endswith("room_name"))


def is_phone_name(name: str) -> bool:
    """`sip.phoneNumber`, `trunk_phone_number`, `from_number`."""
    return bool(_PHONE.search(_plain(name)))


def is_metadata_name(name: str) -> bool:
    """`metadata`, `room_metadata`, `participantMetadata`, `attributes`."""
    return bool(_METADATA.search(_plain(name)))


def is_content_name(name: str) -> bool:
    """What was said in a call, or is to be said."""
    return bool(_CONTENT.search(_plain(name)))


def is_kept_attribute(name: str) -> bool:
    """Attributes of LiveKit's own, which say what state somebody is in."""
    return bool(_KEPT_ATTRIBUTE.match(name))


def is_key_name(name: str) -> bool:
    """An API key: no secret, but it names the project."""
    return bool(_KEY.search(_plain(name)))


def is_fixed_name(name: str) -> bool:
    """Whether what stands there is a word of lkdiag's or LiveKit's own."""
    return name in _FIXED


def is_own_identity(text: str) -> bool:
    """Whether nobody is known by it."""
    return bool(_OWN.fullmatch(text))


# -- by what it looks like ---------------------------------------------------------------------------------------------

CLOUD_HOST = re.compile(
    r"(?<![\w.*-])(?P<project>[A-Za-z0-9][A-Za-z0-9-]*)(?P<rest>(?:\.[A-Za-z0-9-]+)*\.livekit\.cloud)\b"
)
SHARED_HOSTS = frozenset({"agents", "agent-gateway", "cloud", "docs", "www", "status", "turn", "stun"})
"""LiveKit's own, which name no project."""
SHARED_DOMAINS = (".turn.", ".host.")
"""Below them are LiveKit's own servers, by region."""
PHONE = re.compile(
    r"(?:(?<![\d])(?:\+|%2B)\d{6,15}(?!\d))"
    r"|(?:\+(?!\d{4}-\d\d-\d\d)[1-9]\d{0,2}(?:[ .-]?\(?\d{2,5}\)?)(?:[ .-]?\d{2,5}){1,4}(?!\d))"
    r"|(?:(?<![\w.+-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-]))"
    r"|(?:(?<=sip_)|(?<=sip:)|(?<=tel:)|(?<=sips:)|(?<=phone-)|(?<=phone_)|(?<=phone:)|(?<=caller-)|(?<=caller_)"
    r"|(?<=whatsapp:))\d{6,15}(?!\d)",
    re.IGNORECASE,
)
SHORTEST_PHONE = 6
"""Digits."""
SHORTEST_BARE = 9
"""Digits of a known number that is masked without its + too: 20261121 is a date."""
VERSION_BEFORE = re.compile(r"\d\.\d+[\w.]*$")
BARE_PHONE = re.compile(r"\+?\d{7,15}")
MAIL = re.compile(r"(?<![\w.%+*-])[\w.%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b")
IP = re.compile(
    r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}|[23][0-9a-f]{3}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{1,4})(?![\w:]|\.\d)",
    re.IGNORECASE,
)
HOME = re.compile(r"(?P<before>(?:/home/|/Users/|\\Users\\\\?))(?P<name>[^/\\\s\"':*]+)")
API_KEY = re.compile(r"\bAPI(?=[A-Za-z0-9]*[a-z0-9])[A-Za-z0-9]{10,20}\b")
METADATA = re.compile(
    r"""(?P<name>(?<![\w-])(?:(?:[\w.-]*metadata)["']?(?:\s*[:=]\s*|\s+(?=["'{]))|--metadata\s+))"""
    r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|[^\s,;)}\]"']+)""",
    re.IGNORECASE,
)
IDENTITY = re.compile(r"""(?<!\w)(?:\w+_)?identity["']?\s*[:=]\s*["']?(?P<name>[^\s"',;}\])]{2,})""", re.IGNORECASE)
LOOKS = (CLOUD_HOST, PHONE, MAIL)
LOOPBACK = re.compile(r"localhost$|127\.|\[?::1\]?$")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_:-]{0,39}")
