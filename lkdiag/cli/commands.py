"""The commands by name, each in a module that is imported when it is wanted: `lkdiag --help` needs none of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lkdiag.cli import manual
from lkdiag.cli.number_option import read_strictly

CONTEXT = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True)
class Entry:
    """Where a command is: a function, or a typer.Typer with commands of its own, in `lkdiag.cli.MODULE`."""

    module: str
    summary: str
    """The first paragraph of its docstring, for the root's `--help`."""

    def load(self, name: str) -> Any:
        """The command of typer's (click's) kind."""
        module = import_module(f"lkdiag.cli.{self.module}")
        found = getattr(module, self.module)
        if isinstance(found, typer.Typer):
            found.info.name = name
            return typer.main.get_command(found)
        alone = typer.Typer(
            rich_markup_mode="rich", pretty_exceptions_enable=False, add_completion=False, context_settings=CONTEXT
        )
        read_strictly(found)
        kind = getattr(module, "COMMAND_CLASS", TyperCommand)
        alone.command(name, cls=kind, epilog=getattr(module, "EXAMPLES", None))(found)
        manual.complete(alone)
        return typer.main.get_command(alone)


COMMANDS = {
    "dispatch-trial": Entry(
        "dispatch_trial", "Create rooms with an agent dispatch, and see whether, when and how truly the agent comes."
    ),
    "transfer-teardown": Entry(
        "transfer_teardown",
        "Merge a phone call with a human, let the agent go, hang up on one side, and see what is left.",
    ),
    "canary": Entry(
        "canary",
        "Play one small dispatch trial a minute for as long as it lives, and tell Prometheus what became of them.",
    ),
    "watch": Entry("watch", "Follow real calls of your project, and judge them as trials are judged."),
    "run": Entry(
        "run", "Play a scenario: a failure that users reported, step by step on a real server, judged from outside."
    ),
    "scenarios": Entry(
        "scenarios", "List the scenarios that come with lkdiag: each plays one failure that people have reported."
    ),
    "worker": Entry(
        "worker", "Run one worker that misbehaves in a way of your choice, to see whether your fallback notices."
    ),
    "doctor": Entry(
        "doctor", "Check credentials, network, API, media, workers and server, one by one, and say what to do."
    ),
    "explain": Entry(
        "explain",
        "Say what a finding, an outcome, a cause or a check of the doctor means, how to tell, and what to do.",
    ),
    "report": Entry("report", "Judge a recorded run again, with today's checks, and show its report."),
    "merge": Entry(
        "merge", "Make one run of the shards that `dispatch-trial --shard I/N` has played, on this machine or others."
    ),
    "bundle": Entry("bundle", "Put everything about a run into one .zip, to be attached to a bug report."),
    "compare": Entry("compare", "Compare two runs: is B better than A, worse, or can't it be told?"),
    "sweep": Entry("sweep", "List the rooms that lkdiag left on your project, and delete them if asked to."),
    "selftest": Entry(
        "selftest",
        "Play every failure, and the honest case, in random order on a private server, and compare with the diagnosis.",
    ),
}
OWN = {"shard-runner": Entry("shard_runner", "Play one shard of a run.")}
"""Those that lkdiag itself calls: they stand in no list."""


class Root(TyperGroup):
    """lkdiag itself. In a list a command is its name and summary; it is loaded when it is called, or asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command that was loaded, else its name and summary."""
        if cmd_name in self.commands or cmd_name not in COMMANDS:
            return self.commands.get(cmd_name)
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].summary, rich_markup_mode="rich")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the one that is called; typer suggests others by their names."""
        self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}
        entry = COMMANDS.get(args[0]) or OWN.get(args[0])
        if entry is not None:
            self.commands[args[0]] = entry.load(args[0])
        return super().resolve_command(ctx, args)
