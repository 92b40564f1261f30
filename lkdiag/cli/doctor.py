"""`lkdiag doctor`: is the project fit to be tested, and what is wrong with it?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lkdiag import settings
from lkdiag.cli import options as shared
from lkdiag.cli.duration_option import duration
from lkdiag.errors import ExitCode

if TYPE_CHECKING:
    from lkdiag.report.doctor_value import DoctorReport

EXAMPLES = """[bold]Examples[/]

lkdiag doctor [dim]– the project of this folder's .env.local, from its URL to a dispatched agent[/]

lkdiag doctor --agent-name my-agent [dim]– and does my own agent answer?[/]

lkdiag doctor --project prod -v -o doctor.json [dim]– a project of lk's, all details, as JSON[/]

lkdiag doctor --local [dim]– lkdiag itself, on a private server[/]
"""


class DoctorFormat(StrEnum):
    """How the answer is written."""

    TERMINAL = "terminal"
    JSON = "json"


def doctor(
    agent_name: Annotated[
        str | None,
        typer.Option("--agent-name", metavar="NAME", help="Dispatch this agent of yours once: who answers?"),
    ] = None,
    timeout: Annotated[float, duration("--timeout", "How long an agent is waited for: 20s, 1m.", "Options")] = 20.0,
    project: shared.Project = None,
    url: shared.Url = None,
    api_key: shared.ApiKey = None,
    api_secret: shared.ApiSecret = None,
    local: shared.Local = False,
    server_binary: shared.ServerBinary = None,
    format_: Annotated[
        DoctorFormat | None,
        typer.Option(
            "--format", "-f", help="By default terminal, or what FILE's suffix says.", rich_help_panel=shared.OUTPUT
        ),
    ] = None,
    output: shared.Output = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="All details of each check.", rich_help_panel=shared.OUTPUT)
    ] = False,
    quiet: shared.Quiet = False,
) -> None:
    """Check credentials, network, API, media, workers and server, one by one, and say what to do.

    Each line is ✓ in order, · for information, ! worth a look, ✗ wrong, or – not
    tried, with the reason. All checks are made, even when some fail.

    What it makes on the project is its own: rooms named lkdiag-RUNID-…, deleted
    whatever happens, and lkdiag's own worker. No agent of yours is started,
    unless --agent-name asks for it.

    Exit codes: 0 nothing is wrong · 1 something is wrong · 2 usage · 3 lkdiag
    itself failed · 4 the project can't be tested · 5 a room of lkdiag's could
    not be deleted · 130 interrupted.
    """
    from lkdiag.cli.doctor_play import Answer, play
    from lkdiag.cli.output import check_output
    from lkdiag.cli.session import choose_credentials

    check_output(output)
    flags = settings.CredentialFlags(url, api_key, api_secret, project)
    if local:
        choose_credentials(flags, local=True)  # refuses both at once
    as_json = format_ is DoctorFormat.JSON or (
        format_ is None and output is not None and output.suffix.lower() == ".json"
    )
    answer = Answer(output, as_json=as_json, verbose=verbose, quiet=quiet)
    binary = settings.server_binary(server_binary)
    report = play(flags, agent_name, timeout, answer, local=local, server_binary=binary)
    raise typer.Exit(ExitCode.INTERRUPTED if report is None else exit_code_of(report))


def exit_code_of(report: DoctorReport) -> ExitCode:
    """The more the examination itself went wrong, the more it counts."""
    from lkdiag.report.doctor_value import Health

    if report.interrupted:
        return ExitCode.INTERRUPTED
    if report.health is Health.UNTESTABLE:
        return ExitCode.SETUP
    if report.rooms_left:
        return ExitCode.ROOMS_LEFT
    return {Health.WRONG: ExitCode.FINDING, Health.UNCLEAR: ExitCode.INCONCLUSIVE}.get(report.health, ExitCode.OK)
