"""Reads a page as a browser would, but strictly: what is opened has to be closed, in the right order."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VOID = {"meta", "link", "br", "hr", "img", "input", "col"}


@dataclass
class Node:
    """An element."""

    tag: str
    attributes: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    def text(self) -> str:
        """Everything in it, pictures' titles too."""
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def walk(self) -> Iterator[Node]:
        """It and everything below it, in the order of the page."""
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def find(self, tag: str, **attributes: str) -> list[Node]:
        """Those of that tag whose attributes (`class_` for class) have these words in them."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            node
            for node in self.walk()
            if node.tag == tag
            and all(set(value.split()) <= set(node.attributes.get(name, "").split()) for name, value in wanted.items())
        ]

    def section(self, name: str) -> Node:
        """The section whose heading has that id."""
        return next(node for node in self.find("section") if node.attributes["aria-labelledby"] == name)


class Strict(HTMLParser):
    """Raises AssertionError on markup that a browser would have to repair."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """HTMLParser's."""
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"{tag}: an attribute twice"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        """HTMLParser's."""
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """HTMLParser's."""
        self._open[-1].children.append(data)


def parsed(text: str) -> Node:
    """The page's elements."""
    parser = Strict()
    parser.feed(text)
    parser.close()
    assert parser._open == [parser.root], f"never closed: {[node.tag for node in parser._open]}"
    return parser.root
