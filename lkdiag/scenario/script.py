"""A scenario as a script: who takes part, what happens in which order, what is expected, and whose report it is.

`load_script` reads one that comes with lkdiag, or the user's own file. Whatever is wrong with it is a UsageError that
names file, line and key, and the nearest name where one was mistyped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from lkdiag.errors import UsageError
from lkdiag.scenario import step as words
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.expect import DispatchExpect, Expect, TeardownExpect
from lkdiag.scenario.fault import BehaviourSpec, parse_faults
from lkdiag.scenario.file import builtin_names, find_file, parse_toml, read_builtin_text, read_text
from lkdiag.scenario.overrides import apply_overrides, split_overrides
from lkdiag.scenario.place import Place
from lkdiag.scenario.position import locate
from lkdiag.scenario.reading import read_cases, read_head, read_steps, read_workers
from lkdiag.scenario.script_file import Case
from lkdiag.scenario.sense import check_behaviours, check_dispatch, check_teardown
from lkdiag.scenario.settings_table import (
    SETTINGS,
    Settings,
    dispatch_settings,
    given_settings,
    teardown_settings,
)
from lkdiag.scenario.table import read_table
from lkdiag.scenario.workers import MAIN, WorkerSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lkdiag.scenario.script_file import ScriptHead
    from lkdiag.scenario.step import AnyStep, DispatchStep, TeardownStep
    from lkdiag.scenario.teardown import TeardownScenario

__all__ = [
    "MAIN",
    "Case",
    "DispatchScript",
    "Script",
    "TeardownScript",
    "WorkerSpec",
    "builtin_names",
    "load_script",
    "read_builtin_text",
    "split_overrides",
    "with_settings",
]


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
    given: Mapping[str, Any]
    """The settings that the file, or `--set`, names; by the names of the scenario's fields."""
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
_OPTION = re.compile(r"--([a-z][a-z-]*)")


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
    """The script with other settings, by the names of the scenario's fields; what follows from them follows anew.

    Raises UsageError for settings that make no sense together, in the words of the command line.
    """
    given = {**script.given, **changed}
    settings: Settings
    if isinstance(script.settings, DispatchScenario):
        settings = dispatch_settings(given, probe_like=_probe_like(script.workers))
    else:
        settings = teardown_settings(given)
    return replace(script, settings=settings, given=given)


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
        document = Place(self._shown, locate(self._text))
        kind, head = read_head(raw, document)
        applied = apply_overrides(raw, overrides, SETTINGS[kind], plays_workers=kind == "dispatch")
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
                call = teardown_settings(given)
            else:
                dispatch = dispatch_settings(given, probe_like=_probe_like(workers))
        except UsageError as error:
            raise self._in_file(error, document / "settings") from None
        if kind == "teardown":
            check_teardown(steps_by_case[0], document)
            expected = read_table(expect, TeardownExpect, document / "expect")
            return TeardownScript(*common, call, given, expected, steps_by_case=steps_by_case)
        for steps in steps_by_case:
            check_dispatch(dispatch, workers, steps, document)
        wanted = read_table(expect, DispatchExpect, document / "expect")
        return DispatchScript(*common, dispatch, given, wanted, workers, cases, steps_by_case)

    def _given(self, kind: str, raw: Any, place: Place) -> dict[str, Any]:
        given = given_settings(read_table(raw, SETTINGS[kind], place, "setting"))
        if "faults" in given:
            faults = [name for name in self._known if name != "honest"]
            try:
                given["faults"] = parse_faults(given["faults"], faults, self._check)
            except UsageError as error:
                raise (place / "fault").error(error.message.removeprefix("--fault "), error.hint) from None
        return given

    @staticmethod
    def _in_file(error: UsageError, place: Place) -> UsageError:
        """An error in the words of the command line, in those of the file."""
        keys = [match[1] for match in _OPTION.finditer(error.message)]
        told = [place / key for key in keys if (place / key).is_told]
        message, hint = (_OPTION.sub(r"\1", text) for text in (error.message, error.hint))
        return (told[0] if told else place).error(message, hint)


def _probe_like(workers: Mapping[str, WorkerSpec]) -> bool:
    """Whether the worker that is called for may be lkdiag's probe."""
    main = workers.get(MAIN)
    return main is None or (main.register == "at-start" and main.agent_name == "dispatched")


def _wait_s(step: AnyStep) -> float:
    if isinstance(step, words.Pause):
        return step.for_s
    return step.within_s if isinstance(step, words.WaitFor | words.CallWaitFor) else 0.0
