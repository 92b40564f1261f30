"""Parts of the page that every kind of run has: environment, findings, a trial's story, rooms left behind, command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Severity
from lkdiag.render import environment
from lkdiag.render.fitting import Piece
from lkdiag.render.html.lanes import lanes
from lkdiag.render.html.markup import HOLE, around_hole, element, written
from lkdiag.render.html.tables import open_table, pairs, row
from lkdiag.render.visible import visible
from lkdiag.render.wording import (
    NONE,
    SEVERITY_SYMBOL,
    SWEEP,
    THRESHOLD_SYMBOL,
    closes,
    fate,
    moment,
    more,
    occupants,
    offset,
    trial_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from xml.etree.ElementTree import Element

    from lkdiag.checks.verdict import Finding
    from lkdiag.render.html.markup import Child
    from lkdiag.report.value import LeftoverRoom, Report, Threshold, TimelineLine

_MET = {True: "pass", False: "failure", None: "inconclusive"}
WEIGHT = {Severity.FAIL: "failure", Severity.INCONCLUSIVE: "inconclusive", Severity.NOTE: "note"}


def section(name: str, title: str, *children: Child) -> Element:
    """With a heading that names it and that can be linked to."""
    return element("section", element("h2", title, id=name), *children, aria_labelledby=name)


def environment_section(report: Report) -> Element:
    """What maintainers ask for first."""
    rows = [*environment.identity_rows(report), *environment.client_rows(report)]
    found: list[tuple[str, Child]] = [(label, link(text) if label == "reported" else text) for label, text in rows]
    body = section("environment", "Environment", pairs(found))
    options = environment.option_rows(report)
    if options:
        summary = element("summary", "Every setting of the scenario")
        body.append(element("details", summary, pairs([(name, text) for name, text in options])))
    return body


def link(target: str) -> Child:
    """To a web address, which nothing but a click asks for; anything else as text."""
    if re.fullmatch(r"https?://[^\s<>\"]{1,500}", visible(target)):
        return element("a", target, href=target, rel="noreferrer noopener")
    return target


def finding_item(finding: Finding, cells: Iterable[tuple[str, str]] = ()) -> Element:
    """What was found, what was seen of it, what it means, and in which trials."""
    mark = element("span", SEVERITY_SYMBOL[finding.severity], aria_hidden="true", class_=f"symbol {finding.severity}")
    slug = element("span", element("code", finding.check), f" · {WEIGHT[finding.severity]}", class_="slug")
    found = element("li", element("p", mark, " ", element("strong", finding.title), " ", slug), class_="finding")
    if finding.fact:
        found.append(element("p", finding.fact))
    if finding.hint:
        found.append(element("p", finding.hint, class_="hint"))
    if finding.reference:
        found.append(element("p", "See ", link(finding.reference)))
    found.append(element("p", "More: ", element("code", more([finding.check]))))
    if finding.trials:
        many = "Trials" if len(set(finding.trials)) > 1 else "Trial"
        found.append(element("p", f"{many} {trial_numbers(finding.trials)}.", class_="about"))
    shown = list(cells)
    if shown:
        found.append(pairs(shown))
    return found


def thresholds(judged: Sequence[Threshold]) -> Iterator[Piece]:
    """The user's own, an item each."""
    items = [
        element(
            "li",
            element("span", THRESHOLD_SYMBOL[one.ok], aria_hidden="true", class_=f"symbol {_MET[one.ok]}"),
            f" {one.told}",
        )
        for one in judged
    ]
    if items:
        body = section("thresholds", "Thresholds", element("ul", *items, class_="thresholds"))
        yield Piece((f"{written(body)}\n", ""), "detail")


def list_pieces(name: str, title: str, kind: str, items: Iterable[Element]) -> Iterator[Piece]:
    """A section with a list, each item of which may be left out."""
    pieces = [Piece((written(item), ""), kind) for item in items]
    if pieces:
        before, after = around_hole(section(name, title, element("ul", element(HOLE), class_="findings")))
        yield from (Piece((before,)), *pieces, Piece((f"{after}\n",)))


def story_piece(
    number: int,
    summary: Child,
    opening: Child,
    about: Sequence[Element],
    timeline: Sequence[TimelineLine],
    *,
    opened: bool,
) -> Piece:
    """A trial's block to unfold; shorter without its picture, without its timeline, without everything but its name."""
    anchor = f"trial-{number}"

    def block(*body: Element) -> str:
        # the anchor is inside, as a browser opens the block for what is linked to in it
        inner = element("div", element("p", opening, id=anchor), *body, class_="story")
        heading = element("summary", element("h3", summary))
        return written(element("details", heading, inner, open=opened)) + "\n"

    if not timeline:
        return Piece((block(*about), block(*about), block(*about), ""), "story")
    words = _timeline(timeline, number)
    picture = element("figure", element("figcaption", element("strong", "Timeline")), lanes(timeline))
    return Piece((block(*about, picture, words), block(*about, words), block(*about), ""), "story")


def _timeline(timeline: Sequence[TimelineLine], number: int) -> Element:
    rows = []
    for line in timeline:
        at = element("th", element("time", offset(line.offset_ms), datetime=line.at, title=line.at), scope="row")
        rows.append(element("tr", at, element("td", line.lane), element("td", line.text)))
    heads = [element("th", text, scope="col") for text in ("time", "who", "what")]
    head = element("thead", element("tr", *heads))
    caption = element("caption", f"Trial {number}, from its beginning, in words")
    return element("table", caption, head, element("tbody", *rows), class_="timeline")


def leftovers(rooms: Sequence[LeftoverRoom]) -> Iterator[Piece]:
    """The rooms that the run left behind, as a table."""
    if not rooms:
        return
    headers = [(text, False) for text in ("room", "room SID", "created (UTC)", "in it", "closes")]
    frame = open_table("Rooms that nobody had closed when their watch ended", headers, name="Rooms left behind, table")
    before, after = around_hole(section("leftovers", "Rooms left behind", frame))
    yield Piece((before,))
    for room in rooms:
        created = moment(room.created_at) if room.created_at else NONE
        how: Child = "lkdiag has deleted it since"
        if (told := fate(room)) is not None:
            how = told
        elif room.still_there:
            how = element("span", f"{closes(room)}, or by ", element("code", SWEEP))
        yield Piece(
            (written(row(headers, [room.name, room.sid or NONE, created, occupants(room), how])), ""), "leftover"
        )
    yield Piece((f"{after}\n",))


def notes_section(notes: Sequence[str]) -> Element:
    """About the journal itself."""
    return section("record", "About the record", element("ul", *(element("li", note) for note in notes)))


def command_section(command: str) -> Element:
    """To be copied."""
    return section("again", "Run it again", element("pre", element("code", command)))


def cards(found: Iterable[tuple[str, str, str]]) -> Element:
    """The few figures that matter most: label, figure, and what belongs to it."""
    grid = element("dl", class_="cards")
    for label, figure, about in found:
        body = element("dd", element("span", figure, class_="big"), " " if about else None)
        if about:
            body.append(element("span", about, class_="about"))
        grid.append(element("div", element("dt", label), body))
    return grid


def meanings(columns: Iterable[tuple[str, str]]) -> Element:
    """What a table's columns say."""
    return element("details", element("summary", "What the columns mean"), pairs(columns))
