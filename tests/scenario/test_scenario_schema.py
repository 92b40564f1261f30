"""The JSON Schema: the published file is the types', every shipped scenario is valid under it, and mistakes are not."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from lkdiag.scenario.file import builtin_names, read_builtin_text, read_schema_text
from lkdiag.scenario.schema import schema, schema_text

KNOWN = {
    "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "default", "definitions", "description",
    "discriminator", "enum", "items", "maximum", "minItems", "minLength", "minimum", "pattern", "properties",
    "required", "title", "type",
}  # fmt: skip
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def valid(value: Any, rules: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a JSON Schema validator would take it; for the keywords that lkdiag's schema has."""
    assert set(rules) <= KNOWN, set(rules) - KNOWN
    checks = [
        "$ref" not in rules or valid(value, root["definitions"][rules.get("$ref", "").rpartition("/")[2]], root),
        "anyOf" not in rules or any(valid(value, one, root) for one in rules["anyOf"]),
        all(valid(value, one, root) for one in rules.get("allOf", [])),
        "enum" not in rules or value in rules["enum"],
        "type" not in rules
        or (isinstance(value, TYPES[rules["type"]]) and isinstance(value, bool) == (rules["type"] == "boolean")),
    ]
    if isinstance(value, str):
        checks += [bool(re.search(rules.get("pattern", ""), value)), len(value) >= rules.get("minLength", 0)]
    if isinstance(value, list):
        checks += [len(value) >= rules.get("minItems", 0)]
        checks += [valid(one, rules.get("items", {}), root) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        checks += [value >= rules.get("minimum", value)]
    if isinstance(value, dict):
        properties, others = rules.get("properties", {}), rules.get("additionalProperties", {})
        checks += [key in value for key in rules.get("required", [])]
        for key, inner in value.items():
            if key in properties:
                checks.append(valid(inner, properties[key], root))
            else:
                checks.append(others is not False and valid(inner, others, root))
    return all(checks)


def is_valid(text: str) -> bool:
    return valid(tomllib.loads(text), schema(), schema())


def test_the_published_file_is_current() -> None:
    """python -m lkdiag.scenario.schema > scenarios/scenario.schema.json"""
    assert read_schema_text() == schema_text()


@pytest.mark.parametrize("name", builtin_names())
def test_shipped_scenarios_are_valid(name: str) -> None:
    assert is_valid(read_builtin_text(name))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "dispatch"', ""),
        ('kind = "dispatch"', 'kind = "teardown"'),
        ("count = 3", "cont = 3"),
        ("count = 3", 'count = "3"'),
        ('timeout = "5s"', 'timeout = "soon"'),
        ('behaviour = "silent"', "behaviour = 3"),
        ('behaviour = "silent"', 'register = "once"'),
        ('do = "watch"', 'do = "wach"'),
        ('do = "watch"', 'do = "watch"\nfor = "2s"'),
        ('do = "watch"', 'do = "pause"'),
        ('do = "watch"', 'do = "merge"'),
        ('outcome = "dropped"', 'outcome = "droped"'),
        ('outcome = "dropped"', 'outcome = ["dropped", "leftover"]'),
    ],
)
def test_mistakes_are_not(old: str, new: str) -> None:
    text = read_builtin_text("silent-drop")
    assert old in text
    assert not is_valid(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('timeout = "5s"', "timeout = 5"),
        ('do = "watch"', 'do = "pause"\nfor = "$gap"'),
        ('do = "watch"', 'do = "wait-for"\nwhat = "$what"\ncount = "$many"'),
        ('do = "watch"', 'do = "dispatch"\nby = "$by"'),
        ('outcome = "dropped"', 'outcome = ["dropped", "delayed"]'),
        ("[workers.main]", '[vary]\ngap = ["1s", 2]\n[workers.main]'),
        ("[workers.main]", '[[vary]]\ngap = "1s"\n[workers.main]'),
    ],
)
def test_what_may_be_is(old: str, new: str) -> None:
    assert is_valid(read_builtin_text("silent-drop").replace(old, new))


def test_an_editor_has_a_word_on_every_key() -> None:
    for name, part in schema()["definitions"].items():
        for key, value in part.get("properties", {}).items():
            elsewhere = "$ref" in value or "allOf" in value or name.endswith("Expect") or key in ("do", "kind")
            assert "description" in value or elsewhere, f"{name}.{key}"


def test_it_is_written_by_a_process_that_ends_well() -> None:
    """msgspec frees a pattern in a union twice; with this allocator that is the process's end, and not by chance."""
    done = subprocess.run(
        [sys.executable, "-m", "lkdiag.scenario.schema"],
        env={"PYTHONMALLOC": "debug", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == schema_text()
