"""The dispatch trial as a value: everything that decides what a run does, and when its verdicts fall."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from lkdiag.errors import UsageError
from lkdiag.scenario.address import parse_address
from lkdiag.scenario.duration import parse_duration_s
from lkdiag.scenario.fault import Fault


class Method(StrEnum):
    """The four ways in which a room gets a dispatch."""

    CREATE_ROOM = "create-room"
    CREATE_DISPATCH = "create-dispatch"
    TOKEN = "token"
    AUTOMATIC = "automatic"


class Caller(StrEnum):
    """What the simulated caller does."""

    NONE = "none"
    JOIN = "join"
    PUBLISH = "publish"
    LATER = "later"
    """Nobody until a step lets the caller join."""


class JoinBy(StrEnum):
    """How lkdiag's own participants are in a room."""

    MEDIA = "media"
    SIGNAL = "signal"
    """By the websocket alone."""


class JobType(StrEnum):
    """For which kind of job the probe registers (LiveKit's JT_ROOM, JT_PARTICIPANT, JT_PUBLISHER)."""

    ROOM = "room"
    PARTICIPANT = "participant"
    PUBLISHER = "publisher"


WEBHOOK_MANNERS = ("ok", "fail-first", "slow", "drop")
TRIALS_MAX = 1_000_000
_SECONDS_MAX = 24 * 3600.0


