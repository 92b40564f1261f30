"""Where a run took place and how it ended, in words: what maintainers ask for first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.document.selection import finished_trials, planned_trials, room_prefix, trials_of
from lkdiag.document.wording import NONE, duration, period, plural
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.scenario.schema import setting_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.report.value import Environment, Report

CLOUD = ".livekit.cloud"
"""How the hosts of LiveKit Cloud end."""
JOINED = {"media": "media", "signal": "signalling alone, without media"}
MERGE_MEANING = {
    "move-participant": "MoveParticipant",
    "rejoin": "rejoin (the human left one room and joined the other)",
}
Rows = list[tuple[str, str]]
COMMANDS = ("dispatch-trial", "transfer-teardown", "selftest", "watch")
"""Scenarios that are commands of their own: they need no introduction."""


def identity_rows(report: Report) -> Rows:
    """What was tested, where and when."""
    environment = report.environment
    run = report.run
    rows = [
        ("scenario", "" if run.scenario in COMMANDS else run.title),
        ("reported", "" if run.scenario in COMMANDS else run.reported or ""),
        ("server", _server(environment)),
        ("project", environment.project_host),
        ("subject", environment.subject),
        *_played(report),
        ("faults", _played_on_purpose(report)),
        ("rooms", rooms(report)),
        ("time", period(report.run.started_at, report.run.finished_at)),
    ]
    return [(label, text) for label, text in rows if text]


def client_rows(report: Report) -> Rows:
    """This side: versions, clock, the probe's workers."""
    environment = report.environment
    sdk = ", ".join(f"{name} {version}" for name, version in environment.sdk.items())
    rows = [
        ("lkdiag", report.run.lkdiag_version),
        ("SDK (lkdiag's)", sdk),
        ("SDK (the agent's)", _agents_sdk(report)),
        ("Python", environment.python),
        ("OS", environment.os),
        ("probe workers", ", ".join(environment.probe_worker_ids)),
        ("clock", _clock(environment.clock_offset_ms, environment.clock_error_ms)),
        load_row(report),
    ]
    return [(label, text) for label, text in rows if text]


def _agents_sdk(report: Report) -> str:
    if report.environment.agent_sdk:
        return f"{', '.join(report.environment.agent_sdk)}, by its own log"
    own = isinstance(report.run.options.get("agent_name"), str)
    return "not visible from outside: the worker's log says it when it starts" if own else ""


def option_rows(report: Report) -> Rows:
    """The settings of the scenario as its options are called; those that were left open are not named."""
    named = [(name, value) for name, value in report.run.options.items() if value not in (None, "", [], ())]
    return [(setting_key(name), _setting(name, value)) for name, value in named]


def _played(report: Report) -> Rows:
    """How it was done, in this kind of run."""
    if isinstance(report, DispatchReport):
        return [("method", methods(report)), ("joined by", joined_by(report)), ("API calls", api_calls(report))]
    if isinstance(report, TeardownReport):
        return [("merged by", merges(report)), ("watched", _watch(report.run.options))]
    return []


def joined_by(report: Report) -> str:
    """How lkdiag's own participants joined, in words."""
    join = report.environment.join
    return JOINED.get(join, join) if join else ""


def api_calls(report: DispatchReport) -> str:
    """How many a trial needed, and how many the run."""
    calls = report.summary.api_calls
    if calls is None or calls.per_trial is None:
        return ""
    refused = f", {calls.refused} refused as too many (HTTP 429)" if calls.refused else ""
    return f"{calls.per_trial:g} a trial, {calls.total} in the run{refused}"


def merges(report: TeardownReport) -> str:
    """How the human's call got into the caller's room."""
    seen = dict.fromkeys(trial.merge for trial in report.trials if trial.merge)
    return ", ".join(MERGE_MEANING.get(merge, merge) for merge in seen)


def _watch(options: dict[str, Any]) -> str:
    window, within = options.get("window_s"), options.get("closed_within_s")
    parts = [
        f"{window:g} s after the hang-up" if isinstance(window, int | float) else "",
        f"slow from {within:g} s on" if isinstance(within, int | float) else "",
    ]
    return ", ".join(part for part in parts if part)


def methods(report: DispatchReport) -> str:
    """How the dispatches were asked for; what was planned, where no trial was run."""
    seen = dict.fromkeys(trial.method for trial in report.trials)
    return ", ".join(seen) or str(report.run.options.get("method", ""))


