"""From a scenario's document, and `--set key=value`, to its parts: each is read by itself, so that every mistake has a
location."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import msgspec

from lkdiag.errors import UsageError
from lkdiag.scenario.option import options_of, parse_number, parse_whole
from lkdiag.scenario.schema import FILES, SCENARIOS, Case, ScriptHead, Varied
from lkdiag.scenario.steps import MAIN, STEPS, WorkerSpec
from lkdiag.scenario.toml import check_keys, read_table, read_value, shown
from lkdiag.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lkdiag.scenario.location import Location, Path
    from lkdiag.scenario.steps import AnyStep

CASES_MAX = 1000
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def read_head(raw: Any, location: Location) -> tuple[str, ScriptHead]:
    """The kind, and what the scenario is about. Raises UsageError for what is missing or unknown at the top."""
    if "kind" not in raw:
        near = next((key for key in raw if did_you_mean("kind", [key])), None)
        if near is not None:
            raise (location / near).unknown("key", near, ["kind"])
        raise (location / "kind").error(
            "it is missing", 'kind = "dispatch" or kind = "teardown": which contract judges it'
        )
    kind = raw["kind"]
    if not isinstance(kind, str):
        raise (location / "kind").error(f"it is {shown(kind)}, and has to be one of {', '.join(FILES)}")
    if kind not in FILES:
        raise (location / "kind").unknown("kind", kind, FILES)
    fields = check_keys(raw, FILES[kind], location)
    names = ScriptHead.__struct_encode_fields__
    head = {fields[key].name: read_value(raw[key], fields[key].type, location / key) for key in names if key in raw}
    return kind, ScriptHead(**head)


def read_workers(raw: Any, location: Location) -> dict[str, WorkerSpec]:
    """[workers.NAME]. Which behaviours there are is asked elsewhere."""
    workers = {}
    for name, table in _names(raw, location):
        workers[name] = read_table(table, WorkerSpec, location / name)
    return workers


def read_cases(raw: Any, location: Location) -> tuple[Case, ...]:
    """[vary]: every combination of its lists, the last one varying fastest; or [[vary]]: each table a case.

    One that is empty where nothing varies. Raises UsageError.
    """
    if isinstance(raw, list):
        return _cases_told(raw, location)
    vary: dict[str, list[Varied]] = {}
    for name, values in _names(raw, location):
        here = location / name
        if not isinstance(values, list) or not values:
            raise here.error(
                "the list is empty" if values == [] else f"it is {shown(values)}",
                f'write a list of values, as {name} = ["0s", "2s"]',
            )
        vary[name] = [_varied(value, here / number) for number, value in enumerate(values)]
    if math.prod(len(values) for values in vary.values()) > CASES_MAX:
        raise location.error(f"these are more than {CASES_MAX} combinations", "a trial takes one of them")
    return tuple(dict(zip(vary, values, strict=True)) for values in itertools.product(*vary.values()))


def _cases_told(raw: list[Any], location: Location) -> tuple[Case, ...]:
    cases: list[Case] = []
    for number, table in enumerate(raw):
        here = location / number
        cases.append({name: _varied(value, here / name) for name, value in _names(table, here)})
        if cases[-1].keys() != cases[0].keys():
            raise here.error(f"it names {_listed(cases[-1])}, and the first {_listed(cases[0])}", "each names the same")
    return tuple(cases) or ({},)


def _varied(value: Any, location: Location) -> Varied:
    if not isinstance(value, str | int | float | bool):
        raise location.error(f"it is {shown(value)}", "a text, a number, true or false can be varied")
    return value


def _listed(case: Case) -> str:
    return ", ".join(case) or "nothing"


def read_steps(raw: Any, kind: str, cases: Sequence[Case], location: Location) -> tuple[tuple[AnyStep, ...], ...]:
    """The steps of each case. Raises UsageError for what can't be in any of them."""
    if not isinstance(raw, list):
        raise location.error(f"it is {shown(raw)}, not a list of tables", "write each step as [[steps]]")
    if not raw:
        raise location.error("there are no steps", "write each step as [[steps]]")
    used: set[str] = set()
    names = tuple(cases[0])
    templates = [_template(step, kind, names, used, location / number) for number, step in enumerate(raw)]
    steps = tuple(
        tuple(_step(template, case, kind, location / number) for number, template in enumerate(templates))
        for case in cases
    )
    for name in names:
        if name not in used:
            raise replace(location, path=("vary", name)).error(f'no step uses "${name}"', f'as in for = "${name}"')
    return steps


