"""What can be masked because of what it looks like, and where names and metadata stand in a text."""

from __future__ import annotations

import re

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
