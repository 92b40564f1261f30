"""The command line's root: which commands there are, and how every error reaches the user."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lkdiag import __version__
from lkdiag.cli import dispatch_trial, report
from lkdiag.cli.notes import say_error
from lkdiag.errors import ExitCode, LkdiagError

app = typer.Typer(
    name="lkdiag",
    help="Diagnose LiveKit: does the agent come, and what is left when everybody has gone?",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 nothing found · 1 a finding · 2 usage · 3 inconclusive · 4 credentials, connection or set-up "
    "· 5 rooms left behind by lkdiag · 130 interrupted",
)
app.command("dispatch-trial", epilog=dispatch_trial.EXAMPLES)(dispatch_trial.dispatch_trial)
app.command("report")(report.report)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"lkdiag {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Diagnose LiveKit: does the agent come, and what is left when everybody has gone?"""


def run() -> None:
    """Run the command line, and end the process with the code of what happened."""
    try:
        app()
    except LkdiagError as error:
        say_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
