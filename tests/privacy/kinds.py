"""Secrets of every kind, made up from a seed, and the shapes in which they get into texts."""

from __future__ import annotations

import base64
import json
import random
import string
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
URL_SAFE = ALNUM + "-_"
BASE64 = ALNUM + "+/"

FORMS: dict[str, tuple[tuple[str, str, int], ...]] = {
    # kind: pieces of (beginning, letters, how many of them)
    "aws access key": (("AKIA", UPPER, 16),),
    "aws session key": (("ASIA", UPPER, 16),),
    "google": (("AIza", URL_SAFE, 35),),
    "google oauth": (("GOCSPX-", ALNUM, 28),),
    "google token": (("ya29.", URL_SAFE, 60),),
    "azure": (("", ALNUM, 3), ("8Q~", ALNUM, 33)),
    "alibaba": (("LTAI", ALNUM, 20),),
    "digitalocean": (("dop_v1_", HEX, 64),),
    "databricks": (("dapi", HEX, 32),),
    "github": (("ghp_", ALNUM, 36),),
    "github app": (("ghs_", ALNUM, 36),),
    "github fine": (("github_pat_11", UPPER, 20), ("_", ALNUM, 59)),
    "gitlab": (("glpat-", URL_SAFE, 20),),
    "slack bot": (("xoxb-", string.digits, 12), ("-", string.digits, 12), ("-", ALNUM, 24)),
    "slack app": (("xapp-1-", UPPER, 11), ("-", HEX, 40)),
    "stripe": (("sk_live_", ALNUM, 24),),
    "stripe restricted": (("rk_test_", ALNUM, 24),),
    "stripe hook": (("whsec_", ALNUM, 32),),
    "shopify": (("shpat_", HEX, 32),),
    "openai": (("sk-proj-", ALNUM, 20), ("T3BlbkFJ", ALNUM, 20)),
    "openai old": (("sk-", ALNUM, 48),),
    "anthropic": (("sk-ant-api03-", URL_SAFE, 93),),
    "elevenlabs": (("sk_", HEX, 48),),
    "cartesia": (("sk_car_", ALNUM, 22),),
    "groq": (("gsk_", ALNUM, 52),),
    "xai": (("xai-", ALNUM, 80),),
    "huggingface": (("hf_", ALNUM, 34),),
    "perplexity": (("pplx-", ALNUM, 48),),
    "nvidia": (("nvapi-", URL_SAFE, 64),),
    "twilio": (("SK", HEX, 32),),
    "telnyx": (("KEY0", "0123456789ABCDEF", 31), ("_", ALNUM, 22)),
    "sendgrid": (("SG.", URL_SAFE, 22), (".", URL_SAFE, 43)),
    "mailgun": (("key-", HEX, 32),),
    "mailchimp": (("", HEX, 32), ("-us", "123456789", 1)),
    "npm": (("npm_", ALNUM, 36),),
    "pypi": (("pypi-AgEIcHlwaS5vcmc", URL_SAFE, 70),),
    "rubygems": (("rubygems_", HEX, 48),),
    "vault": (("hvs.", URL_SAFE, 90),),
    "telegram": (("", "123456789", 10), (":AA", URL_SAFE, 33)),
    "discord": (("M", ALNUM, 24), (".", URL_SAFE, 6), (".", ALNUM, 30)),
    "sentry": (("sntrys_", ALNUM, 60),),
    "grafana": (("glsa_", ALNUM, 32), ("_", HEX, 8)),
    "jwt": (("eyJhbGciOiJIUzI1NiJ9.eyJ", ALNUM, 60), (".", URL_SAFE, 43)),
    "livekit": (("a1Z", ALNUM, 40),),
}
"""Known by their look."""
NAMED = {"deepgram": HEX, "aws secret": BASE64, "password": string.ascii_letters + string.digits + "!@#$^*+./~-"}
"""Known by their name alone."""


def secrets(seed: int) -> dict[str, str]:
    """One of each kind that is known by its look."""
    dice = random.Random(seed)
    return {kind: "".join(_piece(dice, *piece) for piece in pieces) for kind, pieces in FORMS.items()}


def named_secrets(seed: int) -> dict[str, str]:
    """One of each kind that nobody can tell but by its name."""
    dice = random.Random(seed)
    return {kind: "q7" + _piece(dice, "", letters, 30) + "Z" for kind, letters in NAMED.items()}


def key_block(seed: int) -> str:
    """A private key, of which no line may be seen."""
    dice = random.Random(seed)
    body = "\n".join([*(_piece(dice, "", BASE64, 64) for _ in range(4)), _piece(dice, "", BASE64, 21) + "=="])
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"


