"""The report: the only value that a renderer takes. Its field names are the JSON contract `lkdiag.report/1`."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - msgspec reads the types of the fields
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lkdiag.contract import Fallback, Mismatch, Outcome, State, Verdict
from lkdiag.judge.causes.diagnosis import Diagnosis
from lkdiag.judge.finding import Finding
from lkdiag.stats import Quantiles, Rate

SCHEMA = "lkdiag.report/1"
NOTHING = Quantiles(0)


@dataclass(frozen=True)
class Run:
    """One command's run."""

    id: str
    command: str
    """The command line that repeats it, without secrets."""
    scenario: str
    """The scenario's name: `dispatch-trial`."""
    kind: str
    """`dispatch`, `teardown` or `watch`: which contract judges it."""
    title: str
    """The scenario in one line."""
    reported: str | None
    """URL of the report that the scenario comes from."""
    options: dict[str, Any]
    """Every setting of the scenario, defaults included."""
    started_at: str
    """UTC, ISO 8601 with milliseconds."""
    finished_at: str | None
    """None when the run was killed."""
    interrupted: bool
    """Ctrl-C, SIGTERM, or killed: fewer trials than planned."""
    aborted: str | None
    """Why lkdiag itself gave the run up (the server went away, say)."""
    lkdiag_version: str
    shards: tuple[ShardOfRun, ...] = ()
    """The processes of which the run was put together; none where there was one."""


@dataclass(frozen=True)
class Server:
    """What the server says of itself; None where it did not say."""

    version: str | None = None
    edition: str | None = None
    region: str | None = None
    node_id: str | None = None


@dataclass(frozen=True)
class Environment:
    """Where the run took place: what maintainers ask for first."""

    server: Server
    project_host: str
    subject: str
    """Whose worker was judged: `lkdiag's probe` or the agent's name."""
    probe_worker_ids: tuple[str, ...]
    """AW_… ids under which lkdiag's own worker was registered."""
    clock_offset_ms: float | None
    """Server's clock minus this machine's, estimated; only local-clock stages use it."""
    clock_error_ms: float | None
    """Half the width of that estimate."""
    sdk: dict[str, str]
    python: str
    os: str
    agent_sdk: tuple[str, ...] = ()
    """The subject's, as its log names them: `livekit-agents 1.8.9`. Empty where no log says it."""
    join: str | None = None
    """How lkdiag's own agents and callers joined: `media`, or `signal` (by signalling alone)."""


@dataclass(frozen=True)
class ApiCalls:
    """Calls of LiveKit's HTTP API."""

    total: int
    """Of the whole run: those before the first trial, of warm-up trials and of the clean-up too."""
    per_trial: float | None
    """What a trial, warm-up or not, needed of them in the mean; a call that was made for several is shared."""
    refused: int
    """Refused as too many (HTTP 429)."""


@dataclass(frozen=True)
class DispatchSummary:
    """The figures of a group of trials (the subject's, or the control's). Warm-up trials are not in it."""

    trials: int
    outcomes: dict[str, int]
    """By outcome, every outcome named."""
    mismatches: dict[str, int]
    """By mismatch, every mismatch named."""
    latency_ms: Quantiles
    """Of the trials whose agent joined, late ones included. The lost ones stand in `lost_rate`."""
    stages_ms: dict[str, Quantiles]
    """By stage, each counted from the room's creation, or from the dispatch's in a room that was there before."""
    state_lag_ms: Quantiles
    lost_rate: Rate
    """Dropped trials among those that could be judged."""
    rescued: int
    """Dropped trials whose fallback dispatch brought the agent."""
    fallbacks: dict[str, int]
    api_calls: ApiCalls | None = None
    """Of the whole run; it stands in the subject's summary alone."""
    start_lag_ms: Quantiles = NOTHING
    """How late trials began, against when they were due; of an open loop (`--rate`, `--burst`) only."""
    missing: int | None = 0
    """Trials that were planned and never begun, or of which the record is lost: they are counted nowhere else, and are
    not those of `not_begun`. None: some are, but with `--duration` nobody knows how many."""


@dataclass(frozen=True)
class TimelineLine:
    """One line of a trial's story."""

    at: str
    """UTC, ISO 8601 with milliseconds, on this machine's clock."""
    offset_ms: float
    """Since the trial began, on this machine's monotonic clock."""
    lane: str
    """Who: `api`, `room`, `dispatch`, `worker`, `agent`, `caller`, `lkdiag`."""
    text: str


