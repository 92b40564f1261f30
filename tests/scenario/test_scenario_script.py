"""A scenario that was read: settings, workers, what varies, steps, and what is set on the command line."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.errors import UsageError
from lkdiag.scenario import steps as step
from lkdiag.scenario.call import LOST_LISTED_S, AgentExit, Cleanup, HangupStyle, Side, TeardownScenario
from lkdiag.scenario.dispatch import Caller, DispatchScenario, JobType, Method
from lkdiag.scenario.fault import BehaviourSpec, Fault
from lkdiag.scenario.reading import split_overrides
from lkdiag.scenario.script import DispatchScript, TeardownScript, load_script, with_settings
from lkdiag.scenario.steps import WorkerSpec

if TYPE_CHECKING:
    from pathlib import Path

STORY = """\
title = "Two workers"
kind = "dispatch"
report = "https://example.org/1"
failure = "F11"
story = "They fight."

[settings]
count = 3
method = "token"
timeout = "1.5m"
delayed-after = 3
settle = "250ms"
fallback = false
fault = "ghost=0.25,slow:4s=0.5"
seed = 7
caller = "later"
job-type = "participant"
reuse-room-name = true

[workers.main]
behaviour = "slow:4s:answer"
agent-name = "other"

[workers.late]
register = "by-step"

[vary]
wait = ["0s", 2]
many = [1, 2]

[[steps]]
do = "create-room"
[[steps]]
do = "register-worker"
worker = "late"
[[steps]]
do = "change-worker"
worker = "late"
behaviour = "ghost"
[[steps]]
do = "pause"
for = "$wait"
[[steps]]
do = "dispatch"
by = "create-dispatch"
[[steps]]
do = "join"
publish = true
[[steps]]
do = "wait-for"
what = "agents"
count = "$many"
within = "3s"
[[steps]]
do = "watch"
[[steps]]
do = "stop-worker"
worker = "late"

[expect]
outcome = ["delivered", "delayed"]
mismatch = "none"
findings = "second-agent"
"""
CALL = """\
title = "A call"
kind = "teardown"
[settings]
cleanup = ["off", "late-context", "off"]
hangup = "human"
[[steps]]
do = "create-room"
[[steps]]
do = "watch"
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "two-workers.toml"
    path.write_text(STORY)
    return path


@pytest.fixture
def call(tmp_path: Path) -> Path:
    path = tmp_path / "call.toml"
    path.write_text(CALL)
    return path


def dispatch(path: Path | str, *overrides: str) -> DispatchScript:
    script = load_script(str(path), tuple(BEHAVIOURS), make_behaviour, split_overrides(overrides))
    assert isinstance(script, DispatchScript)
    return script


def teardown(path: Path | str, *overrides: str) -> TeardownScript:
    script = load_script(str(path), tuple(BEHAVIOURS), make_behaviour, split_overrides(overrides))
    assert isinstance(script, TeardownScript)
    return script


def test_what_it_is_about(story: Path) -> None:
    script = dispatch(story)
    assert (script.name, script.kind, script.title, script.failure) == ("two-workers", "dispatch", "Two workers", "F11")
    assert (script.report, script.story, script.limits) == ("https://example.org/1", "They fight.", "")


def test_settings(story: Path) -> None:
    ghost, slow = BehaviourSpec("ghost"), BehaviourSpec("slow", ("4s",))
    assert dispatch(story).settings == DispatchScenario(
        count=3,
        method=Method.TOKEN,
        timeout_s=90.0,
        delayed_after_s=3.0,
        settle_s=0.25,
        fallback=False,
        faults=(Fault(ghost, 0.25), Fault(slow, 0.5)),
        seed=7,
        caller=Caller.LATER,
        job_type=JobType.PARTICIPANT,
        reuse_room_name=True,
    )
    assert dispatch(story).settings.effective_caller is Caller.LATER


def test_workers(story: Path) -> None:
    workers = dispatch(story).workers
    assert workers == {
        "main": WorkerSpec(behaviour="slow:4s:answer", agent_name="other"),
        "late": WorkerSpec(register="by-step"),
    }
    assert workers["main"].spec == BehaviourSpec("slow", ("4s", "answer"))
    assert workers["late"].spec == BehaviourSpec("honest")


def test_steps_of_each_case(story: Path) -> None:
    script = dispatch(story)
    assert script.cases == (
        {"wait": "0s", "many": 1},
        {"wait": "0s", "many": 2},
        {"wait": 2, "many": 1},
        {"wait": 2, "many": 2},
    )
    assert script.steps_of({"wait": 2, "many": 1}) == (
        step.CreateRoom(),
        step.RegisterWorker(worker="late"),
        step.ChangeWorker(worker="late", behaviour="ghost"),
        step.Pause(for_s=2.0),
        step.Dispatch(by=Method.CREATE_DISPATCH),
        step.Join(who="caller", publish=True),
        step.WaitFor(what=step.Awaited.AGENTS, count=1, within_s=3.0),
        step.Watch(),
        step.StopWorker(worker="late"),
    )
    assert script.steps == script.steps_of(script.cases[0])
    assert script.waits_s == 5.0
    assert [one.do for one in script.steps][:3] == ["create-room", "register-worker", "change-worker"]


