"""From a scenario's document to its parts, each read by itself so that every mistake has a place."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, get_args

from lkdiag.scenario.place import Place, meant
from lkdiag.scenario.script_file import FILES, Case, ScriptHead, Varied
from lkdiag.scenario.step import DispatchStep, TeardownStep
from lkdiag.scenario.table import check_keys, read_table, read_value, shown
from lkdiag.scenario.workers import WorkerSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import msgspec

    from lkdiag.scenario.step import AnyStep

CASES_MAX = 1000
STEPS: dict[str, dict[str, type[msgspec.Struct]]] = {
    kind: {str(step.__struct_config__.tag): step for step in get_args(union)}
    for kind, union in (("dispatch", DispatchStep), ("teardown", TeardownStep))
}
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def read_head(raw: Any, place: Place) -> tuple[str, ScriptHead]:
    """The kind, and what the scenario is about. Raises UsageError for what is missing or unknown at the top."""
    if "kind" not in raw:
        near = next((key for key in raw if meant("kind", [key])), None)
        if near is not None:
            raise (place / near).unknown("key", near, ["kind"])
        raise (place / "kind").error(
            "it is missing", 'kind = "dispatch" or kind = "teardown": which contract judges it'
        )
    kind = raw["kind"]
    if not isinstance(kind, str):
        raise (place / "kind").error(f"it is {shown(kind)}, and has to be one of {', '.join(FILES)}")
    if kind not in FILES:
        raise (place / "kind").unknown("kind", kind, FILES)
    fields = check_keys(raw, FILES[kind], place)
    names = ScriptHead.__struct_encode_fields__
    head = {fields[key].name: read_value(raw[key], fields[key].type, place / key) for key in names if key in raw}
    return kind, ScriptHead(**head)


def read_workers(raw: Any, place: Place) -> dict[str, WorkerSpec]:
    """[workers.NAME]. Which behaviours there are is asked elsewhere."""
    workers = {}
    for name, table in _names(raw, place):
        workers[name] = read_table(table, WorkerSpec, place / name)
    return workers


def read_cases(raw: Any, place: Place) -> tuple[Case, ...]:
    """[vary]: every combination of its lists, the last one varying fastest; or [[vary]]: each table a case.

    One that is empty where nothing varies. Raises UsageError.
    """
    if isinstance(raw, list):
        return _cases_told(raw, place)
    vary: dict[str, list[Varied]] = {}
    for name, values in _names(raw, place):
        here = place / name
        if not isinstance(values, list) or not values:
            raise here.error(
                "the list is empty" if values == [] else f"it is {shown(values)}",
                f'write a list of values, as {name} = ["0s", "2s"]',
            )
        vary[name] = [_varied(value, here / number) for number, value in enumerate(values)]
    if math.prod(len(values) for values in vary.values()) > CASES_MAX:
        raise place.error(f"these are more than {CASES_MAX} combinations", "a trial takes one of them")
    return tuple(dict(zip(vary, values, strict=True)) for values in itertools.product(*vary.values()))


def _cases_told(raw: list[Any], place: Place) -> tuple[Case, ...]:
    cases: list[Case] = []
    for number, table in enumerate(raw):
        here = place / number
        cases.append({name: _varied(value, here / name) for name, value in _names(table, here)})
        if cases[-1].keys() != cases[0].keys():
            raise here.error(f"it names {_listed(cases[-1])}, and the first {_listed(cases[0])}", "each names the same")
    return tuple(cases) or ({},)


def _varied(value: Any, place: Place) -> Varied:
    if not isinstance(value, str | int | float | bool):
        raise place.error(f"it is {shown(value)}", "a text, a number, true or false can be varied")
    return value


def _listed(case: Case) -> str:
    return ", ".join(case) or "nothing"


def read_steps(raw: Any, kind: str, cases: Sequence[Case], place: Place) -> tuple[tuple[AnyStep, ...], ...]:
    """The steps of each case. Raises UsageError for what can't be in any of them."""
    if not isinstance(raw, list):
        raise place.error(f"it is {shown(raw)}, not a list of tables", "write each step as [[steps]]")
    if not raw:
        raise place.error("there are no steps", "write each step as [[steps]]")
    used: set[str] = set()
    names = tuple(cases[0])
    templates = [_template(step, kind, names, used, place / number) for number, step in enumerate(raw)]
    steps = tuple(
        tuple(_step(template, case, kind, place / number) for number, template in enumerate(templates))
        for case in cases
    )
    for name in names:
        if name not in used:
            raise replace(place, path=("vary", name)).error(f'no step uses "${name}"', f'as in for = "${name}"')
    return steps


def _template(raw: Any, kind: str, names: Sequence[str], used: set[str], place: Place) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise place.error(f"it is {shown(raw)}, not a table", "write each step as [[steps]]")
    known = STEPS[kind]
    if "do" not in raw:
        raise (place / "do").error("it is missing: what is to happen?", f"known: {', '.join(known)}")
    do = raw["do"]
    if not isinstance(do, str):
        raise (place / "do").error(f"it is {shown(do)}, and has to be one of {', '.join(known)}")
    if do not in known:
        others = [other for other, steps in STEPS.items() if do in steps]
        if others:
            message = f'"{do}" is a step of kind {others[0]}, not of {kind}'
            raise (place / "do").error(message, f"known: {', '.join(known)}")
        raise (place / "do").unknown("step", do, known)
    for key, value in raw.items():
        if isinstance(value, str) and value.startswith("$"):
            if value[1:] not in names:
                raise (place / key).unknown("name", value, [f"${name}" for name in names], "names stand in [vary]")
            used.add(value[1:])
    return raw


def _step(template: Mapping[str, Any], case: Case, kind: str, place: Place) -> AnyStep:
    raw = {
        key: case[value[1:]] if isinstance(value, str) and value.startswith("$") else value
        for key, value in template.items()
    }
    do = str(template["do"])
    return cast("AnyStep", read_table(raw, STEPS[kind][do], place, f"argument of {do}"))


def _names(raw: Any, place: Place) -> list[tuple[str, Any]]:
    if not isinstance(raw, dict):
        raise place.error(f"it is {shown(raw)}, not a table", f"write it as [{place.key}]")
    for name in raw:
        if not _NAME.fullmatch(name):
            raise (place / name).error("this is no name", "small letters, digits and dashes, as stale-one")
    return list(raw.items())
