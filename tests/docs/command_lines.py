"""The command lines of lkdiag that a text shows, and whether they can be understood as they stand."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import typer.main

from lkdiag.cli.app import COMMANDS, CommandLineError, app
from lkdiag.client.behaviours import FAULTS, make_behaviour
from lkdiag.errors import LkdiagError
from lkdiag.pages import find_page
from lkdiag.report.threshold import parse_conditions
from lkdiag.scenario.fault import parse_faults
from lkdiag.scenario.file import find_file

if TYPE_CHECKING:
    from collections.abc import Iterator

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(lkdiag [^`]+)`")
PLACEHOLDERS = {"COMMAND", "NAME"}
"""Words that stand for what the reader puts there."""


def blocks(markdown: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return FENCED.findall(markdown)


def commands_of(script: str) -> Iterator[list[str]]:
    """lkdiag's arguments in each command of a shell script."""
    for line in script.splitlines():
        words = [re.sub(r"^\$$", "", word) for word in _split(line.removeprefix("$ "))]
        command: list[str] = []
        for word in (*words, ";"):
            if word and set(word) <= set(";|&"):
                if command[:1] == ["lkdiag"]:
                    yield command[1 : command.index(">")] if ">" in command else command[1:]
                command = []
            else:
                command.append(word)


def commands_in(markdown: str) -> list[list[str]]:
    """Those of the fenced blocks, and those in the running text. An output's own lines are none."""
    found = []
    for language, text in blocks(markdown):
        script = text if language == "sh" else "\n".join(line for line in text.splitlines() if line.startswith("$ "))
        found += list(commands_of(script)) if language in ("sh", "") else []
    for line in INLINE.findall(FENCED.sub("", markdown)):
        found += list(commands_of(" ".join(line.split())))
    return found


def problem_of(arguments: list[str]) -> str:
    """Why lkdiag would refuse that command line before it did anything; empty where it would not."""
    command: Any = typer.main.get_command(app)
    if arguments[0] in PLACEHOLDERS:
        return ""
    try:
        parent, name, rest = None, "lkdiag", arguments
        while True:
            mentioned = not rest and parent is not None
            context = command.make_context(name, list(rest), parent=parent, resilient_parsing=mentioned)
            if not hasattr(command, "commands"):
                break
            left = [*getattr(context, "_protected_args", ()), *context.args]
            if not left:
                break
            name, command, rest = command.resolve_command(context, left)
            parent = context
        return _value_problem(context.params, name)
    except (typer.Exit, SystemExit):
        return ""  # --help, --version
    except CommandLineError as error:
        return str(vars(error).get("message") or error)
    except LkdiagError as error:
        return error.message


def _value_problem(values: dict[str, Any], name: str) -> str:
    """What only the command itself looks at, as far as that costs nothing. Raises LkdiagError."""
    kind = "teardown" if name == "transfer-teardown" else "dispatch"
    parse_conditions(tuple(values.get("fail_if") or ()), kind)
    if values.get("fault"):
        parse_faults(values["fault"], FAULTS, make_behaviour)
    scenario = values.get("scenario") if name == "run" else None
    if scenario and scenario not in PLACEHOLDERS and not scenario.endswith(".toml"):
        find_file(scenario)
    if name == "explain":
        for page in set(values.get("names") or ()) - PLACEHOLDERS:
            find_page(page)
    return ""


def options() -> set[str]:
    """Every long option of every command."""
    root = whole()
    found: set[str] = set()
    waiting = [root]
    while waiting:
        command = waiting.pop()
        waiting += list(getattr(command, "commands", {}).values())
        found |= {
            name
            for parameter in command.params
            for name in (*parameter.opts, *parameter.secondary_opts)
            if name.startswith("--")
        }
    return found | {"--help"}


def command_names() -> list[str]:
    """Every command of the first level."""
    return list(COMMANDS)


def whole() -> Any:
    """The command line with every command loaded."""
    root: Any = typer.main.get_command(app)
    root.commands = {name: entry.load(name) for name, entry in COMMANDS.items()}
    return root


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    return list(lexer)
