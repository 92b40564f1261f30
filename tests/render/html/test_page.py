"""The page: well-formed, self-contained, escaped, small, and with the numbers of the JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.document.build import document_of
from lkdiag.document.selection import failing, trials_of
from lkdiag.document.wording import duration, rate, seconds
from lkdiag.render.html import page
from lkdiag.render.json import render as render_json
from lkdiag.report.value import Expectation, Threshold
from tests.render import sample_reports, teardown_samples
from tests.render.sample_reports import HOSTILE_AGENT, SAMPLES, a_dropped, a_report, a_trial
from tests.render.teardown_samples import TEARDOWNS

from .parsing import Node, parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.report.value import Report

EVERY: dict[str, Callable[[], Report]] = {**SAMPLES, **TEARDOWNS}


def render(report: Report) -> str:
    return page.render(document_of(report))


@pytest.mark.parametrize("sample", EVERY)
class TestEveryPage:
    def page(self, sample: str) -> Node:
        return parsed(render(EVERY[sample]()))

    def test_asks_for_nothing(self, sample: str) -> None:
        tree = self.page(sample)
        for node in tree.walk():
            assert node.tag not in {"script", "img", "iframe", "object", "embed", "video", "audio", "base", "form"}
            assert not [name for name in node.attributes if name.startswith("on") or name in {"src", "srcset", "style"}]
            target = node.attributes.get("href", "")
            if node.tag == "a":  # asks when it is clicked, and only then
                assert re.match(r"#|https://", target)
            elif target:
                assert target == "data:," or target.startswith("#")
        style = tree.find("style")[0].text()
        assert "url(" not in style
        assert "@import" not in style
        policy = tree.find("meta", http_equiv="Content-Security-Policy")[0].attributes["content"]
        assert policy.startswith("default-src 'none';")

    def test_says_the_verdict_before_everything_else(self, sample: str) -> None:
        tree, report = self.page(sample), EVERY[sample]()
        body = tree.find("body")[0].text()
        assert body.index(report.verdict.value.upper()) < body.index("Environment")
        assert report.run.id in tree.find("title")[0].text()
        headings = [node.text() for node in tree.find("h2")]
        assert headings[0] == "Environment"
        assert headings[-1] == "Run it again"

    def test_has_its_landmarks_headings_and_labels(self, sample: str) -> None:
        tree = self.page(sample)
        assert tree.find("html")[0].attributes["lang"] == "en"
        assert [len(tree.find(tag)) for tag in ("main", "header", "footer", "h1")] == [1] * 4
        levels = [int(node.tag[1]) for node in tree.walk() if re.fullmatch("h[1-6]", node.tag)]
        assert all(after - before <= 1 for before, after in pairwise(levels))
        names = [node.attributes["id"] for node in tree.walk() if "id" in node.attributes]
        assert len(set(names)) == len(names)
        linked = [
            node.attributes["href"][1:] for node in tree.walk() if node.attributes.get("href", "").startswith("#")
        ]
        assert set(linked) <= set(names)
        for table in tree.find("table"):
            assert table.find("caption")[0].text()
            assert all(node.attributes["scope"] for node in table.find("th"))
        regions = [node.attributes["aria-label"] for node in tree.find("div", role="region")]
        assert len(set(regions)) == len(regions)
        assert all(node.attributes["aria-label"] for node in tree.find("svg", role="img"))
        assert all(node.find("summary") for node in tree.find("details"))

    def test_every_trial_has_its_row_with_every_id(self, sample: str) -> None:
        report = EVERY[sample]()
        section = self.page(sample).section("trials")
        rows = (
            {row.find("th")[0].text(): row.text() for row in section.find("table")[0].find("tr")}
            if trials_of(report)
            else {}
        )
        for trial in trials_of(report):
            for name in ("room_sid", "human_room_sid", "dispatch_id", "job_id", "worker_id", "fallback_dispatch_id"):
                found = getattr(trial, name, None)
                assert found is None or found in rows[str(trial.index)]
            for found in trial.participant_ids.values():
                assert found in rows[str(trial.index)]

    def test_every_failing_trial_is_told(self, sample: str) -> None:
        report, tree = EVERY[sample](), self.page(sample)
        for trial in failing(trials_of(report)):  # type: ignore[type-var]
            if trial.findings:
                assert tree.find("p", id=f"trial-{trial.index}")
                assert len(tree.find("a", href=f"#trial-{trial.index}")) == 1


def test_hostile_text_stays_text() -> None:
    for report in (sample_reports.hostile(), teardown_samples.hostile()):
        text = render(report)
        assert "<img" not in text
        assert "<b>" not in text
        assert "<script>" not in text
        assert 'href="javascript' not in text
        tree = parsed(text)
        assert "onerror=alert(1)" in tree.text()
        assert "\\x1b[31m" in tree.text()
        assert "\\u202e" in tree.text()
        assert HOSTILE_AGENT.split()[-1] in tree.text()  # names are not cut


def test_hole_in_a_name_is_no_hole() -> None:
    text = render(a_report((a_trial(1, room="<hole></hole>"),), headline="<hole></hole>"))
    assert text.count("&lt;hole&gt;") >= 2
    assert "<hole>" not in text
    parsed(text)


def _json(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render_json(report))
    return found


def test_dispatch_numbers_are_those_of_the_json() -> None:
    report = sample_reports.failing()
    known, tree = _json(report), parsed(render(report))
    figures = tree.section("figures").text()
    lost = known["summary"]["lost_rate"]
    assert f"{lost['count']} of {lost['of']}" in figures
    assert rate(report.summary.lost_rate) in figures
    for name in ("min", "p50", "p90", "p95", "p99", "max"):
        assert duration(known["summary"]["latency_ms"][name]) in figures
    head, *rows = tree.section("trials").find("table")[0].find("tr")
    headers = [cell.text() for cell in head.find("th")]
    for row, trial in zip(rows, known["trials"], strict=True):
        cells = dict(zip(headers, [node.text() for node in row.walk() if node.tag in ("th", "td")], strict=True))
        assert cells["#"] == str(trial["index"])
        assert cells["outcome"].endswith(trial["outcome"])
        assert cells["latency"] == duration(trial["latency_ms"])
        assert cells["state"] == trial["state"]
        assert cells["mismatch"] == (trial["mismatch"] or "–")


def test_teardown_numbers_are_those_of_the_json() -> None:
    report = teardown_samples.full_grid()
    known, tree = _json(report), parsed(render(report))
    cells = [node.text() for node in tree.find("table", class_="grid")[0].find("td")]
    assert len(cells) == len(known["summary"]["grid"]) == 36
    by_cleanup: dict[str, list[dict[str, Any]]] = {}
    for cell in known["summary"]["grid"]:
        by_cleanup.setdefault(cell["cleanup"], []).append(cell)
    for text, cell in zip(cells, [cell for row in by_cleanup.values() for cell in row], strict=True):
        shown = cell["closed_ms"] if cell["closed_ms"] is not None else cell["stranded_ms"]
        assert text.endswith(seconds(shown))


def test_a_story_has_findings_diagnosis_picture_and_words() -> None:
    tree = parsed(render(sample_reports.failing()))
    block = next(node for node in tree.find("details") if node.find("p", id="trial-3"))
    assert "open" in block.attributes
    terms = {
        row.find("dt")[0].text(): row.find("dd")[0].text()
        for row in block.find("div")
        if row.children and row.find("dt")
    }
    assert terms["causes"] == "lost-before-worker, or worker-full"
    assert {"for", "against", "would tell"} <= set(terms)
    timeline = sample_reports.failing().trials[2].timeline
    assert len(block.find("circle")) == len(timeline)
    assert [row.find("td")[1].text() for row in block.find("table", class_="timeline")[0].find("tr")[1:]] == [
        line.text for line in timeline
    ]
    moments = [node.attributes["datetime"] for node in block.find("time")]
    assert moments == [line.at for line in timeline]


def test_what_stands_beside_the_verdict() -> None:
    report = sample_reports.empty()
    expected = Expectation({}, False, 1, (1,), "Expected another end.")
    limit = Threshold("lost_rate", ">", 0.01, 0.2, False, "lost_rate is 0.2, above 0.01.")
    told = render(
        replace(report, run=replace(report.run, aborted="no server"), expectation=expected, thresholds=(limit,))
    )
    for words in (
        "The run was interrupted after 0 trials of 20 planned.",
        "lkdiag gave the run up: no server",
        "✗ Expected another end.",
        '<h2 id="thresholds">Thresholds</h2>',
        " lost_rate is 0.2, above 0.01.</li>",
        "No trial was finished.",
    ):
        assert words in told


def test_it_opens_with_the_run_in_plain_words() -> None:
    dispatch, teardown = (render(sample()) for sample in (sample_reports.failing, teardown_samples.full_grid))
    assert "trials of inbound-agent by create-room, a room of a new name for each. Outcomes: " in dispatch
    assert "calls, each in rooms of its own: a caller and an agent, a human transferred to them" in teardown


def test_a_thousand_delivered_trials_are_all_in_it() -> None:
    text = render(a_report(tuple(a_trial(index) for index in range(1, 1001))))
    assert len(text.encode()) < 1_000_000
    assert "Left out" not in text
    assert text.count("<tr>") >= 1000


@pytest.mark.parametrize("count", [1000, 3000])
def test_a_page_that_would_be_large_says_what_it_leaves_out_passing_trials_first(count: int) -> None:
    text = render(sample_reports.many(count))
    assert len(text.encode()) <= page.LARGEST_PAGE
    tree = parsed(text)
    notice = tree.find("p", class_="notice")[0].text()
    passing = count - count // 3
    assert notice.startswith(f"Left out, to keep this page small: the rows of the {passing} trials without a finding")
    assert "--format json has everything" in notice
    for index in (3, count // 3 * 3):
        assert f"AD_{index:04d}aBcDeFgH" in tree.section("trials").text()


def test_bytes_are_counted_not_characters() -> None:
    trials = tuple(a_dropped(index, room=f"räume/日本語/🙂-{'間' * 100}-{index}") for index in range(1, 1001))
    text = render(a_report(trials))
    assert len(text.encode()) <= page.LARGEST_PAGE
    assert "räume/日本語/🙂" in text
    parsed(text)
