"""The report for an issue: it parses, shows every text as it is, and fits."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from lkdiag.document.build import document_of
from lkdiag.render import markdown
from lkdiag.render.markdown import code, code_block, link, prose

from . import sample_reports
from .sample_reports import HOSTILE_AGENT, HOSTILE_ERROR, a_dropped, a_report
from .sample_reports import SAMPLES as DISPATCHES
from .teardown_samples import TEARDOWNS
from .teardown_samples import many as many_teardowns

if TYPE_CHECKING:
    from collections.abc import Callable

    from markdown_it.token import Token

    from lkdiag.report.value import DispatchReport, Report


SAMPLES: dict[str, Callable[[], Report]] = {**DISPATCHES, **TEARDOWNS}


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def inline(text: str) -> list[Token]:
    return [child for token in parsed(text) for child in token.children or ()]


def with_long_texts() -> DispatchReport:
    report = sample_reports.failing()
    run = replace(report.run, command=f"lkdiag dispatch-trial --metadata '{'x@&' * 30_000}'")
    finding = replace(report.findings[0], fact="@<&|" * 20_000)
    environment = replace(report.environment, subject="<@" * 40_000)
    return replace(report, run=run, environment=environment, findings=(finding,) * 40, headline="<" * 90_000)


@pytest.mark.parametrize(
    "report",
    [
        *(sample() for sample in SAMPLES.values()),
        sample_reports.many(300),
        sample_reports.many(3000),
        many_teardowns(300),
        many_teardowns(3000),
        replace(sample_reports.failing(), leftover_rooms=sample_reports.failing().leftover_rooms * 2000),
        replace(sample_reports.failing(), notes=(HOSTILE_AGENT * 3,) * 300),
        with_long_texts(),
    ],
)
def test_fits_an_issue(report: Report) -> None:
    assert len(markdown.render(document_of(report))) <= 65_536


def test_of_too_many_trials_the_passing_rows_go_first_and_it_says_so() -> None:
    text = markdown.render(document_of(sample_reports.many(300)))
    assert "the rows of the 200 trials without a finding" in text
    assert "`--format json` has everything" in text
    assert "\n| 2 |" not in text
    assert "\n| 3 |" in text
    assert "\n| 300 |" in text
    assert "<summary>Trial 3:" in text


def test_then_the_timelines_go_from_the_end_and_the_findings_stay() -> None:
    text = markdown.render(document_of(sample_reports.many(240)))
    dropped = re.search(r"the timelines of (\d+) failing trials", text)
    assert dropped is not None
    assert text.count("```text") == 80 - int(dropped[1]) > 0
    first, last = (text.split(f"<summary>Trial {index}:")[1].split("</details>")[0] for index in (3, 240))
    assert "+0.213 s" in first
    assert "+0.213 s" not in last
    assert "AD_0240aBcDeFgH in RM_0240aBcDeFgH had no job" in last


def test_even_of_too_many_failing_trials_the_first_keep_their_ids() -> None:
    text = markdown.render(document_of(sample_reports.many(3000)))
    assert "RM_0003aBcDeFgH" in text
    assert re.search(r"the rows of \d+ failing trials", text)
    assert "### Failing trials" not in text


def test_nothing_is_said_to_be_left_out_where_all_fits() -> None:
    assert "Left out" not in markdown.render(document_of(sample_reports.failing()))


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_table_row_has_as_many_cells_as_its_head(sample: str) -> None:
    for block in re.findall(r"(?:^\|.*\n)+", markdown.render(document_of(SAMPLES[sample]())), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_details_block_is_closed_and_the_only_html(sample: str) -> None:
    tokens = parsed(markdown.render(document_of(SAMPLES[sample]())))
    html = [token.content.strip() for token in tokens if token.type == "html_block"]
    assert sum("<details>" in text for text in html) == sum("</details>" in text for text in html)
    assert all(re.fullmatch(r"</details>|<details><summary>[^<>]*</summary>", text) for text in html)
    marks = {child.content for token in tokens for child in token.children or () if child.type == "html_inline"}
    assert marks <= {"<!-- -->"}


def test_hostile_text_makes_no_link_emphasis_or_heading() -> None:
    tokens = parsed(markdown.render(document_of(sample_reports.hostile())))
    children = [child for token in tokens for child in token.children or ()]
    assert not [child for child in children if child.type in {"link_open", "image", "em_open", "s_open"}]
    assert "heading" not in {tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"}
    fences = [token.content for token in tokens if token.type == "fence"]
    assert len(fences) == 3, "a story, the smallest example, the command"


def test_trials_are_in_utc_with_full_room_names() -> None:
    text = markdown.render(document_of(sample_reports.failing()))
    assert "| started (UTC) |" in text
    assert "| 3 | 2026-08-21 10:14:06.125 | subject | ✗ dropped | – | no-job |" in text
    assert "| lkdiag-7f3k2m-003 | RM_0003aBcDeFgH | AD_0003aBcDeFgH | – | – | AD_9003aBcDeFgH |" in text


def test_the_command_stands_in_a_block_of_its_own() -> None:
    assert markdown.render(document_of(sample_reports.delivered())).endswith(
        "```sh\nlkdiag dispatch-trial --count 20 --agent-name inbound-agent\n```\n"
    )


def test_a_trial_without_a_story_still_has_its_finding() -> None:
    text = markdown.render(document_of(a_report((a_dropped(1, timeline=()),))))
    assert "<summary>Trial 1: ✗ dropped, state no-job</summary>" in text
    assert "had no job after 20.00 s" in text


@pytest.mark.parametrize(
    "text",
    [
        "*a* **b** _c_ __d__ ~~e~~ ~f~",
        "[x](y) ![i](j) <b>bold</b> &amp; `code`",
        "a\\b \\| c | d",
        "# no heading",
        "1. no list",
        "- no list",
        "=== no underline",
        "> no quote",
        "RM_aBc_dEf agent-AJ_x",
        "日本語 🙂 –",
    ],
)
def test_prose_reads_as_the_text_that_it_was(text: str) -> None:
    tokens = parsed(f"above\n{prose(text)}\n")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = inline(f"{prose(text)}\n")
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == text


def test_ids_and_versions_stay_as_they_are() -> None:
    plain = "RM_0001aBcDeFgH on NC_OFRANKFURT1B_x7, 1.10.1, 6.24 s, lkdiag-7f3k2m-001, ~ delayed"
    assert prose(plain) == plain
    assert prose("0.1.0") == "0.1.0"


def test_nobody_is_called_to_the_issue() -> None:
    assert prose("@everyone") == "@<!-- -->everyone"


@pytest.mark.parametrize("text", ["plain", "a `b` c", "``", "`x", "a|b", HOSTILE_AGENT])
def test_code_shows_the_text(text: str) -> None:
    shown = [child.content for child in inline(f"x {code(text)} x") if child.type == "code_inline"]
    assert len(shown) == 1
    assert shown[0].startswith(text[:20])


def test_a_code_block_cannot_be_ended_from_within() -> None:
    fences = [token.content for token in parsed(code_block(["```", HOSTILE_ERROR, "````x"])) if token.type == "fence"]
    assert len(fences) == 1
    assert fences[0].endswith("````x\n")


def test_only_web_addresses_are_links() -> None:
    assert link("https://github.com/livekit/agents/issues/1") == "<https://github.com/livekit/agents/issues/1>"
    assert link("javascript:alert(1)") == "javascript:alert(1)"
    assert link("livekit/agents-js#1211") == "livekit/agents-js#1211"


def test_a_very_long_text_is_cut_between_words_and_says_so() -> None:
    found = prose(f"{'word ' * 300}end")
    assert found.endswith("word … (504 more characters)")
