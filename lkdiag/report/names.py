"""By the name of a field: whether its value names a person, or is content of a call."""

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
