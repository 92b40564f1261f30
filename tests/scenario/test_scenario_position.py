"""The line of every key: against documents of every kind of TOML, and against every scenario that is shipped."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.scenario.file import builtin_names, read_builtin_text
from lkdiag.scenario.location import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYTHING = '''\
# a comment with [brackets] and key = "value"
title = "a # no comment"  # a comment
"quoted key" = 1
'literal key' = 2
a.b."c.d" = 3
story = """
fake = "not a key"
[[steps]]
\\"""" # after
other = \'\'\'
[table]
it''s \'\'\'

[settings] # the settings
count = 3
list = [ 1,
  "two", # [
  [ 3, ]
  , { x = 1, y.z = [4] },
]

[ workers . main ]
behaviour = "honest"
[workers."stale one"]
behaviour = """one
line"""
when = 1979-05-27T07:32:00Z

[[steps]]
do = "watch"
[steps.more]
deep = true
[[steps.inner]]
n = 1
[[steps.inner]]
n = 2

[[steps]]
do = { a = "}", b = ']' }
[[steps.inner]]
"caf\\u00e9" = -inf
'''
LINES = {
    ("title",): 2,
    ("quoted key",): 3,
    ("literal key",): 4,
    ("a",): 5,
    ("a", "b"): 5,
    ("a", "b", "c.d"): 5,
    ("story",): 6,
    ("other",): 10,
    ("settings",): 14,
    ("settings", "count"): 15,
    ("settings", "list"): 16,
    ("settings", "list", 0): 16,
    ("settings", "list", 1): 17,
    ("settings", "list", 2): 18,
    ("settings", "list", 2, 0): 18,
    ("settings", "list", 3): 19,
    ("settings", "list", 3, "x"): 19,
    ("settings", "list", 3, "y"): 19,
    ("settings", "list", 3, "y", "z"): 19,
    ("settings", "list", 3, "y", "z", 0): 19,
    ("workers",): 22,
    ("workers", "main"): 22,
    ("workers", "main", "behaviour"): 23,
    ("workers", "stale one"): 24,
    ("workers", "stale one", "behaviour"): 25,
    ("workers", "stale one", "when"): 27,
    ("steps",): 29,
    ("steps", 0): 29,
    ("steps", 0, "do"): 30,
    ("steps", 0, "more"): 31,
    ("steps", 0, "more", "deep"): 32,
    ("steps", 0, "inner"): 33,
    ("steps", 0, "inner", 0): 33,
    ("steps", 0, "inner", 0, "n"): 34,
    ("steps", 0, "inner", 1): 35,
    ("steps", 0, "inner", 1, "n"): 36,
    ("steps", 1): 38,
    ("steps", 1, "do"): 39,
    ("steps", 1, "do", "a"): 39,
    ("steps", 1, "do", "b"): 39,
    ("steps", 1, "inner"): 40,
    ("steps", 1, "inner", 0): 40,
    ("steps", 1, "inner", 0, "café"): 41,
}


def _paths(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, inner in items:
        yield (*at, key)
        yield from _paths(inner, (*at, key))


def test_every_kind_of_key_and_value() -> None:
    assert locate(EVERYTHING) == LINES
    assert set(_paths(tomllib.loads(EVERYTHING))) == set(LINES)


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_line_endings(ending: str) -> None:
    assert locate(EVERYTHING.replace("\n", ending)) == LINES


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing", "x = 1", "[t]", "[[t]]", "x = ''", 'x = """"""', "x = []"])
def test_short_documents(text: str) -> None:
    assert set(locate(text)) == set(_paths(tomllib.loads(text)))


@pytest.mark.parametrize("quote", ['"""', "'''"])
@pytest.mark.parametrize("inside", ["", "x", 'one"', 'two""', "it''s", "\n[[steps]]\n", "# no comment"])
def test_texts_of_many_lines(quote: str, inside: str) -> None:
    text = f"x = {quote}{inside}{quote}\ny = 1"
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        pytest.skip("not TOML")
    assert set(locate(text)) == set(_paths(raw))
    assert locate(text)["y",] == 2 + inside.count("\n")


@pytest.mark.parametrize("name", builtin_names())
def test_shipped_scenarios(name: str) -> None:
    text = read_builtin_text(name)
    lines = locate(text)
    assert set(lines) == set(_paths(tomllib.loads(text)))
    for path, line in lines.items():
        key = next(part for part in reversed(path) if isinstance(part, str))
        assert key in text.splitlines()[line - 1]
