"""Texts without secrets and tokens."""

from __future__ import annotations

import pytest

from lkdiag.privacy.secrets import scrub


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing here", "nothing here"),
        ("a s3cret/x and s3cret%2Fx.", "a *** and ***."),
        ("s3cret/x-longer", "***"),
        ("Bearer eyJhbGciOiJI.eyJzdWIi-_.c2ln-_ refused", "Bearer *** refused"),
        ("eyJhbGciOiJI.eyJzdWIi.", "***"),
        ("wss://x/rtc?access_token=abc.d%20&auto=1", "wss://x/rtc?access_token=***&auto=1"),
        ("next=%2Frtc%3Faccess_token%3Dabc", "next=%2Frtc%3Faccess_token%3D***"),
        ('{"url": "wss://x?ACCESS_TOKEN=abc"}', '{"url": "wss://x?ACCESS_TOKEN=***"}'),
    ],
)
def test_scrub(text: str, expected: str) -> None:
    assert scrub(text, ["s3cret/x", "", "s3cret/x-longer"]) == expected
    assert scrub(expected, ["s3cret/x"]) == expected