def _template(raw: Any, kind: str, names: Sequence[str], used: set[str], location: Location) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise location.error(f"it is {shown(raw)}, not a table", "write each step as [[steps]]")
    known = STEPS[kind]
    if "do" not in raw:
        raise (location / "do").error("it is missing: what is to happen?", f"known: {', '.join(known)}")
    do = raw["do"]
    if not isinstance(do, str):
        raise (location / "do").error(f"it is {shown(do)}, and has to be one of {', '.join(known)}")
    if do not in known:
        others = [other for other, steps in STEPS.items() if do in steps]
        if others:
            message = f'"{do}" is a step of kind {others[0]}, not of {kind}'
            raise (location / "do").error(message, f"known: {', '.join(known)}")
        raise (location / "do").unknown("step", do, known)
    for key, value in raw.items():
        if isinstance(value, str) and value.startswith("$"):
            if value[1:] not in names:
                raise (location / key).unknown("name", value, [f"${name}" for name in names], "names stand in [vary]")
            used.add(value[1:])
    return raw


def _step(template: Mapping[str, Any], case: Case, kind: str, location: Location) -> AnyStep:
    raw = {
        key: case[value[1:]] if isinstance(value, str) and value.startswith("$") else value
        for key, value in template.items()
    }
    do = str(template["do"])
    return cast("AnyStep", read_table(raw, STEPS[kind][do], location, f"argument of {do}"))


def _names(raw: Any, location: Location) -> list[tuple[str, Any]]:
    if not isinstance(raw, dict):
        raise location.error(f"it is {shown(raw)}, not a table", f"write it as [{location.key}]")
    for name in raw:
        if not _NAME.fullmatch(name):
            raise (location / name).error("this is no name", "small letters, digits and dashes, as stale-one")
    return list(raw.items())


HINT = "as in --set count=5, --set vary.pause=0s,5s or --set workers.main.behaviour=ghost"


def split_overrides(texts: Iterable[str]) -> dict[str, str]:
    """`["count=5"]` as {"count": "5"}; the last one counts. Raises UsageError for one without key or `=`."""
    overrides = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text}: this is not a key and a value", HINT)
        overrides[key.strip()] = value.strip()
    return overrides


def apply_overrides(raw: dict[str, Any], overrides: Mapping[str, str], kind: str) -> dict[Path, str]:
    """Put them into the document of that kind; for each value that they gave, how.

    Raises UsageError for an unknown key, or one that is given nothing where it is a list.
    """
    settings = {one.key: one for one in options_of(SCENARIOS[kind]).values()}
    applied: dict[Path, str] = {}
    for key, text in overrides.items():
        path = _path_of(key, raw, settings, kind)
        table = raw
        for part in path[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                break  # the file itself is wrong there, and will be told so
        else:
            is_list = path[0] == "vary" or ("," in text and path[0] == "settings" and settings[path[-1]].is_list)
            if is_list and not _split(text):
                raise UsageError(f"--set {key}={text}: it names nothing", f"one or several, {HINT}")
            table[path[-1]] = [_read(one) if path[0] == "vary" else one for one in _split(text)] if is_list else text
            applied[path] = f"{key}={text}"
    return applied


def _path_of(key: str, raw: Mapping[str, Any], settings: Iterable[str], kind: str) -> tuple[str, ...]:
    known: list[tuple[str, ...]] = [("settings", name) for name in settings]
    varied, workers = raw.get("vary"), raw.get("workers")
    known += [("vary", name) for name in (varied if isinstance(varied, dict) else ())]
    # a call has no workers: only [settings] and, told so in their turn, tables that should not be there
    names = dict.fromkeys([*([MAIN] if kind == "dispatch" else []), *(workers if isinstance(workers, dict) else ())])
    known += [("workers", name, field.encode_name) for name in names for field in msgspec.structs.fields(WorkerSpec)]
    by_key = {".".join(path).removeprefix("settings."): path for path in known}
    asked = key.removeprefix("settings.").removeprefix("--")
    for form in (asked, asked.replace("_", "-")):
        if form in by_key:
            return by_key[form]
    raise UsageError(
        f'--set {key}: there is no setting "{key}"{did_you_mean(asked.replace("_", "-"), by_key)}',
        f"known: {', '.join(by_key)}",
    )


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _read(text: str) -> str | int | float | bool:
    """A value of [vary] as it would stand in the file, where a text has quotes."""
    if text in ("true", "false"):
        return text == "true"
    for number in (parse_whole, parse_number):
        with contextlib.suppress(ValueError):
            return number(text)
    return text
