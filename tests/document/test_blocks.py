"""A kind of report that nobody has heard of: every renderer shows it, as it knows blocks and no kinds."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest
from rich.console import Console

from lkdiag.contract import Severity, Verdict
from lkdiag.document.blocks import (
    Cards,
    Code,
    Column,
    Document,
    Facts,
    Findings,
    Found,
    Items,
    Layout,
    Paragraph,
    Part,
    Section,
    Span,
    Stories,
    Story,
    Table,
    TablePart,
    Tone,
)
from lkdiag.judge.finding import Finding
from lkdiag.render import markdown, svg, terminal
from lkdiag.render.html import page
from lkdiag.report.value import TimelineLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.contract import CheckSlug

FOUND = Finding(
    cast("CheckSlug", "tea-cold"), Severity.FAIL, "the tea was cold", "it had 20 °C", "boil it", trials=(2,)
)


@dataclass(frozen=True)
class Cup:
    number: int
    warm: bool
    owner: str


CUPS = (Cup(1, True, "Ada Lovelace of the second floor"), Cup(2, False, "Grace Hopper of the third floor"))
NUMBER = Column[Cup]("cup", "its number", lambda cup: str(cup.number), right=True)
WARM = Column[Cup](
    "state",
    "warm, or cold",
    lambda cup: "✓ warm" if cup.warm else "✗ cold",
    tone=lambda cup: Tone.GOOD if cup.warm else Tone.LOST,
)
OWNER = Column[Cup]("owner", "whose it is", lambda cup: cup.owner, is_id=True)


def _layouts(_: bool) -> tuple[Layout[Cup], ...]:
    return (
        Layout((TablePart((NUMBER, WARM, OWNER), CUPS),)),
        Layout((TablePart((NUMBER, WARM), CUPS), TablePart((NUMBER, OWNER), CUPS, ("two tables",)))),
    )


def _story(cup: Cup) -> Story:
    return Story(
        cup.number,
        f"Cup {cup.number}",
        Span("✗ cold", Tone.LOST),
        about=f", of {cup.owner}",
        brief=("on the table",),
        opening=("On ", Code("table-7"), "."),
        findings=(FOUND,),
        timeline=(TimelineLine("2026-08-21T10:14:02.001Z", 250.0, "kettle", "was switched off"),),
    )


def tea() -> Document:
    table = Table(
        "Cups",
        (NUMBER, WARM, OWNER),
        CUPS,
        caption="Every cup",
        fails=lambda cup: not cup.warm,
        told_at=lambda cup: None if cup.warm else cup.number,
        layouts=_layouts,
        legend=True,
    )
    stories = Stories(
        CUPS,
        index=lambda cup: cup.number,
        findings=lambda cup: () if cup.warm else (FOUND,),
        fails=lambda cup: not cup.warm,
        has_story=lambda cup: not cup.warm,
        kinds=lambda _: frozenset({"tea-cold"}),
        story=_story,
        told_at_once=10,
    )
    return Document(
        title="lkdiag tea",
        run_id="7f3k2m",
        version="0.1.0",
        period="today",
        verdict=Verdict.FAIL,
        headline="One cup was cold.",
        paragraph=(("Tea in ", Code("table-7"), "."),),
        ended=(),
        expected=(),
        identity=Facts([("kettle", "a *red* one")]),
        client=Facts([]),
        options=Facts([("cups", "2")]),
        thresholds=(),
        sections=(
            Section(Part.TABLE, "cups", "Cups", (Paragraph("Two cups were looked at."), table)),
            Section(Part.FIGURES, "figures", "Figures", (Cards([("cups", "2", "1 cold")]),)),
            Section(Part.STORIES, "failing", "Cold cups", (stories,)),
            Section(Part.FINDINGS, "findings", "Findings", (Findings([Found(FOUND)], explained_once=True),)),
            Section(Part.NOTES, "record", "About the tea", (Items(["It was green."]),)),
        ),
        command="lkdiag tea",
    )


def at_columns(width: int) -> str:
    file = io.StringIO()
    terminal.render(tea(), Console(file=file, width=width, height=50, force_terminal=True, color_system=None))
    return file.getvalue()


@pytest.mark.parametrize(
    "written",
    [lambda: at_columns(80), lambda: markdown.render(tea()), lambda: page.render(tea()), lambda: svg.render(tea())],
    ids=["terminal", "markdown", "html", "svg"],
)
def test_every_renderer_shows_a_new_kind_of_report(written: Callable[[], str]) -> None:
    text = written().replace("&#160;", " ")
    for words in (
        "lkdiag tea",
        "FAIL",
        "One cup was cold.",
        "Two cups were looked at.",
        "Grace Hopper of the third floor",
        "✗ cold",
    ):
        assert words in text
    for words in ("the tea was cold", "it had 20 °C", "boil it", "was switched off", "It was green."):
        assert words in text


def test_a_terminal_takes_the_first_layout_that_fits() -> None:
    assert " 2  ✗ cold  Grace Hopper of the third floor\n" in at_columns(60)
    narrow = at_columns(40)
    assert "  2  ✗ cold\n" in narrow
    assert "  2  Grace Hopper of the third floor\ntwo tables\n" in narrow


def test_a_terminal_does_not_explain_again_what_the_story_has_explained() -> None:
    told, findings = at_columns(80).split("\nFindings\n")
    assert "boil it" in told
    assert "boil it" not in findings
    assert "trial 2" in findings


def test_texts_are_shown_as_they_are() -> None:
    assert "a \\*red\\* one" in markdown.render(tea())
    assert "Tea in `table-7`." in markdown.render(tea())
    assert "<code>table-7</code>" in page.render(tea())


def test_a_page_leads_from_the_row_to_its_story() -> None:
    assert '<a href="#trial-2">2</a>' in page.render(tea())
    assert 'id="trial-2"' in page.render(tea())
    assert '<span class="outcome good">✓ warm</span>' in page.render(tea())
