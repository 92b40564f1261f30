"""Whether a scenario's parts fit each other: workers that exist, people who joined, one dispatch under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.scenario import steps as words
from lkdiag.scenario.dispatch import Caller, DispatchScenario, JoinBy, Method
from lkdiag.scenario.fault import parse_behaviour
from lkdiag.scenario.steps import MAIN
from lkdiag.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lkdiag.scenario.fault import BehaviourSpec
    from lkdiag.scenario.location import Location
    from lkdiag.scenario.steps import AnyStep, WorkerSpec


def check_behaviours(
    workers: Mapping[str, WorkerSpec],
    steps: Sequence[AnyStep],
    known: Sequence[str],
    check: Callable[[BehaviourSpec], object],
    document: Location,
) -> None:
    """Raises UsageError for a behaviour that there isn't, or that can't take what stands after its colons."""
    told = [(spec.behaviour, document / "workers" / name / "behaviour") for name, spec in workers.items()]
    told += [
        (step.behaviour, document / "steps" / number / "behaviour")
        for number, step in enumerate(steps)
        if isinstance(step, words.ChangeWorker)
    ]
    for text, location in told:
        spec = parse_behaviour(text)
        if spec.name not in known:
            raise location.unknown("behaviour", spec.name, known)
        try:
            check(spec)
        except UsageError as error:
            raise location.error(error.message, error.hint) from None


def check_dispatch(
    settings: DispatchScenario, workers: Mapping[str, WorkerSpec], steps: Sequence[AnyStep], document: Location
) -> None:
    """Raises UsageError for steps that can't be played in that order."""
    location = document / "steps"
    _check_order(steps, location)
    _check_workers(workers, steps, document, settings.agent_name)
    _check_people(settings, steps, location)


def check_teardown(steps: Sequence[AnyStep], document: Location) -> None:
    """Raises UsageError for steps that can't be played in that order."""
    location = document / "steps"
    if not isinstance(steps[0], words.CreateRoom):
        raise (location / 0 / "do").error(f"{steps[0].do} comes before create-room", "a call begins with its room")
    _only_one(steps, location, words.CreateRoom, words.Merge, words.AgentLeaves, words.HangUp, words.Watch)
    if not isinstance(steps[-1], words.Watch):
        raise (location / (len(steps) - 1) / "do").error(
            f"{steps[-1].do} is the last step, and nobody watches what comes of it", "end with watch"
        )
    joined: set[str] = set()
    for number, step in enumerate(steps):
        if isinstance(step, words.CallJoin):
            if step.who in joined:
                raise (location / number / "who").error(f"the {step.who} has joined already", "each of them joins once")
            joined.add(step.who)
        if isinstance(step, words.Merge) and joined != {"caller", "human"}:
            raise (location / number / "do").error(
                "caller and human have to join before their calls are merged",
                f'add a join step before it: who = "{next(iter({"caller", "human"} - joined))}"',
            )


def _only_one(steps: Sequence[AnyStep], location: Location, *kinds: type) -> None:
    for kind in kinds:
        numbers = [number for number, step in enumerate(steps) if isinstance(step, kind)]
        if len(numbers) > 1:
            raise (location / numbers[1] / "do").error(
                f"there is a second {steps[numbers[1]].do}", "it happens once in a trial"
            )


def _check_order(steps: Sequence[AnyStep], location: Location) -> None:
    _only_one(steps, location, words.Dispatch, words.Watch, words.Fallback)
    under_test = next((n for n, step in enumerate(steps) if isinstance(step, words.Dispatch)), None)
    if under_test is None:
        raise location.error("there is no dispatch step", 'what is judged is the dispatch: do = "dispatch"')
    if not any(isinstance(step, words.Watch) for step in steps):
        raise location.error("there is no watch step", 'nobody sees what comes of the dispatch: do = "watch"')
    room = False
    for number, step in enumerate(steps):
        here = location / number / "do"
        if isinstance(step, words.Watch | words.Fallback | words.Retry) and number < under_test:
            raise here.error(f"{step.do} comes before dispatch", "there is nothing to see yet")
        needs_room = isinstance(step, words.Join | words.DeleteRoom | words.AskClient | words.WaitFor)
        if needs_room and not room:
            raise here.error(f"{step.do} comes when there is no room", "put create-room or dispatch before it")
        if isinstance(step, words.CreateRoom | words.Dispatch):
            room = True
        if isinstance(step, words.DeleteRoom):
            room = False


def _check_workers(
    workers: Mapping[str, WorkerSpec], steps: Sequence[AnyStep], document: Location, subject: str | None
) -> None:
    there = {name for name, spec in workers.items() if spec.register == "at-start"}
    waiting = {name for name, spec in workers.items() if spec.register == "by-step"}
    for number, step in enumerate(steps):
        if not isinstance(step, words.RegisterWorker | words.StopWorker | words.ChangeWorker):
            continue
        location, name = document / "steps" / number / "worker", step.worker
        if name not in workers:
            raise location.unknown("worker", name, workers, _worker_hint(workers, name))
        if name == MAIN and subject is not None:
            raise location.error(f"the worker {name} is yours, as agent-name says", "lkdiag can't change it")
        if workers[name].register == "never":
            raise location.error(f"the worker {name} is never registered", 'write register = "by-step" in its table')
        if isinstance(step, words.RegisterWorker):
            if name in there:
                why = "at the start" if workers[name].register == "at-start" else "already"
                raise location.error(
                    f"the worker {name} is registered {why}", f'write register = "by-step" in [workers.{name}]'
                )
            there.add(name)
            waiting.discard(name)
        elif name not in there:
            raise location.error(f"the worker {name} is not registered by then", "put register-worker before it")
        elif isinstance(step, words.StopWorker):
            there.discard(name)
    for name in sorted(waiting):
        raise (document / "workers" / name / "register").error(
            "no step registers it", 'add a register-worker step, or write register = "never"'
        )


def _worker_hint(workers: Iterable[str], name: str) -> str:
    return f"known: {', '.join(workers)}" if workers else f"add a table [workers.{name}]"


def _check_people(settings: DispatchScenario, steps: Sequence[AnyStep], location: Location) -> None:
    comes_along = settings.effective_caller in (Caller.JOIN, Caller.PUBLISH)
    there: set[str] = set()
    for number, step in enumerate(steps):
        if settings.join is JoinBy.SIGNAL and (
            isinstance(step, words.AskClient) or (isinstance(step, words.Join) and step.publish)
        ):
            raise (location / number).error(f"{step.do} needs media here", 'write join = "media" in the settings')
        if isinstance(step, words.Dispatch) and (comes_along or (step.by or settings.method) is Method.TOKEN):
            there.add(words.CALLER)
        elif isinstance(step, words.Join):
            if step.who in there:
                raise (location / number / "who").error(
                    f"the {step.who} has joined already", "give the second one another name"
                )
            there.add(step.who)
        elif isinstance(step, words.Leave | words.AskClient):
            if step.who not in there:
                raise (location / number / "who").error(
                    f"no {step.who} is in the room by then{did_you_mean(step.who, there)}",
                    "a join step, or caller in the settings, brings one",
                )
            if isinstance(step, words.Leave):
                there.discard(step.who)
