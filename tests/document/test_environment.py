"""What the report says of how lkdiag took part, and what that cost the project."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lkdiag.document.environment import identity_rows
from lkdiag.report.about import joined_by
from lkdiag.report.value import ApiCalls
from tests.render.sample_reports import a_report


@pytest.mark.parametrize(
    ("join", "calls", "expected"),
    [
        ("media", ApiCalls(52, 5.0, 0), {"joined by": "media", "API calls": "5 a trial, 52 in the run"}),
        (
            "signal",
            ApiCalls(5210, 5.25, 3),
            {
                "joined by": "signalling alone, without media",
                "API calls": "5.25 a trial, 5210 in the run, 3 refused as too many (HTTP 429)",
            },
        ),
        (None, None, {}),
    ],
)
def test_it_says_how_lkdiag_joined_and_how_many_calls_it_made(
    join: str | None, calls: ApiCalls | None, expected: dict[str, str]
) -> None:
    report = a_report(())
    report = replace(
        report, environment=replace(report.environment, join=join), summary=replace(report.summary, api_calls=calls)
    )
    rows = dict(identity_rows(report))
    assert {label: rows[label] for label in ("joined by", "API calls") if label in rows} == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"agent_name": None, "join": "signal"}, "signal"),
        ({"agent_name": "theirs", "caller": "none", "join": "signal"}, None),
        ({"agent_name": "theirs", "caller": "join", "join": "signal"}, "signal"),
        ({"agent_name": "theirs", "control": True, "join": "media"}, "media"),
        ({"agent_name": None}, None),  # an older lkdiag's
    ],
)
def test_it_is_said_only_where_lkdiag_joined(options: dict[str, object], expected: str | None) -> None:
    assert joined_by(options) == expected
