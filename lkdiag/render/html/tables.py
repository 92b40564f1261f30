"""Tables that say what they are: a caption, headers with their scope, and a frame that scrolls where they are wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.html.markup import HOLE, element
from lkdiag.render.wording import NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from xml.etree.ElementTree import Element

    from lkdiag.render.html.markup import Child

Header = tuple[str, bool]
"""Text, and whether the column is flush right."""
LONGEST_ON_A_LINE = 40
"""Characters of a cell that are kept on one line; ids are far shorter, names from elsewhere may be longer."""


def table(caption: str, headers: Sequence[Header], rows: Iterable[Sequence[Child]], *, name: str) -> Element:
    """The first cell of a row is its header. `name` tells the frame from others for a screen reader."""
    return _framed(caption, headers, [row(headers, cells) for cells in rows], name)


def open_table(caption: str, headers: Sequence[Header], *, name: str) -> Element:
    """One whose rows are filled in later."""
    return _framed(caption, headers, [element(HOLE)], name)


def row(headers: Sequence[Header], cells: Sequence[Child], *, kind: str | None = None, head: Child = None) -> Element:
    """The first cell is the row's header, or `head` in its place."""
    found = element("tr", class_=kind)
    for number, ((_, right), cell) in enumerate(zip(headers, cells, strict=True)):
        content = head if number == 0 and head is not None else cell
        classes = ["right"] if right else []
        if isinstance(content, str):
            if content == NONE:
                classes.append("none")
            if len(content) > LONGEST_ON_A_LINE:
                classes.append("long")
        kinds = " ".join(classes) or None
        tag = "th" if number == 0 else "td"
        found.append(element(tag, content, class_=kinds, scope="row" if number == 0 else None))
    return found


def _framed(caption: str, headers: Sequence[Header], rows: Sequence[Element], name: str) -> Element:
    heads = [
        element("th", text, scope="col", class_="right" if right else None) if text else element("td")
        for text, right in headers
    ]
    found = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
    )
    return scrolled(found, name)


def scrolled(content: Element, name: str) -> Element:
    """A frame that the keyboard can scroll too."""
    return element("div", content, class_="scroll", role="region", aria_label=name, tabindex="0")


def pairs(rows: Iterable[tuple[str, Child]]) -> Element:
    """Labels and what belongs to them."""
    found = element("dl", class_="pairs")
    for label, content in rows:
        found.append(element("div", element("dt", label), element("dd", content)))
    return found
