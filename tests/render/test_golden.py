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

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden"


def at_80_columns(sample: str) -> str:
    file = io.StringIO()
    terminal.render(SAMPLES[sample](), Console(file=file, width=80, height=50, force_terminal=True, color_system=None))
    return file.getvalue()


WRITERS: dict[str, Callable[[str], str]] = {
    "txt": at_80_columns,
    "md": lambda sample: markdown.render(SAMPLES[sample]()),
    "json": lambda sample: json.render(SAMPLES[sample]()),
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
        "failing.md",
        "inconclusive.txt",
        "inconclusive.md",
        "inconclusive.json",
        "hostile.txt",
        "hostile.md",
    ],
)
def test_output_is_the_golden_one(name: str) -> None:
    sample, _, kind = name.partition(".")
    text = WRITERS[kind](sample)
    golden = GOLDEN / name
    if os.environ.get("LKDIAG_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
