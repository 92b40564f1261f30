"""Writes docs/reference/ from the code: `python -m docs.generate`. A test tells when that is due."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec
import typer

from lkdiag.cli.app import EXIT_CODES, app
from lkdiag.client.behaviours import BEHAVIOURS, describe
from lkdiag.compare.value import Comparison
from lkdiag.journal.catalogue import catalogue
from lkdiag.pages import DOCTOR, read_pages
from lkdiag.report.doctor_value import DoctorReport
from lkdiag.report.metric import METRICS
from lkdiag.report.sweep import SweepReport
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.report.watch_value import WatchReport
from lkdiag.scenario.file import read_summaries
from lkdiag.scenario.schema import schema as scenario_schema
from lkdiag.selftest import Confusion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REFERENCE = Path(__file__).parent / "reference"
JSON: dict[str, tuple[str, dict[str, Any]]] = {
    "report": (
        "A run: `--format json`, `-o FILE.json`, `lkdiag report`.",
        {"dispatch": DispatchReport, "teardown": TeardownReport, "watch": WatchReport},
    ),
    "compare": ("`lkdiag compare A B --format json`.", {"": Comparison}),
    "doctor": ("`lkdiag doctor --format json`.", {"": DoctorReport}),
    "sweep": ("`lkdiag sweep --format json`.", {"": SweepReport}),
    "selftest": ("`lkdiag selftest --format json`.", {"": Confusion}),
}
"""What writes each contract, and its types; those of a report by `run.kind`."""
UNCHANGING = ("Files", "Environment")
"""Sections of `--help` that are the same for every command: the guides have them."""

Schema = dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, or nothing where there are no rows."""
    lines = (head, ("---",) * len(head), *rows)
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells) if rows else ""


def page(title: str, *parts: str) -> str:
    """A whole page. Parts that are empty are left out."""
    note = "<!-- Written by `python -m docs.generate`: change the code, not this page. -->"
    return "\n\n".join([f"# {title}", note, *(part.strip("\n") for part in parts if part)]) + "\n"


def plain(text: str) -> str:
    """A help text without rich's markup."""
    return re.sub(r"(?<!\\)\[/?(?:bold|dim)?\]", "", text).replace("\\[", "[")


# -- commands ----------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its options, by the groups of `--help`."""
    return page(
        "Commands and options",
        "As `lkdiag COMMAND --help` has them. TIME is a duration: `4s`, `250ms`, `1.5s`, `2m`, `1h`; a number alone is "
        "seconds.",
        *(_command(path, command, context) for path, command, context in walk()),
        "## Behaviours",
        "Of lkdiag's own worker, for `--fault`, for `--behaviour` of `lkdiag worker`, and in scenarios.",
        table(
            ("behaviour", "meaning"),
            [(f"`{name}{kind.arguments}`", describe(name)) for name, kind in BEHAVIOURS.items()],
        ),
    )


def walk() -> Iterator[tuple[str, Any, Any]]:
    """Each command with its full name and its context, in the order of `--help`."""
    root: Any = typer.main.get_command(app)
    waiting: list[tuple[str, Any, Any]] = [("lkdiag", root, None)]
    while waiting:
        path, command, parent = waiting.pop(0)
        context = command.make_context(path.split()[-1], [], parent=parent, resilient_parsing=True)
        if parent is not None:
            yield path, command, context
        if hasattr(command, "list_commands"):
            below = [command.resolve_command(context, [name])[:2] for name in command.list_commands(context)]
            waiting = [*((f"{path} {name}", one, context) for name, one in below), *waiting]


def _command(path: str, command: Any, context: Any) -> str:
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    panels: dict[str, list[tuple[str, str, str]]] = {}
    for parameter in command.get_params(context):
        record = None if getattr(parameter, "hidden", False) else parameter.get_help_record(context)
        if record is not None and parameter.name not in ("help", "install_completion", "show_completion"):
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panel = getattr(parameter, "rich_help_panel", None) or usual
            panels.setdefault(panel, []).append(_option(*record))
    sections = dict(_sections(command.epilog or ""))
    parts = [
        f"## {path}",
        plain(command.help or ""),
        f"```\n{usage}\n```",
        *(f"**{panel}**\n\n{table(('option', 'value', 'meaning'), rows)}" for panel, rows in panels.items()),
        *(f"**{title}**\n\n{text}" for title, text in sections.items() if title not in UNCHANGING),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part)


