"""The whole page: what every kind of run shows, around what this kind has to show, and short enough to attach."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from lkdiag.render.course import ended, expected
from lkdiag.render.dispatch.sentences import sentences as dispatch_sentences
from lkdiag.render.fitting import Piece, Step, fit
from lkdiag.render.html import dispatch, teardown, watch
from lkdiag.render.html.markup import around_hole, element, written
from lkdiag.render.html.parts import (
    command_section,
    environment_section,
    leftovers,
    list_pieces,
    notes_section,
    section,
    thresholds,
)
from lkdiag.render.selection import trials_of
from lkdiag.render.teardown.sentences import sentences as teardown_sentences
from lkdiag.render.wording import VERDICT_SYMBOL, period
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree.ElementTree import Element

    from lkdiag.report.value import Report

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


def render(report: Report) -> str:
    """At most 1,000,000 bytes of UTF-8. What had to be left out to get there is said near the top."""
    before, after = around_hole(_document(report))
    spare = LARGEST_PAGE - len(before.encode()) - len(after.encode()) - _ROOM_FOR_NOTICE
    # fit counts characters: as Latin-1 each of them stands for one byte of UTF-8
    pieces = [
        Piece(tuple(form.encode().decode("latin-1") for form in piece.forms), piece.kind, piece.unmade)
        for piece in _pieces(report)
    ]
    text, left_out = fit(pieces, _STEPS, spare)
    body = text.encode("latin-1").decode()
    notice = ""
    if left_out:
        told = f"Left out, to keep this page small: {'; '.join(left_out)}. "
        notice = written(element("p", told, element("code", "--format json"), " has everything.", class_="notice"))
    return f"<!DOCTYPE html>\n{before}\n{notice}\n{body}{after}\n"


def _document(report: Report) -> Element:
    """From the head to the verdict, a hole, and the end."""
    run = report.run
    verdict = f"{VERDICT_SYMBOL[report.verdict]} {report.verdict.value.upper()}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{verdict} · lkdiag {run.scenario} · run {run.id}"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content=f"lkdiag {run.lkdiag_version}"),
        element("link", rel="icon", href="data:,"),
        _style(),
    )
    masthead = element(
        "header",
        element("h1", f"lkdiag {run.scenario}"),
        element(
            "p",
            element("span", verdict, class_=f"verdict {report.verdict}"),
            " ",
            element("strong", report.headline),
            class_="headline",
        ),
        element("p", *_paragraph(report), class_="paragraph"),
        *(element("p", text) for text in (*ended(report), *expected(report))),
        element(
            "p",
            "Run ",
            element("code", run.id),
            f" of lkdiag {run.lkdiag_version}, {period(run.started_at, run.finished_at)}",
            class_="muted",
        ),
    )
    skip = element("a", "To the report", href="#report", class_="skip")
    main = element("main", element("hole"), id="report")
    footer = element(
        "footer", element("p", f"Written by lkdiag {run.lkdiag_version}. This page loads nothing from anywhere.")
    )
    return element("html", head, element("body", skip, masthead, main, footer), lang="en")


def _style() -> Element:
    found = element("style")
    found.text = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return found


def _paragraph(report: Report) -> list[str]:
    """The run in plain words, with the blanks between its sentences."""
    told: Iterable[str] = ()
    if isinstance(report, DispatchReport):
        told = dispatch_sentences(report, str, str)
    elif isinstance(report, TeardownReport):
        told = teardown_sentences(report, str)
    return [f"{sentence} " for sentence in told]


def _pieces(report: Report) -> Iterator[Piece]:
    if isinstance(report, DispatchReport):
        yield from _assembled(
            report,
            dispatch.figures(report),
            dispatch.findings(report),
            dispatch.trials(report),
            dispatch.stories(report),
            watch.calls(report) if isinstance(report, WatchReport) else (),
        )
    elif isinstance(report, TeardownReport):
        yield from _assembled(
            report,
            teardown.figures(report),
            teardown.findings(report),
            teardown.trials(report),
            teardown.stories(report),
        )


def _assembled(
    report: Report,
    figures: Iterable[Piece],
    findings: Iterable[Element],
    trials: Iterable[Piece],
    stories: Iterable[Piece],
    calls: Iterable[Piece] = (),
) -> Iterator[Piece]:
    yield Piece((f"{written(environment_section(report))}\n",))
    yield from thresholds(report.thresholds)
    yield from figures
    yield from calls
    yield from list_pieces("findings", "Findings", "finding", findings)
    told = list(stories)
    if told:
        before, after = around_hole(section("failing", "Failing trials", element("hole")))
        yield from (Piece((before,)), *told, Piece((f"{after}\n",)))
    if trials_of(report):
        yield from trials
    else:
        yield Piece((written(section("trials", "Trials", element("p", "No trial was finished."))) + "\n",))
    yield from leftovers(report.leftover_rooms)
    if report.notes:
        yield Piece((f"{written(notes_section(report.notes))}\n", ""), "detail")
    yield Piece((f"{written(command_section(report.run.command))}\n",))
