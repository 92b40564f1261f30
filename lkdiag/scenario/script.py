"""A scenario as a script: who takes part, what happens in which order, what is expected, and whose report it is.

`load_script` reads one that comes with lkdiag, or the user's own file. Whatever is wrong with it is a UsageError that
names file, line and key, and the nearest name where one was mistyped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from lkdiag.errors import UsageError
from lkdiag.scenario import steps as words
from lkdiag.scenario.call import TeardownScenario
from lkdiag.scenario.dispatch import Caller, DispatchScenario, JoinBy
from lkdiag.scenario.expect import DispatchExpect, Expect, TeardownExpect
from lkdiag.scenario.fault import BehaviourSpec, parse_faults
from lkdiag.scenario.file import builtin_names, find_file, parse_toml, read_text
from lkdiag.scenario.location import Location, locate
from lkdiag.scenario.option import OPTION_NAME
from lkdiag.scenario.reading import apply_overrides, read_cases, read_head, read_steps, read_workers
from lkdiag.scenario.schema import SETTINGS, Case, Settings, given_settings
from lkdiag.scenario.steps import MAIN, WorkerSpec
from lkdiag.scenario.toml import read_table
from lkdiag.scenario.validate import check_behaviours, check_dispatch, check_teardown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lkdiag.scenario.schema import ScriptHead
    from lkdiag.scenario.steps import AnyStep, DispatchStep, TeardownStep


@dataclass(frozen=True)
class Script:
    """A scenario that has been read, and found to make sense."""

    kind: ClassVar[str]
    name: str
    """The file's name without `.toml`."""
    path: str
    """The file, as it was asked for."""
    head: ScriptHead
    """title, failure, report, story, limits."""
    settings: Settings
    """Their `given` are those that the file, or `--set`, names."""
    expect: Expect
    workers: Mapping[str, WorkerSpec] = field(default_factory=dict)
    """Those of [workers] by name; without a `main` lkdiag's own probe is called for."""
    cases: tuple[Case, ...] = ({},)
    """What varies, trial by trial; one that is empty where nothing does."""
    steps_by_case: tuple[tuple[AnyStep, ...], ...] = field(default=(), repr=False)
    """What happens in each of the cases."""
    text: str = field(default="", repr=False)
    """The whole file."""

    @property
    def title(self) -> str:
        """One line."""
        return self.head.title

    @property
    def failure(self) -> str:
        """Its number in the catalogue, as F8; or nothing."""
        return self.head.failure

    @property
    def report(self) -> str:
        """URL of the report that it comes from; or nothing."""
        return self.head.report

    @property
    def story(self) -> str:
        """What users saw."""
        return self.head.story.strip()

    @property
    def limits(self) -> str:
        """What can't be shown on a private server; or nothing."""
        return self.head.limits.strip()

    @property
    def waits_s(self) -> float:
        """How long its pauses and waits may take in all, in the longest case."""
        return max(sum(_wait_s(step) for step in steps) for steps in self.steps_by_case)


@dataclass(frozen=True)
class DispatchScript(Script):
    """One about an agent that is called."""

    kind: ClassVar[str] = "dispatch"
    settings: DispatchScenario
    expect: DispatchExpect

    @property
    def steps(self) -> tuple[DispatchStep, ...]:
        """What happens, in the first case."""
        return self.steps_of(self.cases[0])

    def steps_of(self, case: Case) -> tuple[DispatchStep, ...]:
        """What happens, with that case's values."""
        return cast("tuple[DispatchStep, ...]", self.steps_by_case[self.cases.index(case)])


@dataclass(frozen=True)
class TeardownScript(Script):
    """One about a call."""

    kind: ClassVar[str] = "teardown"
    settings: TeardownScenario
    expect: TeardownExpect

    @property
    def steps(self) -> tuple[TeardownStep, ...]:
        """What happens."""
        return cast("tuple[TeardownStep, ...]", self.steps_by_case[0])


S = TypeVar("S", bound=Script)


def load_script(
    name_or_path: str,
    known_behaviours: Sequence[str],
    check_behaviour: Callable[[BehaviourSpec], object],
    overrides: Mapping[str, str] | None = None,
) -> DispatchScript | TeardownScript:
    """Read one. `check_behaviour` raises UsageError for arguments that a behaviour can't take.

    `overrides` are the keys and values of `--set`. Raises UsageError for anything that is wrong with file or overrides.
    """
    path = find_file(name_or_path)
    shown = f"{path.name}" if name_or_path in builtin_names() else str(path)
    text = read_text(path)
    script = _Reading(shown, path.stem, text, known_behaviours, check_behaviour).script(overrides or {})
    return replace(script, text=text)


def with_settings(script: S, **changed: Any) -> S:
    """The script with other settings, by the names of fields; what follows from them follows anew.

    Raises UsageError for settings that make no sense together, in the words of the command line.
    """
    return replace(script, settings=script.settings.changed(**changed))