def _option(names: str, help_: str) -> tuple[str, str, str]:
    """A row of the table. `names` may end with a value: `--method <create-room|token>`."""
    found = re.fullmatch(r"((?:-[\w-]+(?:, | / )?)*) ?(.*)", names)
    assert found is not None
    options, value = found.groups()
    choices = re.fullmatch(r"<(?:list\[)?([^\]]*)\]?>", value)
    if choices is not None:
        words = choices[1].split("|")
        value = (
            " ".join(f"`{word}`" for word in words) if len(words) > 1 else {"path": "`PATH`"}.get(words[0], "`TEXT`")
        )
    elif value:
        value = "`" + value.strip("'") + "`"
    help_ = plain(help_)
    if value == "`TIME`":
        help_ = re.sub(r"(?<=\[default: )([\d.]+)(?=[;\]])", lambda found: f"{float(found[1]):g} s", help_)
    if not options:
        return value, "", help_
    return ", ".join(f"`{one}`" for one in re.split(", | / ", options)), value, help_


def _sections(epilog: str) -> Iterator[tuple[str, str]]:
    """Heading and Markdown of each section that follows a command's options in `--help`."""
    for section in re.split(r"^(?=\[bold\])", epilog, flags=re.MULTILINE):
        title, *lines = [line for line in section.splitlines() if line.strip()] or [""]
        if not lines:
            continue
        pairs = [plain(line).partition(" – ") for line in lines]
        if any(command.startswith("lkdiag ") for command, _, _ in pairs):
            text = "```sh\n" + "".join(f"{command}  # {what}\n" for command, _, what in pairs) + "```"
        elif all(dash for _, dash, _ in pairs):
            text = table(("name", "meaning"), [(f"`{name}`", what) for name, _, what in pairs])
        else:
            text = "\n\n".join(map(plain, lines))
        yield plain(title), text


# -- exit codes, metrics, findings -------------------------------------------------------------------------------------


def exit_codes() -> str:
    """What the process answers; and where a command has codes of its own."""
    codes = [code.partition(" ") for code in EXIT_CODES.removeprefix("Exit codes: ").split(" · ")]
    own = {
        path: found[0]
        for path, command, _ in walk()
        if (found := re.findall(r"Exit codes?:? (0 .*?)(?:\.(?:\s|$)|$)", command.help or "", re.DOTALL))
    }
    return page(
        "Exit codes",
        table(("code", "meaning"), [(f"`{code}`", meaning) for code, _, meaning in codes]),
        "These commands have codes of their own:",
        table(("command", "exit codes"), [(f"`{path}`", text) for path, text in own.items()]),
    )


def metrics() -> str:
    """Those of `--fail-if`, by the kind of a run."""
    units = {"count": "", "share": "0 to 1"}
    of = {"dispatch": "Dispatch trials and watches", "teardown": "Calls (`transfer-teardown`)"}
    assert all(METRICS[kind] in (METRICS["dispatch"], METRICS["teardown"]) for kind in METRICS)
    return page(
        "Metrics",
        "For `--fail-if 'METRIC>NUMBER'`; operators: `>` `>=` `<` `<=` `==` `!=`.",
        *(
            f"## {title}\n\n"
            + table(
                ("metric", "unit", "meaning"),
                [
                    (f"`{name}`", units.get(metric.unit.value, metric.unit.value), metric.meaning)
                    for name, metric in METRICS[kind].items()
                ],
            )
            for kind, title in of.items()
        ),
    )


def findings() -> str:
    """The list of the pages that `lkdiag explain` shows."""
    titles = {"failures": "Findings and outcomes", "causes": "Causes", "doctor": "Lines of `lkdiag doctor`"}
    rows: dict[str, list[tuple[str, str]]] = {}
    for one in read_pages():
        path = f"../{one.group}.md" if one.group == DOCTOR else f"../{one.group}/{one.name}.md"
        names = ", ".join(f"`{name}`" for name in (one.name, *one.also))
        rows.setdefault(one.group, []).append((f"[{names}]({path})", one.title))
    return page(
        "Findings, outcomes and causes",
        "`lkdiag explain NAME` shows the same pages.",
        *(f"## {title}\n\n{table(('name', 'meaning'), rows[group])}" for group, title in titles.items()),
    )


# -- events ------------------------------------------------------------------------------------------------------------


