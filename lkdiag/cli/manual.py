"""What a command's `--help` says besides its own words: exit codes, where runs are kept, the environment."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    import typer

EXIT_CODES = (
    "Exit codes: 0 nothing found · 1 a finding, or a threshold not met · 2 usage · 3 inconclusive · "
    "4 credentials, connection, set-up, or a fault of lkdiag's own · 5 rooms left behind by lkdiag · 130 interrupted"
)
"""The contract's. A command whose own codes mean something else says so in its docstring."""
RUNS = (
    "Each run is a folder with a journal.jsonl, in lkdiag/runs of the user's state folder: ~/.local/state on Linux, "
    "~/Library/Application Support on macOS. `lkdiag report --last` shows the newest again."
)
CREDENTIALS = "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET"
VARIABLES = {
    "url": (CREDENTIALS, "the project; else .env.local, .env, then lk's default project"),
    "runs_dir": ("LKDIAG_RUNS_DIR", "where runs are kept"),
    "server_binary": ("LKDIAG_SERVER_BINARY", "the livekit-server to start, where a private one is wanted"),
}
"""By the parameter that comes before them: variables, and what they say."""
NO_COLOR = ("NO_COLOR", "no colours, whatever its value")


def complete(app: typer.Typer) -> None:
    """Give every command of it the sections that its parameters call for. To be called when all are registered."""
    for command in app.registered_commands:
        if command.callback is None:
            continue
        doc = flowing(command.help or command.callback.__doc__ or "")
        command.help = doc
        known = inspect.signature(command.callback).parameters
        told = [] if "Exit code" in doc else [EXIT_CODES.replace("Exit codes: ", "[bold]Exit codes[/]\n\n")]
        command.epilog = "\n\n".join([(command.epilog or "").strip(), *told, *sections(known)])


def sections(parameters: Collection[str]) -> list[str]:
    """`Files` and `Environment`, as far as a command with these parameters has to do with them."""
    files = ["[bold]Files[/]", RUNS] if "runs_dir" in parameters else []
    variables = [told for name, told in VARIABLES.items() if name in parameters]
    lines = [f"{names} [dim]– {what}[/]" for names, what in (*variables, NO_COLOR)]
    return [*files, "[bold]Environment[/]", *lines]


def flowing(doc: str) -> str:
    """Paragraphs as one line each, so that a terminal's width alone breaks them."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(doc))
    return "\n\n".join(" ".join(line.strip() for line in paragraph.splitlines()) for paragraph in paragraphs)
