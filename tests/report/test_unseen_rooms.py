"""Rooms that were not seen to be closed: every report names them, and says that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.contract import Severity, Verdict
from lkdiag.document.build import document_of
from lkdiag.journal.file import read_journal
from lkdiag.render import html, markdown
from lkdiag.render import json as as_json
from lkdiag.report.build import build_report
from lkdiag.report.value import DispatchReport

if TYPE_CHECKING:
    from collections.abc import Sequence

HONEST = Path(__file__).parents[1] / "journals" / "honest.jsonl"
ROOM = "lkdiag-20261127-120000-abcd-003"


def report_of(tmp_path: Path, rooms: Sequence[str]) -> DispatchReport:
    """Of an honest run whose last look for its rooms failed."""
    lines = HONEST.read_text("utf-8").splitlines()
    last: dict[str, Any] = json.loads(lines[-1])
    failed = {**last, "kind": "sweep.failed", "data": {"prefix": "lkdiag-", "error": "no answer", "rooms": list(rooms)}}
    path = tmp_path / "journal.jsonl"
    path.write_text("\n".join([*lines[:-1], json.dumps(failed), json.dumps({**last, "seq": last["seq"] + 1})]))
    journal = read_journal(path)
    report = build_report(journal.events, journal.notes)
    assert isinstance(report, DispatchReport)
    return report


@pytest.mark.parametrize(
    ("rooms", "fact"),
    [((ROOM,), f"the server did not tell what became of {ROOM}: no answer"), ((), "which rooms are left: no answer")],
)
def test_it_is_told(tmp_path: Path, rooms: tuple[str, ...], fact: str) -> None:
    report = report_of(tmp_path, rooms)
    (found,) = (one for one in report.findings if one.check == "leftover-room")
    assert found.severity is Severity.INCONCLUSIVE
    assert fact in found.fact
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [(room.name, room.still_there) for room in report.leftover_rooms] == [(room, None) for room in rooms]


def test_every_format_names_it(tmp_path: Path) -> None:
    report = report_of(tmp_path, [ROOM])
    assert json.loads(as_json.render(report))["leftover_rooms"][0]["still_there"] is None
    for text in (markdown.render(document_of(report)), html.render(document_of(report))):
        assert ROOM in text
        assert "not seen to be closed" in text
        assert "not known" in text
