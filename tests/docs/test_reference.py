"""The reference in docs/reference/ is what the code says, and the JSON Schemas fit what lkdiag writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docs import generate

ROOT = Path(__file__).parents[2]
RECORDED = sorted((ROOT / "tests" / "journals").rglob("*.report.json"))


def test_the_reference_is_up_to_date() -> None:
    """Else `python -m docs.generate` has to be run."""
    written = {
        str(path.relative_to(generate.REFERENCE)): path.read_text(encoding="utf-8")
        for path in generate.REFERENCE.rglob("*")
        if path.is_file()
    }
    assert written == generate.files()


def test_each_report_fits_its_schema() -> None:
    schema = generate.json_schema("report")
    assert len(RECORDED) > 30
    problems = {path.name: problem for path in RECORDED if (problem := misfit(json.loads(path.read_text()), schema))}
    assert problems == {}


@pytest.mark.parametrize("change", [{"verdict": "fine"}, {"notes": 3}, {"new": 1}, {"trials": [{}]}])
def test_what_does_not_fit_is_found(change: dict[str, Any]) -> None:
    report = json.loads(RECORDED[0].read_text()) | change
    assert misfit(report, generate.json_schema("report"))


def misfit(value: Any, schema: dict[str, Any], whole: dict[str, Any] | None = None) -> str:
    """Why the value is not of that schema; empty where it is. It knows what msgspec's schemas are made of."""
    whole = whole or schema
    if "$ref" in schema:
        return misfit(value, whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in schema:
        problems = [misfit(value, one, whole) for one in schema["anyOf"]]
        return "" if "" in problems else " / ".join(problems)
    if "enum" in schema:
        return "" if value in schema["enum"] else f"{value!r} is none of {schema['enum']}"
    kinds: dict[str, tuple[type, ...]] = {
        "object": (dict,),
        "array": (list,),
        "string": (str,),
        "boolean": (bool,),
        "integer": (int,),
        "number": (int, float),
        "null": (type(None),),
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return f"{value!r} is no {schema['type']}"
    inside: list[tuple[Any, dict[str, Any]]] = []
    if isinstance(value, list):
        inside = [(item, schema["items"]) for item in value]
    elif "properties" in schema:
        if value.keys() != schema["properties"].keys():
            return f"{schema['title']}: {value.keys() ^ schema['properties'].keys()}"
        inside = [(item, schema["properties"][name]) for name, item in value.items()]
    elif isinstance(schema.get("additionalProperties"), dict):
        inside = [(item, schema["additionalProperties"]) for item in value.values()]
    return next((problem for item, kind in inside if (problem := misfit(item, kind, whole))), "")
