"""The JSON Schema of a scenario's file, from the types that read it: editors complete by it, and check while one types.

`python -m lkdiag.scenario.schema > scenarios/scenario.schema.json` writes it anew; a test tells when that is due.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from lkdiag.scenario.duration import FORM
from lkdiag.scenario.reading import STEPS
from lkdiag.scenario.script_file import FILES
from lkdiag.scenario.table import Duration

DRAFT = "http://json-schema.org/draft-07/schema#"
"""What editors' TOML extensions (taplo) know; nothing here needs a newer one."""
DURATION = {
    "anyOf": [
        {"type": "string", "pattern": f"^{FORM}$"},
        {"type": "number", "minimum": 0},
    ],
    "description": "A duration, as 4s, 250ms, 1.5s or 2m; a number is seconds.",
}
VARIABLE = {"type": "string", "pattern": r"^\$[a-z][a-z0-9-]*$", "description": "A name in [vary]."}


def schema() -> dict[str, Any]:
    """The schema, as JSON has it."""
    files = list(FILES.values())
    _, parts = msgspec.json.schema_components(files, schema_hook=_own_type, ref_template="#/definitions/{name}")
    for part in parts.values():
        _tidy(part)
    for step in STEPS["dispatch"].values():
        _let_vary(parts[step.__name__])
    return {
        "$schema": DRAFT,
        "title": "A scenario of lkdiag",
        "description": "One failure as a story: who takes part, what happens in which order, what is expected.",
        "anyOf": [{"$ref": f"#/definitions/{file.__name__}"} for file in files],
        "definitions": dict(sorted(parts.items())),
    }


def schema_text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _own_type(type_: type) -> dict[str, Any]:
    if type_ is not Duration:
        raise NotImplementedError
    return dict(DURATION)


def _tidy(part: dict[str, Any]) -> None:
    for value in part.get("properties", {}).values():
        if "$ref" in value and len(value) > 1:
            # draft 7 ignores what stands beside a $ref
            value["allOf"] = [{"$ref": value.pop("$ref")}]
        if value.get("default", True) in (None, "", [], {}) or isinstance(value.get("default"), dict):
            del value["default"]  # left out, as an editor would write it, says as much
        if "anyOf" in value:
            value["anyOf"] = [one for one in value["anyOf"] if one != {"type": "null"}]  # TOML has none


def _let_vary(step: dict[str, Any]) -> None:
    """Any argument of a step may be the name of what varies instead."""
    for name, value in step["properties"].items():
        if name != "do" and value.get("type") != "string":
            outside = {key: value.pop(key) for key in ("description", "default") if key in value}
            step["properties"][name] = {**outside, "anyOf": [*value.pop("anyOf", [value]), VARIABLE]}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
