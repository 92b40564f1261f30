"""What a scenario's file may hold, and its JSON Schema: editors complete by it, and check while one types.

The table [settings] is made from the options of the scenario: keys, types and what an editor says of them.
`python -m lkdiag.scenario.schema > scenarios/scenario.schema.json` writes it anew; a test tells when that is due.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, Union

import msgspec
from msgspec import Meta

from lkdiag.scenario.call import TeardownScenario
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.expect import DispatchExpect, TeardownExpect
from lkdiag.scenario.option import DURATION_FORM, OPTION_NAME, Declared, Options, key_of, options_of
from lkdiag.scenario.steps import STEPS, DispatchStep, TeardownStep, WorkerSpec
from lkdiag.scenario.toml import IS, Duration, Table

Settings = DispatchScenario | TeardownScenario
SCENARIOS: dict[str, type[Settings]] = {"dispatch": DispatchScenario, "teardown": TeardownScenario}
"""By the kind of the file."""


def _setting_type(declared: Declared) -> Any:
    if declared.is_list:
        return Union.__getitem__((declared.item, Annotated[declared.type, msgspec.Meta(min_length=1)]))
    if declared.item is not None:
        return str
    return Duration if declared.is_duration else declared.type


def _words(declared: Declared, keys: set[str]) -> str:
    """An editor shows them beside the key: the option's help, in the words of the file."""
    option = declared.option
    words = OPTION_NAME.sub(lambda m: m[1] if m[1] in keys else m[0], option.in_file or option.help)
    if declared.is_list:
        words = f"{words.removesuffix('.')}; one or a list."
    return f"{words} Left out: {option.default}." if option.default else words


def _table_of(scenario: type[Options], name: str) -> type[msgspec.Struct]:
    declared = options_of(scenario)
    keys = {one.key for one in declared.values()}
    settings = [
        (one.name, Annotated[_setting_type(one), msgspec.Meta(description=_words(one, keys))], msgspec.UNSET)
        for one in declared.values()
    ]
    return msgspec.defstruct(
        name,
        settings,
        bases=(Table,),
        frozen=True,
        kw_only=True,
        rename={one.name: one.key for one in declared.values()},
        namespace={"__doc__": "The command's options."},
    )


SETTINGS = {kind: _table_of(scenario, f"{kind.capitalize()}Settings") for kind, scenario in SCENARIOS.items()}
"""The table's type, by the kind of the file."""


def given_settings(table: msgspec.Struct, kind: str) -> dict[str, Any]:
    """What the table says, by the names of the scenario's fields. `faults` is still its text."""
    given: dict[str, Any] = {}
    for declared in options_of(SCENARIOS[kind]).values():
        value = getattr(table, declared.name)
        if value is not msgspec.UNSET:
            several = value if isinstance(value, tuple) else (value,)
            given[declared.name] = declared.distinct(several) if declared.is_list else value
    return given


def setting_key(field_name: str) -> str:
    """How a field of any scenario is written: `cleanups` is `cleanup`."""
    for scenario in SCENARIOS.values():
        if (declared := options_of(scenario).get(field_name)) is not None:
            return declared.key
    return key_of(field_name)


Varied = str | int | float | bool
Case = dict[str, Varied]
"""What one trial varies, by name."""


class ScriptHead(Table, frozen=True, kw_only=True):
    """What a scenario is about."""

    title: Annotated[
        str,
        Meta(description="One line, for `lkdiag scenarios`.", pattern=r"^[^\n]+$", extra={IS: "a text in one line"}),
    ]
    failure: Annotated[str, Meta(description="The failure in lkdiag's catalogue, as F8.")] = ""
    report: Annotated[
        str,
        Meta(
            description="URL of the report that it comes from.", pattern="^https?://", extra={IS: "a URL, as https://…"}
        ),
    ] = ""
    story: Annotated[str, Meta(description="What users saw, in a few lines.")] = ""
    limits: Annotated[
        str, Meta(description="What a private open-source server can't show, why, and what is played instead.")
    ] = ""


class DispatchBody(ScriptHead, frozen=True, kw_only=True):
    """A scenario about an agent that is called: does it come?"""

    steps: Annotated[tuple[DispatchStep, ...], Meta(description="What happens, in order.", min_length=1)]
    workers: Annotated[
        dict[str, WorkerSpec],
        Meta(description="The workers that are played; main is the one that is called for, else lkdiag's own."),
    ] = msgspec.field(default_factory=dict)
    vary: Annotated[
        dict[str, Annotated[tuple[Varied, ...], Meta(min_length=1)]] | tuple[Case, ...],
        Meta(
            description="Each trial takes the next combination of a table's values, or the next of several tables; a "
            "step's argument $name stands for it."
        ),
    ] = msgspec.field(default_factory=dict)
    expect: DispatchExpect = DispatchExpect()


class TeardownBody(ScriptHead, frozen=True, kw_only=True):
    """A scenario about a call: what is left when everybody has gone?"""

    steps: Annotated[tuple[TeardownStep, ...], Meta(description="What happens, in order.", min_length=1)]
    expect: TeardownExpect = TeardownExpect()


BODIES: dict[str, type[ScriptHead]] = {"dispatch": DispatchBody, "teardown": TeardownBody}


def _file_of(kind: str) -> type[msgspec.Struct]:
    """[settings] is made from the scenario's dataclass, and so the file that has it."""
    body = BODIES[kind]
    return msgspec.defstruct(
        body.__name__.replace("Body", "File"),
        [("settings", SETTINGS[kind], msgspec.UNSET)],
        bases=(body,),
        namespace={"__doc__": body.__doc__},
        frozen=True,
        kw_only=True,
        tag_field="kind",
        tag=kind,
    )


FILES = {kind: _file_of(kind) for kind in BODIES}
"""A whole file's type, by its kind."""


DRAFT = "http://json-schema.org/draft-07/schema#"
"""What editors' TOML extensions (taplo) know; nothing here needs a newer one."""
DURATION = {
    "anyOf": [
        {"type": "string", "pattern": f"^{DURATION_FORM}$"},
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
