"""How long lkdiag keeps quiet after a refusal: as it is told, else longer with each; those side by side are one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lkdiag.client.call_rate import BACKOFF_MAX_S, BACKOFF_S, RETRY_AFTER_MAX_S, RateLimit, parse_retry_after_s

S = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("", None),
        ("soon", None),
        ("Sat, 21 Nov 2026 09:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 08:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 09:00:30", 30.0),
        ("Sat, 21 Nov 2026 09:00:30 -0000", 30.0),
        ("Sat, 21 Nov 2026 10:00:30 +0100", 30.0),
        ("Sat, 21 Nov 99999999999999999999 09:00:30 GMT", None),
        ("Sat, 21 Nov 2026 09:00:30 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, expected: float | None) -> None:
    assert parse_retry_after_s(text, datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)) == expected


def test_it_waits_as_long_as_it_is_told() -> None:
    limit = RateLimit()
    assert limit.wait_s(0) == 0
    limit.note_refusal(began_ns=0, now_ns=S, retry_after_s=5.0)
    assert limit.wait_s(2 * S) == 4.0
    assert limit.wait_s(6 * S) == 0


def test_rooms_have_to_be_closed_some_time() -> None:
    limit = RateLimit()
    limit.note_refusal(0, 0, 86_400.0)
    assert limit.wait_s(0) == RETRY_AFTER_MAX_S


def test_without_a_word_it_backs_off_until_a_call_is_taken() -> None:
    limit = RateLimit()
    now_ns, waits = 0, []
    for _ in range(8):
        limit.note_refusal(now_ns, now_ns, None)
        waits.append(limit.wait_s(now_ns))
        now_ns += int(waits[-1] * S)
    assert waits[:4] == [BACKOFF_S, 2 * BACKOFF_S, 4 * BACKOFF_S, 8 * BACKOFF_S]
    assert waits[-1] == BACKOFF_MAX_S
    limit.note_answer(now_ns)
    limit.note_refusal(now_ns, now_ns, None)
    assert limit.wait_s(now_ns) == BACKOFF_S


def test_calls_that_were_under_way_side_by_side_are_one_refusal() -> None:
    limit = RateLimit()
    for _ in range(50):
        limit.note_refusal(began_ns=0, now_ns=S, retry_after_s=None)
    assert limit.wait_s(S) == BACKOFF_S
    limit.note_answer(began_ns=0)  # one of them was taken: that says nothing of the quiet time
    assert limit.wait_s(S) == BACKOFF_S
