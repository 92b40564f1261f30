"""The terminal's report as an SVG: XML that asks for nothing, with every id in it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from lkdiag.document.build import document_of
from lkdiag.document.selection import trials_of
from lkdiag.render import FORMATS, svg
from tests.render.sample_reports import SAMPLES, a_report, a_trial, many
from tests.render.teardown_samples import TEARDOWNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.report.value import Report

EVERY: dict[str, Callable[[], Report]] = {**SAMPLES, **TEARDOWNS}
NAMESPACE = "{http://www.w3.org/2000/svg}"


ID_NAMES = ("room_sid", "human_room_sid", "dispatch_id", "job_id", "worker_id", "fallback_dispatch_id")


def render(report: Report, *, verbose: bool = False) -> str:
    return svg.render(document_of(report), verbose=verbose)


@pytest.mark.parametrize("sample", EVERY)
def test_it_is_xml_that_asks_for_nothing(sample: str) -> None:
    text = render(EVERY[sample]())
    tree = ElementTree.fromstring(text)
    for node in tree.iter():
        assert node.tag.removeprefix(NAMESPACE) in {
            "svg", "title", "style", "defs", "clipPath", "rect", "g", "circle", "text",
        }  # fmt: skip
        assert not [name for name in node.attrib if name.endswith("href")]
    style = "".join(node.text or "" for node in tree.iter(f"{NAMESPACE}style"))
    assert "@font-face" not in style
    assert "url(" not in style
    assert all(found.startswith("#") for found in re.findall(r"url\(([^)]*)\)", text))


@pytest.mark.parametrize("sample", EVERY)
def test_its_title_says_the_verdict_and_its_rows_have_every_id(sample: str) -> None:
    report = EVERY[sample]()
    tree = ElementTree.fromstring(render(report))
    title = tree.findtext(f"{NAMESPACE}title") or ""
    assert report.verdict.value.upper() in title
    texts = {(node.text or "") for node in tree.iter(f"{NAMESPACE}text")}
    for trial in trials_of(report):
        for name in ID_NAMES:
            found = getattr(trial, name, None)
            assert found is None or any(found in text for text in texts)


def test_braces_in_a_headline_are_no_format() -> None:
    text = render(a_report((a_trial(1),), headline="{width} {0} {{x}}"))
    assert "{width} {0} {{x}}" in (ElementTree.fromstring(text).findtext(f"{NAMESPACE}title") or "")


def test_of_very_many_trials_it_shows_the_failing_ones() -> None:
    report = many(120)
    assert len(render(report)) < len(render(report, verbose=True))
    assert "shown with --verbose" in render(report).replace("&#160;", " ")


def test_both_formats_are_offered() -> None:
    for name, start in (("html", "<!DOCTYPE html>\n<html lang="), ("svg", "<svg ")):
        file = io.StringIO()
        FORMATS[name](SAMPLES["delivered"](), file)
        assert file.getvalue().startswith(start)
