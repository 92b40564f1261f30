"""Whole outputs, compared with files.

After a change that is meant: `LKDIAG_WRITE_GOLDEN=1 python -m pytest tests/render/test_golden.py`, then read the diff.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lkdiag.render import json, markdown, terminal

from .sample_reports import SAMPLES
from .teardown_samples import TEARDOWNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.report.value import Report

GOLDEN = Path(__file__).parent / "golden"
EVERY: dict[str, Callable[[], Report]] = {**SAMPLES, **TEARDOWNS}


def at_columns(width: int, sample: str) -> str:
    file = io.StringIO()
    terminal.render(EVERY[sample](), Console(file=file, width=width, height=50, force_terminal=True, color_system=None))
    return file.getvalue()


WRITERS: dict[str, Callable[[str], str]] = {
    "txt": lambda sample: at_columns(80, sample),
    "200.txt": lambda sample: at_columns(200, sample),
    "md": lambda sample: markdown.render(EVERY[sample]()),
    "json": lambda sample: json.render(EVERY[sample]()),
}


@pytest.mark.parametrize(
    "name",
    [
        "empty.txt",
        "empty.md",
        "empty.json",
        "delivered.txt",
        "delivered.md",
        "failing.txt",
        "failing.200.txt",
        "failing.md",
        "inconclusive.txt",
        "inconclusive.md",
        "inconclusive.json",
        "hostile.txt",
        "hostile.md",
        "teardown-grid.txt",
        "teardown-grid.200.txt",
        "teardown-grid.md",
        "teardown-cell.txt",
        "teardown-cell.md",
        "teardown-cell.json",
        "teardown-subject.txt",
        "teardown-subject.200.txt",
        "teardown-interrupted.txt",
        "teardown-interrupted.md",
        "teardown-empty.txt",
        "teardown-empty.md",
        "teardown-hostile.txt",
        "teardown-hostile.md",
    ],
)
def test_output_is_the_golden_one(name: str) -> None:
    sample, _, kind = name.partition(".")
    text = WRITERS[kind](sample)
    golden = GOLDEN / name
    if os.environ.get("LKDIAG_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