@dataclass(frozen=True)
class TrialReport:
    """One room's story, judged."""

    index: int
    role: str
    """`subject`, or `control`: a trial of lkdiag's own worker."""
    method: str
    started_at: str
    room: str
    room_sid: str | None
    dispatch_id: str | None
    job_id: str | None
    worker_id: str | None
    agent_identity: str | None
    participant_ids: dict[str, str]
    """PA_… ids by who it was: `agent`, `fallback agent`, `caller`; those that were seen."""
    outcome: Outcome
    state: State
    mismatch: Mismatch | None
    latency_ms: float | None
    """`joined_at_ms - creation_time_ms`, both the server's; None where no agent joined. In a room that was there before
    it counts from the dispatch's `created_at`."""
    stages_ms: dict[str, float]
    """Each stage that was seen, counted from the same moment."""
    state_lag_ms: float | None
    """From the agent's joining until listDispatch showed its job; 0 where it was there before."""
    fallback: Fallback
    fallback_latency_ms: float | None
    """From the fallback dispatch's `created_at` to the agent's `joined_at_ms`, both the server's."""
    fallback_dispatch_id: str | None
    api_calls: int
    findings: tuple[Finding, ...]
    diagnosis: Diagnosis | None
    """Why it went wrong; None where nothing did, or nothing is known."""
    timeline: tuple[TimelineLine, ...]
    """Its story, line by line; only where there is a finding."""
    start_lag_ms: float | None = None
    """How late it began, against when it was due, on this machine's monotonic clock; None in a closed loop."""


@dataclass(frozen=True)
class LeftoverRoom:
    """A room of this run that nobody had closed: found so when its watch ended, or there even after the clean-up."""

    name: str
    sid: str
    created_at: str | None
    participants: tuple[str, ...]
    own: ClassVar[bool] = True
    """Whether lkdiag made it."""
    still_there: bool | None = True
    """False: lkdiag deleted it after it was judged. None: the server did not tell what became of it."""


@dataclass(frozen=True)
class Expectation:
    """What was expected, and of which trials it did not hold."""

    expected: dict[str, Any]
    met: bool
    trials: int
    """Trials that could be compared."""
    differing: tuple[int, ...]
    told: str
    """In one sentence."""


@dataclass(frozen=True)
class Threshold:
    """A limit of the user's own (`--fail-if`), and whether it was met."""

    metric: str
    operator: str
    """`>`, `>=`, `<`, `<=`, `==` or `!=`: the run fails if the value is that against the limit."""
    limit: float
    value: float | None
    """None where there was nothing to measure."""
    ok: bool | None
    """None: it can't be told."""
    told: str
    """In one sentence."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is known and judged of any run. Each kind of run adds its summary and its trials."""

    run: Run
    environment: Environment
    verdict: Verdict
    headline: str
    """The verdict in one sentence of plain words."""
    leftover_rooms: tuple[LeftoverRoom, ...]
    findings: tuple[Finding, ...]
    """About the run as a whole, and one for each kind of finding of its trials."""
    expectation: Expectation | None = None
    """Whether the scenario went as its file expects; None where it expects nothing."""
    thresholds: tuple[Threshold, ...] = ()
    """The user's own, in the order given. The verdict and the headline take them in."""
    health: OwnHealth | None = None
    """What lkdiag saw of itself and of its machine; None where the journal does not say (an older version's)."""
    notes: tuple[str, ...] = ()
    """About the journal itself: a torn last line, say."""
    schema: str = field(default=SCHEMA)


@dataclass(frozen=True, kw_only=True)
class DispatchReport(Report):
    """Everything that is known and judged of a run of dispatch trials."""

    summary: DispatchSummary
    control: DispatchSummary | None
    trials: Sequence[TrialReport]
    not_begun: int = 0
    """Trials of an open loop that were due while too many others went on: no losses, they were not carried out."""
    warmup: Sequence[TrialReport]
    """Trials that are recorded and judged, but kept out of the figures and of the verdict."""


@dataclass(frozen=True)
class OwnHealth:
    """Over the whole run, its clean-up included; sampled once a second, the loop's lag every 50 ms."""

    loop_lag_ms: Quantiles
    """How late lkdiag's event loop came."""
    stalled_ms: float
    """Lags of 200 ms and more, all together."""
    cores: int
    """Processors that lkdiag may run on."""
    machine_percent: Quantiles
    """Their share that was in use, second by second: 0 to 100."""
    busy_ms: float
    """For how long they were all taken."""
    own_percent: Quantiles
    """What lkdiag itself kept busy of them; 100 is one whole processor."""
    server_percent: Quantiles
    """The same of the private livekit-server."""
    cpu_ms_a_trial: float | None
    """What a trial has cost: lkdiag's processor time and the private server's."""
    descriptors_max: int | None
    """Most files and sockets that were open at a time."""
    descriptors_limit: int | None
    answers_ms: Quantiles
    """By second the 99th percentile of how long the server took to answer a call."""
    bottleneck: str | None
    """What held the run up: `lkdiag`, `this machine` or `the server`; None where nothing did."""
    advice: str
    """In a sentence or two; empty where there is nothing to say."""
    shard: int | None = None
    """Of a run of several processes: whose figures these are, the one's that fared worst. None: there was one."""


@dataclass(frozen=True)
class ShardOfRun:
    """One of several processes that shared a run's trials."""

    index: int
    of: int
    run_id: str | None
    """Under which its rooms were made; None where it left no journal."""
    trials: int
    """That it ran, the subject's and the control's, without warm-ups."""
    not_begun: int
    missing: int | None
    """None: nobody knows how many (`--duration`)."""
    lost: str | None
    """Why trials are missing; None where none are."""
