"""The documentation pages: what each failure, cause and doctor's check means, how to tell, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lkdiag.errors import UsageError
from lkdiag.text import did_you_mean

SUFFIX = ".md"
DOCTOR = "doctor"
LIST_HINT = "`lkdiag explain` lists them all"
_PACKAGE = Path(__file__).parent
_TITLE = re.compile(r"#+ (\S+): (.+)")
_ALSO = re.compile(r"^Also: (.+)\.$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One page. `text` is Markdown, and ends with a newline."""

    name: str
    title: str
    group: str
    """`failures`, `causes` or `doctor`."""
    text: str
    also: tuple[str, ...] = ()
    """Other names under which it is found: an outcome that says the same."""


def folder() -> Path:
    """In a wheel they are in the package; in a checkout, and when installed from it as editable, beside it."""
    inside = _PACKAGE / "_docs"
    return inside if inside.is_dir() else _PACKAGE.parent / "docs"


def read_pages() -> tuple[Page, ...]:
    """All of them: failures and causes by name, then the doctor's checks in the order in which they are made."""
    found = [
        _page(path.read_text(encoding="utf-8"), group)
        for group in ("failures", "causes")
        for path in sorted((folder() / group).glob(f"*{SUFFIX}"), key=lambda path: path.stem)
    ]
    whole = (folder() / f"{DOCTOR}{SUFFIX}").read_text(encoding="utf-8")
    sections = re.split(r"^(?=## )", whole, flags=re.MULTILINE)[1:]
    return (*found, _page(whole, DOCTOR), *(_page(text.removeprefix("#"), DOCTOR) for text in sections))


def find_page(name: str) -> Page:
    """The page of that name. Raises UsageError, with the nearest name, when there is none."""
    pages = read_pages()
    for page in pages:
        if name == page.name or name in page.also:
            return page
    names = [other for page in pages for other in (page.name, *page.also)]
    part = next((other for other in names if name and name in other), None)
    near = did_you_mean(name, names) or (f": did you mean {part}?" if part else "")
    raise UsageError(f'there is no page "{name}"{near}', LIST_HINT)


def _page(text: str, group: str) -> Page:
    title = _TITLE.match(text)
    assert title is not None, "the tests look at every page's first line"
    also = _ALSO.search(text)
    others = tuple(re.findall(r"`([^`]+)`", also[1])) if also else ()
    return Page(title[1], title[2], group, f"{text.rstrip()}\n", others)
