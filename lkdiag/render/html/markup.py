"""HTML and SVG as trees of the standard library's elements: they escape every text, and what they open they close."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

Child = Element | str | None
"""Text is from anywhere: it is made printable and escaped. None stands for nothing."""
HOLE = "hole"
"""An element that is filled in later."""


def element(tag: str, *children: Child, **attributes: str | float | bool | None) -> Element:
    """`class_="x"` is the attribute class, `aria_label` is aria-label; True is an empty one, None and False none."""
    found = Element(tag)
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        shown = "" if value is True else value if isinstance(value, str) else f"{value:.6g}"
        found.set(name.rstrip("_").replace("_", "-"), visible(shown))
    add(found, children)
    return found


def add(parent: Element, children: Iterable[Child]) -> None:
    """Append texts and elements in their order."""
    for child in children:
        if isinstance(child, Element):
            parent.append(child)
        elif child and len(parent):
            parent[-1].tail = (parent[-1].tail or "") + visible(child)
        elif child:
            parent.text = (parent.text or "") + visible(child)


def written(tree: Element) -> str:
    """As HTML, on one line."""
    return tostring(tree, encoding="unicode", method="html")


def around_hole(tree: Element) -> tuple[str, str]:
    """What stands before and after the tree's only `hole`."""
    before, _, after = written(tree).partition(f"<{HOLE}></{HOLE}>")
    return before, after