@dataclass(frozen=True)
class DispatchScenario:
    """All durations are in seconds. Raises UsageError when made of values that make no sense together."""

    count: int = 10
    method: Method = Method.CREATE_ROOM
    agent_name: str | None = None
    """The subject's name; None when lkdiag's own probe is the subject."""
    timeout_s: float = 20.0
    """An agent that has not joined by then is lost. 20 s: above the 6–16 s of agents-js#1211's late ones."""
    delayed_after_s: float = 2.0
    """A later agent is late. 2 s: what agents-js#1211 calls normal."""
    settle_s: float = 6.0
    """How long a job may stay unlisted though its agent is there: livekit-server lists it 5.0 s late after
    workers changed, or when its 60 s cache ran out (pkg/agent/client.go, CheckEnabledTimeout)."""
    fallback: bool = True
    fallback_timeout_s: float = 10.0
    control: bool = False
    control_share: float = 0.25
    """Share of control trials among all."""
    caller: Caller = Caller.NONE
    join: JoinBy | None = None
    """Of the probe's agents and the caller; None: by what the pace can bear (scenario/joining.py)."""
    job_type: JobType = JobType.ROOM
    warmup: int = 0
    concurrency: int = 1
    rate: float | None = None
    """Trials begun a second, whether or not earlier ones have ended (open loop); None: closed loop."""
    burst: int | None = None
    """So many trials begin at the same instant, as in livekit#4374 (15 of 15 lost)."""
    burst_every_s: float = 30.0
    """From one burst to the next. 30 s: above the 20 s of a trial that is lost."""
    duration_s: float | None = None
    """Trials begin until then, however many they are; None: `count` of them."""
    max_in_flight: int = 1000
    """In an open loop no trial begins while so many go on."""
    gap_s: float = 0.0
    reuse_room_name: bool = False
    faults: tuple[Fault, ...] = ()
    fault_fallback: bool = False
    seed: int = 0
    webhooks: str | None = None
    """How the receiver of the server's webhooks answers them: ok, fail-first, slow:3s or drop; None: there is none."""
    webhook_listen: str | None = None
    """HOST:PORT of that receiver, for a project; on a private server it needs none."""
    metadata: str = ""
    """Job metadata for the subject's dispatch."""

    def __post_init__(self) -> None:
        for field_name, low in (("count", 1), ("warmup", 0), ("concurrency", 1), ("burst", 1), ("max_in_flight", 1)):
            name, number = field_name.replace("_", "-"), getattr(self, field_name)
            if number is None:
                continue
            if number < low:
                raise UsageError(f"--{name} is {number}", f"it has to be {low} or more")
            if number > TRIALS_MAX:
                raise UsageError(f"--{name} is above {TRIALS_MAX:,}", "a run of that size never ends")
        for field in fields(self):
            if field.name.endswith("_s"):
                value = getattr(self, field.name)
                if value is None:
                    continue
                may_be_zero = field.name in ("gap_s", "settle_s")
                if not (0 < value <= _SECONDS_MAX or (value == 0 and may_be_zero)):
                    option = field.name.removesuffix("_s").replace("_", "-")
                    raise UsageError(f"--{option} is {value:g} s", "it has to be above 0, and below a day")
        if self.delayed_after_s > self.timeout_s:
            raise UsageError(
                f"--delayed-after ({self.delayed_after_s:g} s) is above --timeout ({self.timeout_s:g} s)",
                "an agent is late only after one and lost after the other",
            )
        if self.rate is not None and not (0 < self.rate <= 1000):
            raise UsageError(f"--rate is {self.rate:g}", "it is trials a second, above 0 and up to 1000")
        if not 0 < self.control_share < 1:
            raise UsageError(f"--control-share is {self.control_share:g}", "it has to be between 0 and 1")
        if self.webhooks is not None:
            manner, colon, delay = self.webhooks.partition(":")
            if manner not in WEBHOOK_MANNERS or (manner == "slow") != bool(colon):
                raise UsageError(f"--webhooks is {self.webhooks!r}", "it is ok, fail-first, drop or slow:3s")
            if colon:
                try:
                    parse_duration_s(delay)
                except UsageError as error:
                    raise UsageError(f"--webhooks is {self.webhooks!r}: {error.message}", error.hint) from None
        parse_address(self.webhook_listen)
        self._check_combinations()

    def _check_combinations(self) -> None:
        external = self.agent_name is not None
        if self.agent_name == "":
            raise UsageError("--agent-name is empty", "for a worker without a name use --method automatic")
        if self.method is Method.AUTOMATIC and external:
            raise UsageError(
                "--method automatic goes without --agent-name",
                "a worker that has a name is never dispatched automatically",
            )
        if self.control and not external:
            raise UsageError(
                "--control needs --agent-name",
                "without it lkdiag's own probe is the subject already, and would be its own control",
            )
        if self.faults and external and not self.control:
            raise UsageError(
                "--fault needs the probe as the subject", "faults are the probe's own: leave --agent-name out"
            )
        if self.faults and self.control:
            raise UsageError("--fault and --control exclude each other", "a control has to be honest")
        if self.job_type is not JobType.ROOM and external:
            raise UsageError("--job-type is the probe's", "your worker registered with its own: leave it out")
        if self.join is JoinBy.SIGNAL and self.effective_caller is Caller.PUBLISH:
            raise UsageError(
                "--join signal can't publish, and the caller has to",
                "use --join media for --caller publish or --job-type publisher",
            )
        if self.reuse_room_name and (self.concurrency > 1 or self.rate is not None or self.burst is not None):
            raise UsageError(
                "--reuse-room-name goes one trial after another", "leave --concurrency, --rate and --burst out"
            )
        if self.burst is not None:
            for name, given in (("rate", self.rate), ("gap", self.gap_s), ("concurrency", self.concurrency > 1)):
                if given:
                    raise UsageError(f"--burst and --{name} exclude each other", "each is a shape of load of its own")
        if self.rate is not None and self.gap_s:
            raise UsageError("--rate and --gap exclude each other", "one sets the pace, the other the pause")
        if self.gap_s and self.concurrency > 1:
            raise UsageError("--gap goes one trial after another", "leave --concurrency out")

    @property
    def probe_is_subject(self) -> bool:
        """Whether lkdiag's own worker is what is judged."""
        return self.agent_name is None

    @property
    def effective_caller(self) -> Caller:
        """The token method needs somebody to join with the token, and these job types somebody in the room."""
        if self.caller is Caller.NONE:
            if self.job_type is JobType.PUBLISHER:
                return Caller.PUBLISH
            if self.method is Method.TOKEN or self.job_type is JobType.PARTICIPANT:
                return Caller.JOIN
        return self.caller
