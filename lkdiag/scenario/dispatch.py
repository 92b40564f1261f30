"""The dispatch trial as a value: everything that decides what a run does, and when its verdicts fall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from lkdiag.errors import UsageError
from lkdiag.scenario.fault import Fault
from lkdiag.scenario.option import DAY_S, PACE, VERDICT, Option, Options, parse_address, parse_duration_s


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

SUBJECT = "Subject: whose worker"
DISPATCH = "Dispatch"
FAULTS = "Faults of lkdiag's own worker"

Timeout = Annotated[float, Option("An agent that joins later than that is lost.", panel=VERDICT, above=0, most=DAY_S)]
DelayedAfter = Annotated[
    float, Option("An agent that joins later than that is late.", panel=VERDICT, above=0, most=DAY_S)
]
Settle = Annotated[
    float,
    Option(
        "How long the job of a present agent may be missing in listDispatch; the server may need 5 s.",
        panel=VERDICT,
        least=0,
        most=DAY_S,
    ),
]


def check_delays(timeout_s: float, delayed_after_s: float) -> None:
    """Raises UsageError where no agent could be late."""
    if delayed_after_s > timeout_s:
        raise UsageError(
            f"--delayed-after ({delayed_after_s:g} s) is above --timeout ({timeout_s:g} s)",
            "an agent is late only after one and lost after the other",
        )


@dataclass(frozen=True)
class DispatchScenario(Options):
    """All durations are in seconds. Raises UsageError when made of values that make no sense together."""

    count: Annotated[int, Option("Trials of the subject.", short="-n", least=1, most=TRIALS_MAX)] = 10

    agent_name: Annotated[
        str | None,
        Option(
            "Your worker's name. Without it lkdiag's own worker is tried.",
            panel=SUBJECT,
            in_file="Your worker's name. Left out, it is lkdiag's own worker, or the main one of [workers].",
        ),
    ] = None
    """The subject's name; None when lkdiag's own probe is the subject."""
    control: Annotated[
        bool, Option("Try lkdiag's own worker in between: is it your worker, or the platform?", panel=SUBJECT)
    ] = False
    control_share: Annotated[float, Option("Share of control trials among all.", panel=SUBJECT, above=0, below=1)] = (
        0.25
    )
    job_type: Annotated[JobType, Option("For which jobs lkdiag's own worker registers.", panel=SUBJECT)] = JobType.ROOM

    method: Annotated[Method, Option("How the dispatch is made.", panel=DISPATCH)] = Method.CREATE_ROOM
    caller: Annotated[
        Caller,
        Option(
            "A simulated caller in the room: workers for participants or publishers need one.",
            panel=DISPATCH,
            in_file="A simulated caller in the room; later: only once a step lets it join.",
            not_on_command_line=(Caller.LATER,),
        ),
    ] = Caller.NONE
    join: Annotated[
        JoinBy | None,
        Option(
            "How lkdiag's own agents and callers join: with media, or by signalling alone, which costs next to "
            "nothing.",
            panel=DISPATCH,
            default="media up to 8 trials at a time, then signal",
        ),
    ] = None
    """Of the probe's agents and the caller; None: by what the pace can bear (join_of)."""
    metadata: Annotated[
        str,
        Option("Job metadata for your worker. It stands in the report: a secret is refused.", panel=DISPATCH),
    ] = ""
    fallback: Annotated[
        bool,
        Option(
            "When nobody came, try createDispatch in the same room.",
            panel=DISPATCH,
            in_file="Whether the step fallback tries createDispatch when nobody came.",
        ),
    ] = True
    fallback_timeout_s: Annotated[
        float, Option("How long the fallback may take.", panel=DISPATCH, above=0, most=DAY_S)
    ] = 10.0
    reuse_room_name: Annotated[bool, Option("Every trial in a room of the same name.", panel=DISPATCH)] = False

    timeout_s: Timeout = 20.0
    """20 s: above the 6–16 s of agents-js#1211's late ones."""
    delayed_after_s: DelayedAfter = 2.0
    """2 s: what agents-js#1211 calls normal."""
    settle_s: Settle = 6.0
    """livekit-server lists a job 5.0 s late after workers changed, or when its 60 s cache ran out (pkg/agent/client.go,
    CheckEnabledTimeout)."""
    webhook_listen: Annotated[
        str | None,
        Option(
            "Receive the project's webhooks at HOST:PORT, under /webhook: they tell of agents that stay for too short "
            "a time to be seen, and are judged themselves. With --local they come anyway.",
            panel=VERDICT,
            metavar="HOST:PORT",
        ),
    ] = None
    webhooks: Annotated[
        str | None,
        Option(
            "How the receiver of the server's webhooks answers them: ok, fail-first, slow:3s or drop.",
            in_file_only=True,
        ),
    ] = None
    """None: there is no receiver."""

    warmup: Annotated[
        int,
        Option(
            "Trials kept out of the figures.",
            panel=PACE,
            least=0,
            most=TRIALS_MAX,
            default="1 for lkdiag's worker, 0 for yours",
        ),
    ] = 0
    concurrency: Annotated[int, Option("Trials at a time.", panel=PACE, short="-c", least=1, most=TRIALS_MAX)] = 1
    rate: Annotated[
        float | None,
        Option(
            "Trials begun a second, whatever became of earlier ones.",
            panel=PACE,
            unit="trials a second",
            above=0,
            most=1000,
        ),
    ] = None
    """Open loop; None: closed loop."""
    burst: Annotated[
        int | None,
        Option("So many trials begin at the same instant, as one.", panel=PACE, metavar="N", least=1, most=TRIALS_MAX),
    ] = None
    """As in livekit#4374 (15 of 15 lost)."""
    burst_every_s: Annotated[float, Option("From one burst to the next.", panel=PACE, above=0, most=DAY_S)] = 30.0
    """30 s: above the 20 s of a trial that is lost."""
    duration_s: Annotated[
        float | None,
        Option(
            "Trials begin until then, however many they are; instead of --count.",
            panel=PACE,
            above=0,
            most=DAY_S,
            in_file="Trials begin until that much time has passed, whatever count says.",
        ),
    ] = None
    max_in_flight: Annotated[
        int,
        Option(
            "With --rate or --burst: a trial that is due while so many go on is not begun, which the report says.",
            panel=PACE,
            least=1,
            most=TRIALS_MAX,
        ),
    ] = 1000
    gap_s: Annotated[float, Option("Pause between two trials.", panel=PACE, least=0, most=DAY_S)] = 0.0

    faults: Annotated[
        tuple[Fault, ...],
        Option(
            "Break that share of the trials on purpose: ghost, silent, reject, slow:4s (joins late), slow:2s:answer "
            "(answers late), overloaded, … `lkdiag worker --help` says what each does.",
            panel=FAULTS,
            key="fault",
            metavar="NAME=SHARE,…",
            in_file="Break that share of the trials on purpose: ghost=0.2,slow:4s=0.1.",
        ),
    ] = ()
    seed: Annotated[int, Option("The same seed draws the same faults.", panel=FAULTS, default="")] = 0
    fault_fallback: Annotated[bool, Option("Let the fault strike the fallback too.", panel=FAULTS)] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_delays(self.timeout_s, self.delayed_after_s)
        if self.webhooks is not None:
            manner, colon, delay = self.webhooks.partition(":")
            if manner not in WEBHOOK_MANNERS or (manner == "slow") != bool(colon):
                raise UsageError(f"--webhooks is {self.webhooks!r}", "it is ok, fail-first, drop or slow:3s")
            if colon:
                try:
                    parse_duration_s(delay)
                except UsageError as error:
                    raise UsageError(f"--webhooks is {self.webhooks!r}: {error.message}", error.hint) from None
        if self.webhook_listen is not None:
            parse_address(self.webhook_listen, "--webhook-listen")
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

    @classmethod
    def defaults(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Where lkdiag's own probe is the subject one trial warms up: its first job is listed 5 s late."""
        return {"warmup": 1 if given.get("agent_name") is None else 0}

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