def rooms(report: Report) -> str:
    """Their names by the common prefix, once."""
    if report.run.kind == "watch":
        return str(report.run.options.get("room") or f"{report.run.options.get('prefix', '')}…")
    trials = trials_of(report)
    prefix = room_prefix(trials)
    names = {trial.room for trial in trials}
    if len(names) == 1:
        return prefix if len(trials) == 1 else f"{prefix} (the same in every trial)"
    return f"{prefix}… (a new name for each trial)" if prefix else ""


def faults(report: Report) -> str:
    """Which lkdiag's own worker had, and in what share of the trials: `ghost=0.1, slow:3s=0.1`; empty without any."""
    drawn = report.run.options.get("faults")
    return _value(drawn) if drawn else ""


def _played_on_purpose(report: Report) -> str:
    return f"{faults(report)}: lkdiag's own worker misbehaves on purpose" if faults(report) else ""


def _setting(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_s") and isinstance(value, int | float):
        return f"{value:g} s"
    return _value(value)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_fault(item) for item in value) or NONE
    return NONE if value is None or value == "" else str(value)


def _fault(item: Any) -> str:
    """One of a list, which may be a fault: `slow:3s=0.1`."""
    behaviour = item.get("behaviour") if isinstance(item, dict) else None
    if not isinstance(behaviour, dict):
        return str(item)
    return f"{':'.join([str(behaviour.get('name')), *map(str, behaviour.get('arguments', ()))])}={item.get('share')}"


def _server(environment: Environment) -> str:
    server = environment.server
    parts = (
        " ".join(["LiveKit", server.version or "(version unknown)"]),
        hosting(environment),
        f"region {server.region}" if server.region else "no region given",
        f"node {server.node_id}" if server.node_id else "no node given",
    )
    return " · ".join(part for part in parts if part)


def hosting(environment: Environment) -> str:
    """Cloud or self-hosted: as the server says, else by its address."""
    edition = environment.server.edition or ""
    if edition.lower() == "cloud" or (not edition and environment.project_host.endswith(CLOUD)):
        return "Cloud"
    if edition.lower() == "standard":
        return "self-hosted"
    return edition or "self-hosted, by its address"


def _clock(offset_ms: float | None, error_ms: float | None) -> str:
    if offset_ms is None:
        return ""
    where = "ahead of" if offset_ms >= 0 else "behind"
    error = "" if error_ms is None else f" (± {error_ms:.1f} ms)"
    return f"server {abs(offset_ms):.1f} ms {where} this machine{error}"


# -- how it ended ---------------------------------------------------------------------------------------------------


def ended(report: Report) -> Iterator[str]:
    """Nothing where the run did all that was planned, without delay."""
    if report.run.interrupted:
        planned = planned_trials(report)
        of = "" if planned is None else f" of {planned} planned"
        yield f"The run was interrupted after {plural(finished_trials(report), 'trial')}{of}."
    if report.run.aborted:
        yield f"lkdiag gave the run up: {report.run.aborted}."
    if advice(report):
        yield advice(report)


def expected(report: Report) -> Iterator[str]:
    """Whether the scenario's expectation was met."""
    if report.expectation is not None:
        yield f"{'✓' if report.expectation.met else '✗'} {report.expectation.told}"


def advice(report: Report) -> str:
    """What held the run up, and what to lower; empty where there is nothing remarkable."""
    told = "" if report.health is None else report.health.advice
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def load_row(report: Report) -> tuple[str, str]:
    """Label and text: event loop, processors, open files, the server's answers."""
    health = report.health
    if health is None:
        return "lkdiag's load", ""
    lag = health.loop_lag_ms
    whose = "" if health.shard is None else f"shard {health.shard}, which fared worst: "
    parts = [
        f"{whose}event loop late by {duration(lag.p50)} (p50), {duration(lag.p99)} (p99), {duration(lag.max)} at most"
    ]
    if health.own_percent.max is not None:
        parts.append(f"up to {health.own_percent.max:.0f} % of a processor, of {health.cores}")
    if health.server_percent.max is not None:
        parts.append(f"livekit-server beside it up to {health.server_percent.max:.0f} %")
    if health.cpu_ms_a_trial is not None:
        parts.append(f"{health.cpu_ms_a_trial:.0f} ms of processor time a trial")
    if health.busy_ms:
        parts.append(f"no processor free for {duration(health.busy_ms)}")
    if health.descriptors_max is not None:
        limit = "" if health.descriptors_limit is None else f" of {health.descriptors_limit}"
        parts.append(f"{health.descriptors_max}{limit} files and sockets open")
    if health.answers_ms.count:
        parts.append(f"the server's answers took up to {duration(health.answers_ms.max)} (p99 of a second)")
    return "lkdiag's load", ", ".join(parts)
