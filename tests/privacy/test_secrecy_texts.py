"""What is left of a text: the secret alone goes, and the story stays."""

from __future__ import annotations

import pytest

from lkdiag.privacy.secrets import Scrubber, scrub

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLXBsYW50ZWQ"

SHOWN = [
    ("api_secret=abc apiSecret: 'q w' --api-secret foo", "api_secret=*** apiSecret: '***' --api-secret ***"),
    ('{"password":"p\\"p","user":"u"}', '{"password":"***","user":"u"}'),
    ("https://u:p@host/ and turn:user:pw@host", "https://***@host/ and turn:***@host"),
    ("https://u:p@ss@host/x?y=a@b", "https://***@host/x?y=a@b"),
    (f"Authorization: Bearer {JWT}, ok", "Authorization: Bearer ***, ok"),
    ("Authorization: Basic QWxhZGRpbjpvcGVu, ok", "Authorization: ***, ok"),
    ('Authorization: Digest username="a", response="b"\nAccept: x', "Authorization: ***\nAccept: x"),
    ("Cookie: a=b; c=d\nAccept: x", "Cookie: ***\nAccept: x"),
    ("passphrase=correct horse battery, n=1", "passphrase=***, n=1"),
    ("Incorrect API key provided: hunt-1234. Try again", "Incorrect API key provided: *** Try again"),
    ("the password is hunter2, they say", "the password is ***, they say"),
    ("password: hunter", "password: ***"),
    ("credential: hunter, ttl: 3", "credential: ***, ttl: 3"),
    ("token: correcthorsebatterystaple", "token: ***"),
    ("$ agent --token abcdef --retries 3", "$ agent --token *** --retries 3"),
    ("Settings(password=SecretStr('abc'), n=1)", "Settings(password=SecretStr('***'), n=1)"),
    ("{'token': b'abc', 'n': 1}", "{'token': b'***', 'n': 1}"),
    ("https://x/?sig=abcdefghijklmnop%3D&se=1", "https://x/?sig=***&se=1"),
    ("https://hooks.slack.com/services/T0/B0/x1 said no", "https://hooks.slack.com/services/*** said no"),
    ("Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=abc=", "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=***"),
    ("https://jane:pw@x.example/AJ_x9pNSbWpxVfm", "https://***@x.example/AJ_x9pNSbWpxVfm"),
    ("key AKIAIOSFODNN7EXAMPLE.", "key ***."),
    ("[(b'authorization', b'Bearer abc12345'), ('x', 'y')]", "[(b'authorization', b'***'), ('x', 'y')]"),
    ("[['x-api-key', '0123abcd'], ['a', 'b']]", "[['x-api-key', '***'], ['a', 'b']]"),
    ("iceServers: credential=abc,username=170:x", "iceServers: credential=***,username=***"),
    ("x -----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY----- y", "x *** y"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_shown(text: str, shown: str) -> None:
    assert scrub(text) == shown
    assert scrub(shown) == shown


def test_fields_of_json() -> None:
    seen = {
        "iceServers": [{"urls": ["turn:x"], "username": "u", "credential": "c"}],
        "env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "HOME", "value": "/root"}],
        "body": '{"token": "abc", "username": "jane"}',
        "sk-proj-abcdefghijklmnop1234": 1,
        "identity": "jane",
    }
    assert Scrubber().value(seen) == {
        "iceServers": [{"urls": ["turn:x"], "username": "***", "credential": "***"}],
        "env": [{"name": "DB_PASSWORD", "value": "***"}, {"name": "HOME", "value": "/root"}],
        "body": '{"token": "***", "username": "jane"}',
        "***": 1,
        "identity": "jane",
    }


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("secret", "a secret is a word", "a secret is a word"),
        ("devsecret", "is devsecret it", "is *** it"),
        ("a1-b", "is a1-b it", "is *** it"),
        ("1234", "in 1234 ms", "in 1234 ms"),
    ],
)
def test_a_short_secret_is_a_word_like_any_other(secret: str, text: str, shown: str) -> None:
    assert scrub(text, [secret]) == shown
