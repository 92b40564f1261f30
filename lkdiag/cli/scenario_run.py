"""Runs a scenario, whatever command it came from: credentials, webhooks, the run, the report, the exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag import settings
from lkdiag.cli.messages import say
from lkdiag.cli.output import check_output, show_run
from lkdiag.errors import UsageError
from lkdiag.scenario.call import Cleanup, TeardownScenario
from lkdiag.scenario.option import parse_address

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lkdiag.cli.options import OutputOptions, ServerOptions
    from lkdiag.cli.sharding import Sharding
    from lkdiag.errors import ExitCode
    from lkdiag.scenario.script import DispatchScript, TeardownScript

ANY_PORT = ("127.0.0.1", 0)


@dataclass(frozen=True)
class RunOptions:
    """The options that every command with a run has: which server, and how its report is written."""

    server: ServerOptions
    output: OutputOptions
    worker_log: Path | None = None

    def check(self, kind: str, *, elsewhere: bool = False) -> settings.Credentials | None:
        """Check all that can be checked before the run begins; the credentials, None for a private server.

        `kind` is the scenario's, which decides what thresholds there are. `elsewhere`: the run takes place on other
        machines, with their credentials. Raises UsageError or CredentialsError.
        """
        from lkdiag.cli.session import choose_credentials, own_credentials
        from lkdiag.cli.worker_log import check_worker_log
        from lkdiag.report.threshold import parse_conditions

        check_output(self.output.output)
        check_worker_log(self.worker_log)
        parse_conditions(self.output.fail_if, kind)
        find = own_credentials if elsewhere else choose_credentials
        return find(self.server.project.flags, local=self.server.local)

    def show(self, journal: Path, credentials: settings.Credentials | None) -> ExitCode:
        """Add the worker's log to the run's journal, judge it, and show the report; the exit code that it asks for."""
        from lkdiag.cli.worker_log import worker_log_events
        from lkdiag.journal.file import append_events, read_journal

        asked = self.output
        if self.worker_log is not None:
            secrets = [] if credentials is None else [credentials.api_secret]
            events = read_journal(journal).events
            append_events(journal, worker_log_events(events, self.worker_log, quiet=asked.quiet, secrets=secrets))
        return show_run(
            journal, asked.format_, asked.output, verbose=asked.verbose, redact=asked.redact, fail_if=asked.fail_if
        )


def run_scenario(
    script: DispatchScript | TeardownScript,
    options: RunOptions,
    credentials: settings.Credentials | None,
    extra_words: Sequence[str] = (),
    sharding: Sharding | None = None,
) -> ExitCode:
    """Run it and show its report; the exit code that the report asks for.

    `extra_words` are added to the command that repeats the run (a seed that was drawn, say). `sharding`: how the run is
    divided among processes. Raises LkdiagError.
    """
    from lkdiag.cli.recording import command_line
    from lkdiag.cli.session import Session
    from lkdiag.run.health import check_capacity
    from lkdiag.run.plan import uses_simulated_worker
    from lkdiag.scenario.script import DispatchScript, join_of, with_settings

    script = _without_webhooks(script, webhook_address(script, local=options.server.local))
    if isinstance(script, DispatchScript) and uses_simulated_worker(script):
        # a simulated worker is new for each trial, and has nothing to warm up
        script = with_settings(script, warmup=0)
    if isinstance(script, DispatchScript):
        script = with_settings(script, join=join_of(script, 1 if sharding is None else sharding.of))
    address = webhook_address(script, local=options.server.local, alone=sharding is None)
    if sharding is None or sharding.cluster is None:
        check_capacity(script.settings)
    session = Session(
        script=script,
        credentials=credentials,
        server_binary=settings.server_binary(options.server.server_binary),
        runs_dir=settings.runs_dir(options.output.runs_dir),
        command=command_line(extra_words),
        quiet=options.output.quiet,
        webhook_address=address,
    )
    journal = (session if sharding is None else sharding.divided(session)).run()
    return options.show(journal, credentials)


def webhook_address(
    script: DispatchScript | TeardownScript, *, local: bool, alone: bool = True
) -> tuple[str, int] | None:
    """Where webhooks are to be received. Raises UsageError where they are needed and can't come.

    A private server always sends them: they show agents that stay too briefly to be seen by polling. lkdiag's own
    agents need no such evidence, so runs without media are spared the work, and so are several processes with one
    server (not `alone`).
    """
    listen = script.settings.webhook_listen
    address = None if listen is None else parse_address(listen, "--webhook-listen")
    if isinstance(script.settings, TeardownScenario):
        wanted = Cleanup.WEBHOOK_REAPER in script.settings.cleanups
        needed, what = wanted and "cleanups" in script.settings.given, "--cleanup webhook-reaper"
    else:
        needed = wanted = script.settings.webhooks is not None
        what = f"the scenario {script.name}"
    if address is None and not local:
        if needed:
            raise UsageError(
                f"{what} needs webhooks",
                "use --local; or --webhook-listen HOST:PORT, and let the project send its webhooks there, to /webhook",
            )
        return None
    witness = local and alone and _has_foreign_agents(script)
    return (address or ANY_PORT) if wanted or witness else address


def _has_foreign_agents(script: DispatchScript | TeardownScript) -> bool:
    from lkdiag.client.behaviours import BEHAVIOURS
    from lkdiag.run.plan import uses_simulated_worker
    from lkdiag.scenario.dispatch import JoinBy
    from lkdiag.scenario.script import DispatchScript

    settings = script.settings
    if isinstance(settings, TeardownScenario) or settings.join is not JoinBy.SIGNAL:
        return True
    assert isinstance(script, DispatchScript)
    return uses_simulated_worker(script) or any(
        BEHAVIOURS[fault.behaviour.name].own_worker for fault in settings.faults
    )


def _without_webhooks(
    script: DispatchScript | TeardownScript, address: tuple[str, int] | None
) -> DispatchScript | TeardownScript:
    """The script without the cleanup that needs webhooks, where none can come; a note says so."""
    from lkdiag.scenario.script import with_settings

    own = script.settings
    if address is not None or not isinstance(own, TeardownScenario) or Cleanup.WEBHOOK_REAPER not in own.cleanups:
        return script
    say("note: webhook-reaper is left out: a project's webhooks reach lkdiag only with --webhook-listen HOST:PORT")
    return with_settings(script, cleanups=tuple(c for c in own.cleanups if c is not Cleanup.WEBHOOK_REAPER))
