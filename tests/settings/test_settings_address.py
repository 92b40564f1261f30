"""URLs: which are refused, with which words, and what becomes of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkdiag.settings import Credentials

from .sources import ENV, LK_CONFIG, MARK, PROD, Place, assert_silent, refused

if TYPE_CHECKING:
    from pathlib import Path

BAD_URLS = {
    "demo.livekit.cloud": "Did you mean wss://demo.livekit.cloud?",
    "localhost:7880": "Did you mean ws://localhost:7880?",
    "127.0.0.1:7880/": "Did you mean ws://127.0.0.1:7880?",
    f"whole{MARK}": "wss://NAME.livekit.cloud",
    f"eyJ{MARK}.eyJ{MARK}.{MARK}": "wss://NAME.livekit.cloud",
    "ftp://x.test": "wrong scheme: ftp",
    f"{MARK}{MARK}{MARK}://x.test": "wrong scheme: an unknown one",
    "wss:x.test": "no scheme",
    "wss://": "no host",
    "wss:///rtc": "no host",
    "wss://:7880": "no host",
    "wss://x.test:70000": "no usable port",
    f"wss://x.test:{MARK}": "no usable port",
    "wss://x.test:0": "no usable port",
    "wss://https://x.test": "no usable port",
    "wss://[::1": "not a URL",
    f"wss://${{{MARK}": "characters that no host has",
    f"wss://APIkey:{MARK}@x.test": "user name or password",
    f"APIkey:{MARK}@x.test": "user name or password",
    f"wss://x.test?access_token={MARK}": "a query",
    f"wss://x.test/#{MARK}": "a fragment",
    "wss://x .test": "whitespace",
    "wss://x\u200b.test": "invisible",
    '"wss://x.test"': "quotation mark",
    "<your LiveKit server URL>": "placeholder",
}


@pytest.mark.parametrize(("url", "expected"), BAD_URLS.items())
@pytest.mark.parametrize("where", ["LIVEKIT_URL in the environment", "--url", f"url in {PROD}"])
def test_bad_url(url: str, expected: str, where: str, tmp_path: Path) -> None:
    place = {
        "LIVEKIT_URL in the environment": Place(environ=ENV | {"LIVEKIT_URL": url}),
        "--url": Place({"url": url}, ENV),
        f"url in {PROD}": Place(
            {"project": "prod"},
            config=LK_CONFIG.replace("wss://prod.test", ascii(url).replace("\\u200b", "\u200b")),
        ),
    }[where]
    error = refused(place, tmp_path)
    assert error.message.startswith(where)
    assert expected in f"{error.message} {error.hint}"
    assert_silent(error)


@pytest.mark.parametrize(
    ("url", "http", "ws", "host"),
    [
        ("wss://x.test", "https://x.test", "wss://x.test", "x.test"),
        ("https://x.test/", "https://x.test", "wss://x.test", "x.test"),
        ("WS://x.test:80//", "http://x.test:80", "ws://x.test:80", "x.test:80"),
        ("http://[::1]:7880", "http://[::1]:7880", "ws://[::1]:7880", "[::1]:7880"),
        ("wss://x.test/proxy/", "https://x.test/proxy", "wss://x.test/proxy", "x.test"),
        ("ws://bücher_1.test", "http://bücher_1.test", "ws://bücher_1.test", "bücher_1.test"),
    ],
)
def test_addresses(url: str, http: str, ws: str, host: str, tmp_path: Path) -> None:
    found = Place({"url": url}, ENV).resolve(tmp_path)
    assert (found.http_url, found.ws_url, found.host) == (http, ws, host)
    assert not found.url.endswith("/")


def test_host_of_unchecked_credentials_has_no_userinfo() -> None:
    assert Credentials(f"wss://a:{MARK}@x.test:1", "k", "s", "here").host == "x.test:1"