def test_cases_one_by_one(story: Path) -> None:
    text = STORY.replace(
        '[vary]\nwait = ["0s", 2]\nmany = [1, 2]', '[[vary]]\nwait = "1s"\nmany = 2\n[[vary]]\nmany = 3\nwait = 0'
    )
    story.write_text(text)
    script = dispatch(story)
    assert script.cases == ({"wait": "1s", "many": 2}, {"many": 3, "wait": 0})
    assert step.Pause(for_s=0.0) in script.steps_of(script.cases[1])
    story.write_text(text.replace("many = 3\n", ""))
    with pytest.raises(UsageError, match=r"vary\[1\]: it names wait, and the first wait, many"):
        dispatch(story)


def test_what_is_expected(story: Path) -> None:
    expect = dispatch(story).expect
    assert expect.of == "all"
    assert expect.allowed("outcome") == ("delivered", "delayed")
    assert expect.allowed("mismatch") == ("none",)
    assert expect.allowed("cause") == ()
    assert expect.required_findings == ("second-agent",)


def test_a_call(call: Path) -> None:
    script = teardown(call)
    assert script.settings == TeardownScenario(cleanups=(Cleanup.OFF, Cleanup.LATE_CONTEXT), hangups=(Side.HUMAN,))
    assert script.steps == (step.CreateRoom(), step.Watch())
    assert script.cases == ({},)
    assert script.expect.allowed("outcome") == ()


def test_defaults_that_rest_on_others(call: Path) -> None:
    assert teardown(call, "hangup-style=lost").settings.window_s == 8 + LOST_LISTED_S
    assert teardown(call, "hangup-style=lost", "window=40s").settings.window_s == 40
    call.write_text(CALL.replace('cleanup = ["off", "late-context", "off"]\n', ""))
    settings = teardown(call, "agent-name=mine").settings
    assert (settings.cleanups, settings.concurrency) == ((Cleanup.SUBJECT,), 1)
    assert dispatch("dispatch-trial").settings.warmup == 1
    assert dispatch("dispatch-trial", "agent-name=mine").settings.warmup == 0
    assert dispatch("no-worker").settings.warmup == 0


def test_only_the_users_own_agent_is_put_out(call: Path) -> None:
    with pytest.raises(UsageError, match="remove-agent is for your own agent"):
        teardown(call, "remove-agent=true")
    call.write_text(CALL.replace('cleanup = ["off", "late-context", "off"]\n', ""))
    assert not teardown(call, "agent-name=mine").settings.remove_agent
    assert teardown(call, "agent-name=mine", "remove-agent=true").settings.remove_agent


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ("count=5", "count", 5),
        ("settings.count=5", "count", 5),
        ("timeout=9s", "timeout_s", 9.0),
        ("timeout=9", "timeout_s", 9.0),
        ("delayed-after=500ms", "delayed_after_s", 0.5),
        ("delayed_after=500ms", "delayed_after_s", 0.5),
        ("fallback=true", "fallback", True),
        ("fallback=false", "fallback", False),
        ("method=create-room", "method", Method.CREATE_ROOM),
        ("rate=0.5", "rate", 0.5),
        ("metadata=a=b", "metadata", "a=b"),
        ("metadata=5", "metadata", "5"),
        ("metadata=", "metadata", ""),
        ("fault=silent=0.5", "faults", (Fault(BehaviourSpec("silent"), 0.5),)),
        ("webhooks=slow:2s", "webhooks", "slow:2s"),
    ],
)
def test_set(given: str, field: str, value: object, story: Path) -> None:
    story.write_text(STORY.replace("reuse-room-name = true\n", ""))
    script = dispatch(story, given)
    assert getattr(script.settings, field) == value
    assert type(getattr(script.settings, field)) is type(value)
    assert script.settings.given[field] == value


def test_set_what_varies_and_who_works(story: Path) -> None:
    script = dispatch(story, "vary.wait=1s, 2s,3", "vary.many=4", "workers.late.behaviour=silent")
    assert script.cases == ({"wait": "1s", "many": 4}, {"wait": "2s", "many": 4}, {"wait": 3, "many": 4})
    assert script.workers["late"].behaviour == "silent"
    assert dispatch("token-on-existing-room", "workers.main.behaviour=silent").workers["main"].behaviour == "silent"


def test_set_a_list(call: Path) -> None:
    assert teardown(call, "cleanup=off").settings.cleanups == (Cleanup.OFF,)
    assert teardown(call, "hangup=caller,human").settings.hangups == (Side.CALLER, Side.HUMAN)
    assert teardown(call, "agent-exit=crashed", "agent_exit=left-room").settings.agent_exits == (AgentExit.LEFT_ROOM,)


def test_the_last_one_counts(story: Path) -> None:
    assert dispatch(story, "count=5", "count=6").settings.count == 6


def test_other_settings() -> None:
    script = dispatch("dispatch-trial")
    changed = with_settings(script, count=3, timeout_s=5.0, agent_name="mine")
    assert (changed.settings.count, changed.settings.timeout_s, changed.settings.warmup) == (3, 5.0, 0)
    assert changed.steps == script.steps
    assert script.settings.count == 10
    with pytest.raises(UsageError, match="--count is 0"):
        with_settings(script, count=0)
    lost = with_settings(teardown("transfer-teardown"), hangup_style=HangupStyle.LOST)
    assert lost.settings.closed_within_s == 5 + LOST_LISTED_S


def test_reading_needs_nothing_of_livekit() -> None:
    code = (
        "import sys; from lkdiag.scenario.script import load_script; "
        "load_script('silent-drop', ('silent',), lambda spec: None); "
        "assert not [name for name in sys.modules if name.partition('.')[0] in ('livekit', 'asyncio', 'typer', 'rich')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
