"""Whole outputs of recorded journals, compared with files that a reader can review.

After a change that is meant: `LKDIAG_WRITE_GOLDEN=1 python -m pytest tests/render/test_golden.py`, then read the diff.
JSON has its own: tests/journals/*.report.json. What no journal has (texts that attack, say) is made by hand.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lkdiag.document.build import document_of
from lkdiag.journal.file import read_journal
from lkdiag.render import markdown, terminal
from lkdiag.report.build import build_report

from .sample_reports import SAMPLES
from .teardown_samples import TEARDOWNS

if TYPE_CHECKING:
    from lkdiag.report.value import Report

GOLDEN = Path(__file__).parent / "golden"
JOURNALS = Path(__file__).parents[1] / "journals"


def report_of(name: str) -> Report:
    """A sample, where no recorded journal shows as much in so few lines; else that of a recorded journal."""
    if (made := {**SAMPLES, **TEARDOWNS}.get(name)) is not None:
        return made()
    found = next(path for path in JOURNALS.rglob(f"{name}.jsonl"))
    journal = read_journal(found)
    return build_report(journal.events, journal.notes)


def written(report: Report, kind: str) -> str:
    """As Markdown, or at so many columns of a terminal."""
    document = document_of(report)
    if kind == "md":
        return markdown.render(document)
    file = io.StringIO()
    width = int(kind.partition(".")[0])
    terminal.render(document, Console(file=file, width=width, height=50, force_terminal=True, color_system=None))
    return file.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "interrupted.80.txt",
        "interrupted.md",
        "nobody-control.80.txt",
        "nobody-control.200.txt",
        "running-but-absent.80.txt",
        "running-but-absent.md",
        "lone-caller.80.txt",
        "lone-caller.md",
        "survivor-alone.200.txt",
        "hostile.80.txt",
        "hostile.md",
        "empty.80.txt",
        "inconclusive.80.txt",
        "inconclusive.md",
        "teardown-grid.80.txt",
        "teardown-grid.200.txt",
        "teardown-grid.md",
        "teardown-subject.80.txt",
        "teardown-hostile.md",
    ],
)
def test_output_is_the_golden_one(name: str) -> None:
    source, _, kind = name.partition(".")
    text = written(report_of(source), kind)
    golden = GOLDEN / name
    if os.environ.get("LKDIAG_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