def _piece(dice: random.Random, beginning: str, letters: str, count: int) -> str:
    return beginning + "".join(dice.choice(letters) for _ in range(count))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BARE: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: f"refused {secret} by the service",
    "sentence": lambda secret: f"the key ({secret}), which was revoked.",
    "base64": lambda secret: f"said {_base64(secret)} again",
    "after an escape": lambda secret: f"line\\n{secret}\\nline and %22{quote(secret, safe='')}%22",
    "path of a url": lambda secret: f"GET https://api.example/v1/{secret}/calls 403",
    "trace": lambda secret: f'  File "/app/a.py", line 3, in entry\n    connect("{secret}")\nValueError: {secret!r}',
}
"""For what is known by its look; all of NAMED_SHAPES go, too."""
NAMED_SHAPES: dict[str, Callable[[str], str]] = {
    "key=value": lambda secret: f"connect password={secret} failed",
    "variable": lambda secret: f"export DEEPGRAM_API_KEY={secret}",
    "quoted": lambda secret: f"api_secret = '{secret}', retries = 3",
    "yaml": lambda secret: f"client_secret: {secret}",
    "json": lambda secret: f"sent {json.dumps({'access_token': secret, 'n': 1})}",
    "json in json": lambda secret: f"sent {json.dumps({'body': json.dumps({'apiKey': secret})})}",
    "json in json in json": lambda secret: json.dumps([json.dumps({"b": json.dumps({"credential": secret})})]),
    "repr": lambda secret: f"{{'passphrase': {secret!r}, 'n': 1}}",
    "f-string": lambda secret: f"Options(host='x', token={secret!r}, retries=3)",
    "query": lambda secret: f"GET https://x.example/rtc?access_token={quote(secret, safe='')}&auto=1",
    "encoded query": lambda secret: quote(f"https://x.example/?token={quote(secret, safe='')}&auto=1", safe=""),
    "encoded json": lambda secret: f"state={quote(json.dumps({'password': secret}), safe='')}",
    "option": lambda secret: f"$ agent --api-secret {secret} --retries 3",
    "option list": lambda secret: f"exec {['agent', '--password', secret]!r}",
    "bearer": lambda secret: f"Authorization: Bearer {secret}",
    "header": lambda secret: f"{{'X-Api-Key': {secret!r}, 'Accept': '*/*'}}",
    "basic": lambda secret: f"Authorization: Basic {_base64(f'user:{secret}')}",
    "url": lambda secret: f"postgres://user:{quote(secret, safe='')}@db.example/x",
    "connection string": lambda secret: f"Server=x;AccountKey={secret};Timeout=3",
    "xml": lambda secret: f"<password>{secret.replace('&', '')}</password>",
    "turn": lambda secret: json.dumps({"urls": ["turn:x.example"], "username": secret, "credential": secret}),
    "base64 of json": lambda secret: f"said {_base64(json.dumps({'password': secret}))} again",
    "trace": lambda secret: f'  File "/app/agent.py", line 3\n    raise Refused\nRefused: invalid api key: {secret}',
}


def needles(secret: str) -> list[str]:
    """What must not be seen of it: itself, as a URL and base 64 have it, and its longer half."""
    return [secret, quote(secret, safe=""), _base64(secret), secret[len(secret) // 2 :]]


def sample(seed: int) -> list[tuple[str, str, str]]:
    """Every kind in one shape, and every shape with some kind: enough for a report."""
    shapes = [*NAMED_SHAPES.items(), *BARE.items()]
    of_look = list(secrets(seed).items())
    count = max(len(shapes), len(of_look))
    found = []
    for number in range(count):
        (kind, secret), (shape, write) = of_look[number % len(of_look)], shapes[number % len(shapes)]
        found.append((f"{kind}, {shape}", write(secret), secret))
    for number, (kind, secret) in enumerate(named_secrets(seed).items()):
        shape, write = shapes[number]
        found.append((f"{kind}, {shape}", write(secret), secret))
    return found


def planted(seed: int) -> list[tuple[str, str, str]]:
    """Every kind in every shape that fits it: a label, the text, the secret."""
    found = []
    for kind, secret in secrets(seed).items():
        for shape, write in {**NAMED_SHAPES, **BARE}.items():
            found.append((f"{kind}, {shape}", write(secret), secret))
    for kind, secret in named_secrets(seed).items():
        found += [(f"{kind}, {shape}", write(secret), secret) for shape, write in NAMED_SHAPES.items()]
    return found