def events() -> str:
    """Every kind of event in the journal, with its fields."""
    areas: dict[str, list[str]] = {}
    for kind in catalogue():
        names = ", ".join(f"`{name}`" for name in kind.names)
        story = f" In a trial's story: `{kind.lane}`." if kind.told else ""
        rows = [
            (f"`{one.name}`", one.type + (" (optional)" if one.optional else ""), one.unit, one.doc)
            for one in kind.fields
        ]
        fields_ = table(("field", "type", "unit", "meaning"), rows)
        areas.setdefault(kind.area.rstrip("."), []).append(f"### {names}\n\n{kind.doc}{story}\n\n{fields_}")
    return page(
        "Events of the journal",
        "Each line of a journal is an event: `seq` its number, `kind`, `at_ns` this machine's clock (nanoseconds since "
        "1970), `mono_ns` its monotonic clock (nanoseconds), `trial` its number (null: the whole run; 0 and below: a "
        "warm-up), and `data`, whose fields depend on the kind. An optional field is missing where there is nothing to "
        "say. Readers must pass over kinds and fields that they do not know.",
        *(part for area, kinds in areas.items() for part in (f"## {area}", *kinds)),
    )


# -- schemas: scenarios and reports ------------------------------------------------------------------------------------


def scenarios() -> str:
    """The scenarios that come with lkdiag, and what a file may have."""
    whole = scenario_schema()
    parts = whole["definitions"]
    kinds = {"dispatch": "DispatchFile", "teardown": "TeardownFile"}
    shipped = [(f"`{one.name}`", one.title, f"<{one.report}>" if one.report else "") for one in read_summaries()]
    return page(
        "Scenarios",
        "## Shipped with lkdiag\n\n" + table(("scenario", "what happens", "report"), shipped),
        "## The file",
        "A TOML file; `lkdiag scenarios schema` prints its JSON Schema. A duration is a text as `4s`, `250ms`, `1.5s` "
        "or `2m`, or a number of seconds. Any argument of a step may be `$NAME`, a name in `[vary]`.",
        *(_scenario_kind(kind, parts[file], parts) for kind, file in kinds.items()),
    )


def _scenario_kind(kind: str, file: Schema, parts: dict[str, Schema]) -> str:
    keys = file["properties"]
    texts = [
        _row(name, keys[name], parts, name in file["required"]) for name in keys if keys[name].get("type") == "string"
    ]
    told = [f'## kind = "{kind}"', file["description"], table(("key", "value", "meaning"), texts)]
    for name, heading in (("settings", "[settings]"), ("workers", "[workers.NAME]"), ("expect", "[expect]")):
        if name in keys:
            part = _part_of(keys[name], parts)
            told += [f"**`{heading}`** {part['description']}", _fields(part, parts)]
    if "vary" in keys:
        told += [f"**`[vary]`**, or several **`[[vary]]`** {keys['vary']['description']}"]
    steps = [parts[_name(ref)] for ref in keys["steps"]["items"]["discriminator"]["mapping"].values()]
    rows = [
        (f"`{step['properties']['do']['enum'][0]}`", _arguments(step, parts), step["description"]) for step in steps
    ]
    told += ["**`[[steps]]`** What happens, in order.", table(("do", "arguments", "meaning"), rows)]
    return "\n\n".join(part.strip("\n") for part in told)


def _arguments(step: Schema, parts: dict[str, Schema]) -> str:
    rows = [_row(name, value, parts, False) for name, value in step["properties"].items() if name != "do"]
    return "<br>".join(f"{name} ({type_}): {meaning}" for name, type_, meaning in rows)


def json_page(name: str) -> str:
    """The fields of a contract."""
    origin, kinds = JSON[name]
    schema = json_schema(name)
    parts = schema["$defs"]
    first = [kind.__name__ for kind in kinds.values()]
    which = ", ".join(f"`{kind}` [{one}](#{one.lower()})" for kind, one in zip(kinds, first, strict=True))
    return page(
        f"JSON: {schema['title']}",
        f"{origin} The JSON Schema is [{name}.schema.json]({name}.schema.json).",
        "Field names end with their unit: `_ms` milliseconds, `_s` seconds. None is `null`.",
        f"By `run.kind` a report is one of these: {which}." if len(kinds) > 1 else "",
        *(
            f"## {title}\n\n{part['description']}\n\n{_fields(part, parts)}"
            for title, part in sorted(parts.items(), key=lambda item: item[0] not in first)
        ),
    )


def json_schema(name: str) -> Schema:
    """The JSON Schema of a contract, with the docstrings of its fields."""
    kinds = list(JSON[name][1].values())
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    classes = {one.__name__: one for kind in kinds for one in _classes_in(kind)}
    for title, part in parts.items():
        docs = field_docs(classes[title])
        part["description"] = " ".join((inspect.getdoc(classes[title]) or "").split())
        for field, value in part.get("properties", {}).items():
            if field in docs:
                value["description"] = docs[field]
            value.pop("default", None)
        if "properties" in part:
            part["required"] = list(part["properties"])  # all of them are always written
        elif docs:
            told = [f"`{member.value}`: {docs[member.name]}" for member in classes[title] if member.name in docs]
            part["description"] += " " + " ".join(told)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": next(field.default for field in fields(kinds[0]) if field.name == "schema"),
        "anyOf": [{"$ref": f"#/$defs/{one.__name__}"} for one in kinds],
        "$defs": dict(sorted(parts.items())),
    }


