"""The canary's metrics, and an HTTP endpoint for Prometheus."""

from __future__ import annotations

import contextlib
import importlib.metadata
from typing import TYPE_CHECKING

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from lkdiag import __version__
from lkdiag.client.answers import TWIRP_CODES
from lkdiag.contract import CallFailure, Fallback, Mismatch, Outcome
from lkdiag.errors import UsageError
from lkdiag.journal.run_kinds import LkdiagStalled, RunFinished, ServerDescribed
from lkdiag.journal.trial_kinds import ApiCalled
from lkdiag.journal.worker_kinds import WorkerDisconnected, WorkerRegistered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.canary.run import OwnRooms
    from lkdiag.journal.event import Event
    from lkdiag.judge.live import TrialVerdict
    from lkdiag.scenario.dispatch import DispatchScenario


# Metrics follow Prometheus' conventions: base units, counters that only grow, and few series. So no label holds a room,
# an id or a host; agent name and method are constant for a canary.

PROBE = "lkdiag-probe"
"""Stands for the agent name of lkdiag's own worker, which is different in each run."""
BUCKETS_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0)
UNHEARD = frozenset(failure.value for failure in CallFailure if failure is not CallFailure.REFUSED)
"""How a call fails without an answer of LiveKit's."""
CODES = TWIRP_CODES | UNHEARD
WHOSE = ("agent_name", "method", "role")
SDKS = ("livekit", "livekit-api")
CAME = (Outcome.DELIVERED, Outcome.DELAYED)


class Metrics:
    """The metrics, in a separate registry: `note` takes the recorder's events, `count` each judged trial."""

    def __init__(self, scenario: DispatchScenario, every_s: float, rooms: OwnRooms) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._agent_name, self._method = scenario.agent_name or PROBE, str(scenario.method)
        self._rooms = rooms
        self._trials = Counter(
            "lkdiag_trials", "Trials, by what became of the agent.", (*WHOSE, "outcome"), registry=registry
        )
        self._mismatches = Counter(
            "lkdiag_mismatches",
            "Trials whose dispatch state and room contradict each other.",
            (*WHOSE, "mismatch"),
            registry=registry,
        )
        self._fallbacks = Counter(
            "lkdiag_fallbacks",
            "Trials, by what a second dispatch did for an agent that never came.",
            (*WHOSE, "fallback"),
            registry=registry,
        )
        edges = sorted({*BUCKETS_S, scenario.delayed_after_s, scenario.timeout_s})
        self._latency = Histogram(
            "lkdiag_delivery_latency_seconds",
            "From the room's creation to the agent's joining, both on the server's clock; lost agents are not in it.",
            WHOSE,
            buckets=edges,
            registry=registry,
        )
        self._last_trial = Gauge(
            "lkdiag_last_trial_timestamp_seconds", "When a trial was judged last (Unix).", WHOSE, registry=registry
        )
        self._last_delivery = Gauge(
            "lkdiag_last_delivery_timestamp_seconds", "When an agent came last, in time (Unix).", WHOSE,
            registry=registry,
        )  # fmt: skip
        self._skipped = Counter(
            "lkdiag_skipped_trials",
            "Trials that were due, and not begun: the one before went on, or the server did not answer.",
            registry=registry,
        )
        self._calls = Counter("lkdiag_api_calls", "Calls of LiveKit's HTTP API.", ("call",), registry=registry)
        self._failures = Counter(
            "lkdiag_api_call_failures",
            "Of them, those that failed: by Twirp's code where LiveKit refused, else how.",
            ("call", "code"),
            registry=registry,
        )
        self._stalls = Counter("lkdiag_stalls", "Times that lkdiag itself stood still for 0.2 s.", registry=registry)
        self._up = Gauge("lkdiag_project_up", "Whether the project answered the last API call.", registry=registry)
        self._connected = Gauge(
            "lkdiag_probe_connected", "Whether lkdiag's own worker is registered, where it has one.", registry=registry
        )
        left = Gauge("lkdiag_leftover_rooms", "Rooms of lkdiag's own not yet seen to be gone.", registry=registry)
        left.set_function(lambda: len(self._rooms.left))
        Gauge("lkdiag_interval_seconds", "Between two trials, as asked for.", registry=registry).set(every_s)
        Gauge(
            "lkdiag_delayed_after_seconds", "An agent that joins later is late, as asked for.", registry=registry
        ).set(scenario.delayed_after_s)
        self._server = Info("lkdiag_server", "The server as it describes itself.", registry=registry)
        versions = {f"{name}_version".replace("-", "_"): importlib.metadata.version(name) for name in SDKS}
        Info("lkdiag_build", "This lkdiag.", registry=registry).info({"version": __version__, **versions})
        self._prepare(["subject", "control"] if scenario.control else ["subject"])

    def _prepare(self, roles: list[str]) -> None:
        """Create every series at the start, so that the first lost agent is an increase."""
        for role in roles:
            whose = self._whose(role)
            self._latency.labels(*whose)
            for counter, words in ((self._trials, Outcome), (self._mismatches, Mismatch), (self._fallbacks, Fallback)):
                for word in words:
                    counter.labels(*whose, word.value)

    def _whose(self, role: str) -> tuple[str, str, str]:
        return (self._agent_name if role == "subject" else PROBE, self._method, role)

    def count(self, judged: TrialVerdict, at_s: float) -> None:
        """Count a trial that was judged at that time (Unix, seconds)."""
        whose = self._whose(judged.role)
        self._trials.labels(*whose, judged.outcome.value).inc()
        self._fallbacks.labels(*whose, judged.fallback.value).inc()
        if judged.mismatch is not None:
            self._mismatches.labels(*whose, judged.mismatch.value).inc()
        if judged.outcome in CAME and judged.latency_ms is not None:
            self._latency.labels(*whose).observe(judged.latency_ms / 1000)
        self._last_trial.labels(*whose).set(at_s)
        if judged.outcome is Outcome.DELIVERED:
            self._last_delivery.labels(*whose).set(at_s)

    def skipped(self, trials: int) -> None:
        """Count trials that were due and not begun."""
        self._skipped.inc(trials)

    def note(self, event: Event) -> None:
        """Take an event of any run of this canary."""
        row = event.row
        if isinstance(row, ApiCalled):
            self._note_call(row.method, ok=row.ok, code=row.code or row.failure or "")
        elif isinstance(row, LkdiagStalled):
            self._stalls.inc()
        elif isinstance(row, WorkerRegistered | ServerDescribed):
            self._server.info({key: str(row.server.get(key) or "") for key in ("version", "edition", "region")})
            if isinstance(row, WorkerRegistered):
                self._connected.set(1)
        elif isinstance(row, WorkerDisconnected | RunFinished):
            self._connected.set(0)

    def _note_call(self, call: str, *, ok: bool, code: str) -> None:
        if code == "cancelled":  # by lkdiag itself
            return
        self._calls.labels(call).inc()
        self._up.set(0 if code in UNHEARD else 1)
        if not ok:
            self._failures.labels(call, code if code in CODES else "other").inc()


@contextlib.contextmanager
def exposed(registry: CollectorRegistry, address: tuple[str, int]) -> Iterator[str]:
    """Serve the metrics by HTTP, in a thread of the client library, while the block lasts; the URL.

    Port 0 takes any free port. Raises UsageError if it can't listen.
    """
    host, port = address
    try:
        server, thread = prometheus_client.start_http_server(port, host, registry)
    except OSError as error:
        raise UsageError(
            f"nothing can listen on {host}:{port}: {error.strerror}", "choose another --listen HOST:PORT"
        ) from error
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
