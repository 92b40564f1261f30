"""The whole page: its frame around the document's sections, and short enough to attach."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from lkdiag.document.blocks import Part, plain_text
from lkdiag.document.wording import VERDICT_SYMBOL
from lkdiag.render.fitting import Piece, Step, fit
from lkdiag.render.html import blocks
from lkdiag.render.html.markup import around_hole, element, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from lkdiag.document.blocks import Document

LARGEST_PAGE = 1_000_000
"""Bytes."""
_ROOM_FOR_NOTICE = 2_000

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What the page may do: show its own style. It loads nothing, runs nothing and sends nothing, whatever is in it."""

_STEPS = (
    Step("passing", "the rows of the {count} trials without a finding", at_once=True),
    Step("story", "the pictures of {count} timelines"),
    Step("story", "the timelines of {count} failing trials"),
    Step("story", "the findings of {count} failing trials"),
    Step("points", "the chart of the latency over the run"),
    Step("leftover", "{count} rooms left behind"),
    Step("failing", "the rows of {count} failing trials"),
    Step("finding", "{count} findings about the run"),
    Step("detail", "{count} parts about the environment, the warm-up or the record"),
)

ORDER = (
    Part.FIGURES,
    Part.CHARTS,
    Part.OVERVIEW,
    Part.FINDINGS,
    Part.STORIES,
    Part.TABLE,
    Part.LEFTOVERS,
    Part.NOTES,
)


def render(document: Document) -> str:
    """At most 1,000,000 bytes of UTF-8. What had to be left out to get there is said near the top."""
    before, after = around_hole(_frame(document))
    spare = LARGEST_PAGE - len(before.encode()) - len(after.encode()) - _ROOM_FOR_NOTICE
    # fit counts characters: as Latin-1 each of them stands for one byte of UTF-8
    pieces = [
        Piece(tuple(form.encode().decode("latin-1") for form in piece.forms), piece.kind, piece.unmade)
        for piece in _pieces(document)
    ]
    text, left_out = fit(pieces, _STEPS, spare)
    body = text.encode("latin-1").decode()
    notice = ""
    if left_out:
        told = f"Left out, to keep this page small: {'; '.join(left_out)}. "
        notice = written(element("p", told, element("code", "--format json"), " has everything.", class_="notice"))
    return f"<!DOCTYPE html>\n{before}\n{notice}\n{body}{after}\n"


def _frame(document: Document) -> Element:
    """From the head to the verdict, a hole, and the end."""
    verdict = f"{VERDICT_SYMBOL[document.verdict]} {document.verdict.value.upper()}"
    sentences = (child for told in document.paragraph for child in (plain_text(told), " "))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{verdict} · {document.title} · run {document.run_id}"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content=f"lkdiag {document.version}"),
        element("link", rel="icon", href="data:,"),
        _style(),
    )
    masthead = element(
        "header",
        element("h1", document.title),
        element(
            "p",
            element("span", verdict, class_=f"verdict {document.verdict}"),
            " ",
            element("strong", document.headline),
            class_="headline",
        ),
        element("p", *sentences, class_="paragraph"),
        *(element("p", text) for text in (*document.ended, *document.expected)),
        element(
            "p",
            "Run ",
            element("code", document.run_id),
            f" of lkdiag {document.version}, {document.period}",
            class_="muted",
        ),
    )
    skip = element("a", "To the report", href="#report", class_="skip")
    main = element("main", element("hole"), id="report")
    footer = element(
        "footer", element("p", f"Written by lkdiag {document.version}. This page loads nothing from anywhere.")
    )
    return element("html", head, element("body", skip, masthead, main, footer), lang="en")


def _style() -> Element:
    found = element("style")
    found.text = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return found


def _pieces(document: Document) -> Iterator[Piece]:
    environment = blocks.environment(document.identity, document.client, document.options)
    yield Piece((f"{written(environment)}\n",))
    yield from blocks.thresholds(document.thresholds)
    for part in ORDER:
        for section in document.sections:
            if section.part is part:
                yield from blocks.section(section)
    yield Piece((f"{written(blocks.command(document.command))}\n",))