class _Reading:
    """One file's, from its text to its script."""

    def __init__(
        self,
        shown: str,
        name: str,
        text: str,
        known_behaviours: Sequence[str],
        check_behaviour: Callable[[BehaviourSpec], object],
    ) -> None:
        self._name = name
        self._text = text
        self._shown = shown
        self._known = known_behaviours
        self._check = check_behaviour

    def script(self, overrides: Mapping[str, str]) -> DispatchScript | TeardownScript:
        raw = parse_toml(self._text, self._shown)
        document = Location(self._shown, locate(self._text))
        kind, head = read_head(raw, document)
        applied = apply_overrides(raw, overrides, kind)
        document = replace(document, overrides=applied)
        given = self._given(kind, raw.get("settings", {}), document / "settings")
        workers = read_workers(raw.get("workers", {}), document / "workers")
        cases = read_cases(raw.get("vary", {}), document / "vary")
        if "steps" not in raw:
            raise (document / "steps").error("there are no steps", "write each step as [[steps]]")
        steps_by_case = read_steps(raw["steps"], kind, cases, document / "steps")
        expect = raw.get("expect", {})
        common = (self._name, self._shown, head)
        for steps in steps_by_case:
            check_behaviours(workers, steps, self._known, self._check, document)
        try:
            if kind == "teardown":
                call = TeardownScenario.of(given)
            else:
                dispatch = DispatchScenario.of(given if _probe_like(workers) else {"warmup": 0, **given})
        except UsageError as error:
            raise self._in_file(error, document / "settings") from None
        if kind == "teardown":
            check_teardown(steps_by_case[0], document)
            expected = read_table(expect, TeardownExpect, document / "expect")
            return TeardownScript(*common, call, expected, steps_by_case=steps_by_case)
        for steps in steps_by_case:
            check_dispatch(dispatch, workers, steps, document)
        wanted = read_table(expect, DispatchExpect, document / "expect")
        return DispatchScript(*common, dispatch, wanted, workers, cases, steps_by_case)

    def _given(self, kind: str, raw: Any, location: Location) -> dict[str, Any]:
        given = given_settings(read_table(raw, SETTINGS[kind], location, "setting"), kind)
        if "faults" in given:
            faults = [name for name in self._known if name != "honest"]
            try:
                given["faults"] = parse_faults(given["faults"], faults, self._check)
            except UsageError as error:
                raise (location / "fault").error(error.message.removeprefix("--fault "), error.hint) from None
        return given

    @staticmethod
    def _in_file(error: UsageError, location: Location) -> UsageError:
        """An error in the words of the command line, in those of the file."""
        keys = [match[1] for match in OPTION_NAME.finditer(error.message)]
        told = [location / key for key in keys if (location / key).is_told]
        message, hint = (OPTION_NAME.sub(r"\1", text) for text in (error.message, error.hint))
        return (told[0] if told else location).error(message, hint)


def _probe_like(workers: Mapping[str, WorkerSpec]) -> bool:
    """Whether the worker that is called for may be lkdiag's probe."""
    main = workers.get(MAIN)
    return main is None or (main.register == "at-start" and main.agent_name == "dispatched")


def _wait_s(step: AnyStep) -> float:
    if isinstance(step, words.Pause):
        return step.for_s
    return step.within_s if isinstance(step, words.WaitFor | words.CallWaitFor) else 0.0


# -- how its participants join -----------------------------------------------------------------------------------------

MEDIA_AT_A_TIME_MAX = 8
"""More trials at a time join by signalling, if nobody asked for media. A join with media costs 0.13 s of CPU: eight at
a time on two cores add 0.2 s to the median latency, a tenth of what makes a delivery late (measured); with more of them
lkdiag would report its own work."""
MEDIA_RATE_MAX = 8.0
"""Trials begun a second, likewise: that many joins with media are a whole core's work."""
HELD_MAX_S = 50.0
"""How long a participant without media can be counted on: livekit-server removes it after 60 s (v1.13.5
pkg/rtc/room.go, Join: whoever is not active by then has not joined)."""
LINGER_S = 5.0
"""Above its waits: what an agent may be watched for when its job has ended, and what the calls take."""


def join_of(script: DispatchScript, shards: int = 1) -> JoinBy:
    """How its participants join. Raises UsageError where signalling alone was asked for and can't do.

    Of so many `shards` each has its own concurrency, and a share of the rate.
    """
    settings = script.settings
    why = _needs_media(script)
    if settings.join is JoinBy.SIGNAL and why is not None:
        raise UsageError(f"--join signal does not go with {why}", "leave it out, or use --join media")
    if settings.join is not None:
        return settings.join
    at_a_time = max(settings.concurrency, settings.burst or 0)
    many = at_a_time > MEDIA_AT_A_TIME_MAX or (settings.rate or 0.0) / shards > MEDIA_RATE_MAX
    return JoinBy.SIGNAL if many and why is None and settings.webhooks is None else JoinBy.MEDIA


def _needs_media(script: DispatchScript) -> str | None:
    """What in it can't be done by signalling alone, in words."""
    settings = script.settings
    if settings.effective_caller is Caller.PUBLISH:
        return "a caller who publishes: that takes media"
    steps = [step for steps in script.steps_by_case for step in steps]
    if any(isinstance(step, words.Join) and step.publish for step in steps):
        return "a step in which somebody publishes: that takes media"
    if any(isinstance(step, words.AskClient) for step in steps):
        return "ask-client: only a client with media is told of others in time"
    held_s = settings.settle_s + script.waits_s + LINGER_S
    if settings.effective_caller is not Caller.NONE or any(isinstance(step, words.Join) for step in steps):
        held_s += settings.timeout_s + settings.settle_s + settings.fallback_timeout_s
    if held_s > HELD_MAX_S:
        return (
            f"trials in which a participant may have to stay for {held_s:.0f} s: the server removes one without media "
            "after a minute"
        )
    return None
