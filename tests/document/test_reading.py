"""How single values read: durations, rates, tallies, lists of trials, columns, texts from elsewhere; and fitting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkdiag.contract import CheckSlug, Fallback, Mismatch, Outcome, Severity, Verdict
from lkdiag.document import dispatch_table as columns
from lkdiag.document import wording
from lkdiag.document.dispatch import STAGES, measures
from lkdiag.document.selection import first_of_each_kind, is_failing, kinds_of, room_prefix
from lkdiag.judge.finding import Finding
from lkdiag.render.fitting import Piece, Step, fit
from lkdiag.stats import Rate
from lkdiag.text import visible
from tests.render.sample_reports import a_delayed, a_dropped, a_false_running, a_report, a_trial, an_id

if TYPE_CHECKING:
    from enum import StrEnum


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (0.0, "0 ms"),
        (312.4, "312 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (6240.0, "6.24 s"),
        (-3.2, "-3 ms"),
    ],
)
def test_duration(ms: float | None, text: str) -> None:
    assert wording.duration(ms) == text


@pytest.mark.parametrize(
    ("count", "of", "text"),
    [
        (3, 20, "3 of 20 = 15 % (95 %: 5–36 %)"),
        (0, 20, "0 of 20 = 0 % (95 %: 0–16 %)"),
        (20, 20, "20 of 20 = 100 % (95 %: 84–100 %)"),
        (1, 1000, "1 of 1000 = 0.1 % (95 %: 0.0–0.6 %)"),
        (0, 0, "no trial could be judged"),
    ],
)
def test_rate(count: int, of: int, text: str) -> None:
    assert wording.rate(Rate.wilson(count, of)) == text


def test_rates_never_round_to_never_or_always() -> None:
    assert "= 99.9 %" in wording.rate(Rate.wilson(999, 1000))


def test_tally_names_what_occurred() -> None:
    assert wording.tally({"delivered": 28, "delayed": 0, "dropped": 7}) == "28 delivered, 7 dropped"
    assert wording.tally({"delivered": 0}) == "none"


@pytest.mark.parametrize(
    ("indices", "text"),
    [([], ""), ([3], "3"), ([7, 3, 3], "3, 7"), ([1, 2], "1, 2"), ([1, 2, 3, 7, 9, 10], "1–3, 7, 9, 10")],
)
def test_trial_numbers(indices: list[int], text: str) -> None:
    assert wording.trial_numbers(indices) == text


def test_period_names_the_date_again_only_if_it_is_another() -> None:
    day, night = "2026-08-21T10:14:02.001Z", "2026-08-22T00:01:00.000Z"
    assert wording.period(day, "2026-08-21T10:15:40Z") == "2026-08-21 10:14:02 – 10:15:40 UTC"
    assert wording.period(day, night) == "2026-08-21 10:14:02 – 2026-08-22 00:01:00 UTC"
    assert wording.period(day, None) == "2026-08-21 10:14:02 UTC, end unknown"


def test_offset_has_a_sign_and_milliseconds() -> None:
    assert wording.offset(212.9) == "+0.213 s"


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        (wording.OUTCOME_SYMBOL, Outcome),
        (wording.VERDICT_SYMBOL, Verdict),
        (wording.SEVERITY_SYMBOL, Severity),
    ],
)
def test_every_word_has_a_symbol_of_its_own(symbols: dict[str, str], words: type[StrEnum]) -> None:
    assert set(symbols) == set(words)
    assert len(set(symbols.values())) == len(words)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – 日本語 🙂", "plain – 日本語 🙂"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("abc\u202edef", "abc\\u202edef"),
        ("agent\u200b", "agent\\u200b"),
        ("\udc80", "\\udc80"),
        ("nbsp\xa0", "nbsp\\xa0"),
        ("", ""),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"fallback": Fallback.NOT_NEEDED}, "–"),
        ({"fallback": Fallback.OFF}, "off"),
        ({"fallback": Fallback.LOST}, "lost"),
        ({"fallback": Fallback.RESCUED, "fallback_latency_ms": 312.0}, "rescued in 0.31 s"),
        ({"fallback": Fallback.RESCUED}, "rescued"),
    ],
)
def test_fallback_column(changes: dict[str, object], text: str) -> None:
    assert columns.FALLBACK.cell(a_trial(1, **changes)) == text


def test_role_and_fallback_have_a_column_only_where_they_say_something() -> None:
    plain, mixed = a_report((a_trial(1),)), a_report((a_dropped(1), a_trial(2, role="control")))
    assert columns.ROLE not in columns.verdict_columns(plain)
    assert columns.ROLE in columns.verdict_columns(mixed)
    assert columns.FALLBACK_DISPATCH not in columns.id_columns(plain)
    assert columns.FALLBACK_DISPATCH in columns.id_columns(mixed)


def test_short_room_names_begin_where_they_differ() -> None:
    report = a_report((a_trial(1), a_trial(2)))
    column = columns.short_room_column(report)
    assert column is not None
    assert [column.cell(trial) for trial in report.trials] == ["…001", "…002"]
    assert columns.short_room_column(a_report((a_trial(1, room="r"), a_trial(2, room="r")))) is None


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["a-1-01", "a-1-02"], "a-1-"),
        (["a-1", "a-1"], "a-1"),
        (["alpha", "alps"], ""),
        (["a-1", "a-1-2"], "a-"),
        ([], ""),
    ],
)
def test_room_prefix_ends_at_a_dash(names: list[str], prefix: str) -> None:
    assert room_prefix([a_trial(at, room=name) for at, name in enumerate(names)]) == prefix


def test_failing_is_anything_but_delivered_without_mismatch_or_finding() -> None:
    note = Finding(CheckSlug.COLD_START, Severity.NOTE, "title", "fact", "hint", trial=1)
    assert not is_failing(a_trial(1))
    assert not is_failing(a_trial(1, findings=(note,)))
    assert is_failing(a_trial(1, mismatch=Mismatch.UNREPORTED))
    assert is_failing(a_trial(1, outcome=Outcome.INCONCLUSIVE))
    assert is_failing(a_trial(1, findings=(Finding(CheckSlug.SECOND_AGENT, Severity.FAIL, "title", "fact", "hint"),)))


def test_stages_stand_in_the_order_in_which_a_dispatch_passes_them() -> None:
    stages = {stage: float(at) for at, stage in enumerate(("later", *sorted(STAGES)))}
    rows = [row[0] for row in measures(a_report((a_trial(1, stages_ms=stages),)))]
    assert rows == ["latency", *(f"→ {stage.replace('_', ' ')}" for stage in STAGES), "→ later", "state lag"]


def test_first_of_each_kind() -> None:
    trials = [
        a_dropped(1),
        a_dropped(2),
        a_false_running(3),
        a_delayed(4, 3000),
        a_false_running(5),
        a_dropped(6, findings=()),
    ]
    assert [trial.index for trial in first_of_each_kind(trials, kinds_of)] == [1, 3, 4, 6]


def test_fitting_takes_shorter_forms_in_the_order_of_the_steps_from_the_end() -> None:
    pieces = [Piece(("head ",)), *(Piece(("long ", "l ", ""), "story") for _ in range(3)), Piece(("row ", ""), "row")]
    steps = [Step("row", "{count} rows", at_once=True), Step("story", "{count} parts"), Step("story", "{count} whole")]
    assert fit(pieces, steps, 24) == ("head long long long row ", [])
    assert fit(pieces, steps, 23) == ("head long long long ", ["1 rows"])
    assert fit(pieces, steps, 17) == ("head long long l ", ["1 rows", "1 parts"])
    assert fit(pieces, steps, 9) == ("head l l ", ["1 rows", "3 parts", "1 whole"])
    assert fit(pieces, steps, 1) == ("head ", ["1 rows", "3 parts", "3 whole"])


def test_sample_ids_have_livekits_length() -> None:
    assert len(an_id("RM", 1)) == 15
