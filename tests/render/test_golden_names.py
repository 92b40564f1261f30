"""Every name that a sample's output shows is a real one: a golden that shows another teaches a reader nonsense."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.contract import Cause, Severity
from lkdiag.pages import read_pages
from lkdiag.render import FORMATS

from .sample_reports import SAMPLES
from .teardown_samples import TEARDOWNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lkdiag.report.value import Report

GOLDEN = sorted((Path(__file__).parent / "golden").iterdir())
JOURNALED = sorted((Path(__file__).parents[1] / "journals").rglob("*.report.json"))
EVERY: dict[str, Callable[[], Report]] = {**SAMPLES, **TEARDOWNS}
EXPLAINED = re.compile(r"lkdiag explain ([a-z-]+)")
LABEL = re.compile(r"\[([a-z-]+),\s+(?:failure|inconclusive|note)\]")
PAGES = {page.name: page.group for page in read_pages()}
CHECKS = {name for name, group in PAGES.items() if group == "failures"}
"""tests/pages holds them against the checks themselves."""
CAUSES = {cause.value for cause in Cause}


def assert_real(text: str) -> None:
    assert set(EXPLAINED.findall(text)) <= set(PAGES)
    assert set(LABEL.findall(text)) <= CHECKS


def values_of(key: str, value: Any) -> Iterator[Any]:
    """Every value under that key, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from values_of(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from values_of(key, inner)


def assert_real_json(text: str) -> None:
    report = json.loads(text)
    assert set(values_of("check", report)) <= CHECKS
    assert {cause for causes in values_of("causes", report) for cause in causes} <= CAUSES


@pytest.mark.parametrize("path", [*GOLDEN, *JOURNALED], ids=lambda path: path.name)
def test_of_a_golden_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert_real(text)
    if path.suffix == ".json":
        assert_real_json(text)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", EVERY)
def test_of_a_sample_in_every_format(name: str, format_: str) -> None:
    text = io.StringIO()
    FORMATS[format_](EVERY[name](), text, verbose=True)
    assert_real(text.getvalue())
    if format_ == "json":
        assert_real_json(text.getvalue())


def test_something_is_looked_at() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in GOLDEN)
    assert len(set(EXPLAINED.findall(shown))) > 10
    assert len(set(LABEL.findall(shown))) > 5
    assert {severity.value for severity in Severity} == {"fail", "inconclusive", "note"}