def _classes_in(type_: Any, seen: dict[Any, None] | None = None) -> dict[Any, None]:
    """Every class of lkdiag's that a field of that type may hold."""
    seen = {} if seen is None else seen
    for part in get_args(type_):
        _classes_in(part, seen)
    if type_ not in seen and getattr(type_, "__module__", "").startswith("lkdiag."):
        seen[type_] = None
        for hint in get_type_hints(type_).values():
            _classes_in(hint, seen)
    return seen


def field_docs(class_: type) -> dict[str, str]:
    """The docstring below each field, those of the classes that it inherits from included."""
    docs: dict[str, str] = {}
    for base in reversed(class_.__mro__):
        if not base.__module__.startswith("lkdiag."):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(body, ast.ClassDef)
        for field, doc in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign | ast.Assign) and isinstance(doc, ast.Expr):
                target = field.target if isinstance(field, ast.AnnAssign) else field.targets[0]
                docs[ast.unparse(target)] = " ".join(ast.literal_eval(doc.value).split())
    return docs


def _fields(part: Schema, parts: dict[str, Schema]) -> str:
    """The table of an object's fields; of an enum, its values."""
    if "enum" in part:
        return " ".join(f"`{value}`" for value in part["enum"])
    # where all of them are, that is no news
    required = () if part["required"] == list(part["properties"]) else part["required"]
    return table(
        ("field", "value", "meaning"),
        [_row(name, value, parts, name in required) for name, value in part["properties"].items()],
    )


def _row(name: str, value: Schema, parts: dict[str, Schema], required: bool) -> tuple[str, str, str]:
    default = value.get("default")
    notes = (
        []
        if default in (None, (), [])
        else [f"[default: {default if isinstance(default, str) else json.dumps(default)}]"]
    )
    notes += ["[required]"] if required else []
    return f"`{name}`", _type(value, parts), " ".join([value.get("description", ""), *notes])


def _part_of(value: Schema, parts: dict[str, Schema]) -> Schema:
    """The object that a property holds, directly or by name."""
    if "$ref" in value:
        return parts[_name(value["$ref"])]
    return _part_of(value["additionalProperties"] if "additionalProperties" in value else value["allOf"][0], parts)


def _name(ref: str) -> str:
    return ref.rpartition("/")[2]


def _type(value: Schema, parts: dict[str, Schema]) -> str:
    """A property's type in words: `duration`, `number or null`, `list of [Finding](#finding)`."""
    if "$ref" in value:
        part = parts[_name(value["$ref"])]
        return _type(part, parts) if "enum" in part else f"[{part['title']}](#{part['title'].lower()})"
    if "enum" in value:
        return " ".join(f"`{one}`" for one in value["enum"])
    if "allOf" in value:
        return _type(value["allOf"][0], parts)
    if "anyOf" in value:
        return _either(value["anyOf"], parts)
    if value.get("type") == "array":
        return f"list of {_type(value['items'], parts)}"
    if isinstance(value.get("additionalProperties"), dict):
        return f"object of {_type(value['additionalProperties'], parts)}"
    type_ = str(value.get("type", "anything"))
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(type_, type_)


def _either(options: Sequence[Schema], parts: dict[str, Schema]) -> str:
    patterns = [one.get("pattern", "") for one in options]
    told = []
    for one, pattern in zip(options, patterns, strict=True):
        if pattern.startswith(r"^\$"):
            continue  # the name of what varies: said once, above
        if pattern.startswith("^([0-9]"):
            told.append("duration")
        elif not (one.get("type") == "number" and "duration" in told):
            told.append(_type(one, parts))
    if told[1:] == [f"list of {told[0]}"]:
        return f"one or more of {told[0]}"
    return " or ".join(dict.fromkeys(told))


# -- all of it ---------------------------------------------------------------------------------------------------------

PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "exit-codes.md": exit_codes,
    "metrics.md": metrics,
    "findings.md": findings,
    "scenarios.md": scenarios,
    "events.md": events,
}
"""By the name of the file."""


def files() -> dict[str, str]:
    """The text of each file of the reference, by its path there."""
    pages = {name: made() for name, made in PAGES.items()}
    for name in JSON:
        pages[f"json/{name}.md"] = json_page(name)
        pages[f"json/{name}.schema.json"] = json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
    return {name: text for name, text in pages.items() if text}


def main() -> None:
    """Write them all."""
    for name, text in files().items():
        path = REFERENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
