"""Scenario files that can't be meant: each is refused with file, line and key, and the nearest name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.errors import ExitCode, UsageError
from lkdiag.scenario.file import builtin_names
from lkdiag.scenario.reading import split_overrides
from lkdiag.scenario.script import load_script

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.scenario.script import DispatchScript, TeardownScript

GOOD = """\
title = "mine"
kind = "dispatch"

[settings]
count = 3

[workers.main]
behaviour = "ghost"

[vary]
gap = ["0s", "2s"]

[[steps]]
do = "create-room"

[[steps]]
do = "pause"
for = "$gap"

[[steps]]
do = "dispatch"

[[steps]]
do = "watch"

[expect]
outcome = "dropped"
"""
CALL = """\
title = "mine"
kind = "teardown"

[[steps]]
do = "create-room"
[[steps]]
do = "join"
who = "caller"
[[steps]]
do = "join"
who = "human"
[[steps]]
do = "merge"
[[steps]]
do = "watch"
"""


def load(name: str, *overrides: str) -> DispatchScript | TeardownScript:
    return load_script(name, tuple(BEHAVIOURS), make_behaviour, split_overrides(overrides))


def refused(path: Path, *overrides: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(str(path), *overrides)
    error = caught.value
    assert error.exit_code is ExitCode.USAGE
    assert "\n" not in error.message
    assert "\n" not in error.hint
    assert error.hint
    return error


BAD: dict[str, tuple[str, str, str]] = {
    # what is replaced by what, and what is said
    "unknown step": (
        'do = "dispatch"',
        'do = "dipatch"',
        ':21: steps[2].do: there is no step "dipatch": did you mean dispatch?',
    ),
    "far from any step": ('do = "dispatch"', 'do = "xyzzy"', ':21: steps[2].do: there is no step "xyzzy"'),
    "step of a call": (
        'do = "watch"',
        'do = "merge"',
        ':24: steps[3].do: "merge" is a step of kind teardown, not of dispatch',
    ),
    "nothing to do": ('do = "watch"', "", ":23: steps[3].do: it is missing"),
    "do what": ('do = "watch"', "do = 3", ":24: steps[3].do: it is 3, and has to be one of"),
    "unknown argument": (
        'do = "watch"',
        'do = "watch"\nform = 2',
        'steps[3].form: there is no argument of watch "form"',
    ),
    "mistyped argument": (
        'for = "$gap"',
        'fro = "$gap"',
        ':18: steps[1].fro: there is no argument of pause "fro": did you mean for?',
    ),
    "missing argument": ('for = "$gap"', "", ":16: steps[1].for: it is missing"),
    "argument of another type": (
        'for = "$gap"',
        "for = [1]",
        ":18: steps[1].for: it is a list, and has to be a duration",
    ),
    "no duration": ('for = "$gap"', 'for = "soon"', ":18: steps[1].for: 'soon' is not a duration"),
    "name that is not varied": (
        'for = "$gap"',
        'for = "$gpa"',
        ':18: steps[1].for: there is no name "$gpa": did you mean $gap?',
    ),
    "varied in vain": ('for = "$gap"', 'for = "1s"', ':11: vary.gap: no step uses "$gap"'),
    "varied to nothing": ('["0s", "2s"]', "[]", ":11: vary.gap: the list is empty"),
    "varied to one": ('["0s", "2s"]', '"0s"', ':11: vary.gap: it is "0s"'),
    "varied to what does not fit": ('"2s"]', '"long"]', ":18: steps[1].for: 'long' is not a duration"),
    "varied to a table": ('"2s"]', "{}]", ":11: vary.gap[1]: it is a table"),
    "unknown key": (
        'title = "mine"',
        'title = "mine"\nfailre = "F1"',
        ':2: failre: there is no key "failre": did you mean failure?',
    ),
    "no title": ('title = "mine"', "", ":1: title: it is missing"),
    "no kind": ('kind = "dispatch"', "", ":1: kind: it is missing"),
    "mistyped kind": ('kind = "dispatch"', 'knd = "dispatch"', ':2: knd: there is no key "knd": did you mean kind?'),
    "unknown kind": (
        'kind = "dispatch"',
        'kind = "dispach"',
        ':2: kind: there is no kind "dispach": did you mean dispatch?',
    ),
    "kind of what": (
        'kind = "dispatch"',
        "kind = true",
        ":2: kind: it is true, and has to be one of dispatch, teardown",
    ),
    "long title": ('"mine"', '"""mine\nand yours"""', ':1: title: it is "mine…", and has to be a text in one line'),
    "no URL": ('title = "mine"', 'title = "mine"\nreport = "F8"', ':2: report: it is "F8", and has to be a URL'),
    "unknown setting": ("count = 3", "cont = 3", ':5: settings.cont: there is no setting "cont": did you mean count?'),
    "setting in snake case": ("count = 3", "delayed_after = 3", "did you mean delayed-after?"),
    "field of the program": ("count = 3", "timeout_s = 3", "did you mean timeout?"),
    "count of words": ("count = 3", 'count = "3"', ':5: settings.count: it is "3", and has to be a whole number'),
    "count of truth": ("count = 3", "count = true", ":5: settings.count: it is true, and has to be a whole number"),
    "count of none": ("count = 3", "count = 0", ":5: settings.count: count is 0"),
    "method of none": ("count = 3", 'method = "tken"', ':5: settings.method: there is no "tken": did you mean token?'),
    "timeout of none": ("count = 3", 'timeout = "soon"', ":5: settings.timeout: 'soon' is not a duration"),
    "endless": ("count = 3", 'gap = "99h"', ":5: settings.gap: 99h is no duration between 0 and a day"),
    "truth in quotes": ("count = 3", 'fallback = "no"', 'settings.fallback: it is "no", and has to be true or false'),
    "late after lost": (
        "count = 3",
        'delayed-after = "30s"',
        ":5: settings.delayed-after: delayed-after (30 s) is above",
    ),
    "default against setting": (
        "count = 3",
        'timeout = "1s"',
        ":5: settings.timeout: delayed-after (2 s) is above timeout",
    ),
    "rate and gap": ("count = 3", 'rate = 1\ngap = "1s"', ":5: settings.rate: rate and gap exclude each other"),
    "unknown fault": ("count = 3", 'fault = "gost"', ":5: settings.fault: there is no fault named 'gost'"),
    "fault with too much": ("count = 3", 'fault = "ghost:4s"', ":5: settings.fault: ghost:4s:"),
    "webhooks how": ("count = 3", 'webhooks = "slow"', ":5: settings.webhooks: webhooks is 'slow'"),
    "settings of one": ("[settings]\ncount = 3", "settings = 3", ":4: settings: it is 3, not a table"),
    "unknown behaviour": (
        '"ghost"',
        '"gost"',
        ':8: workers.main.behaviour: there is no behaviour "gost": did you mean ghost?',
    ),
    "behaviour with too much": ('"ghost"', '"ghost:4s"', ":8: workers.main.behaviour:"),
    "behaviour of what": ('"ghost"', "3", ":8: workers.main.behaviour: it is 3, and has to be a text in quotes"),
    "worker's key": ('behaviour = "ghost"', 'behavior = "ghost"', "did you mean behaviour?"),
    "worker's name": (
        'behaviour = "ghost"',
        'agent-name = "my-agent"',
        ':8: workers.main.agent-name: there is no "my-agent"',
    ),
    "registered when": ('behaviour = "ghost"', 'register = "by-stp"', "did you mean by-step?"),
    "registered by nobody": (
        'behaviour = "ghost"',
        'register = "by-step"',
        ":8: workers.main.register: no step registers it",
    ),
    "worker's table": ("[workers.main]", "[workers.Main]", ":7: workers.Main: this is no name"),
    "workers without a name": ("[workers.main]", "[workers]", ':8: workers.behaviour: it is "ghost", not a table'),
    "registered twice": (
        'do = "watch"',
        'do = "watch"\n[[steps]]\ndo = "register-worker"',
        ":25: steps[4].worker: the worker main is registered at the start",
    ),
    "unknown worker": (
        'do = "watch"',
        'do = "watch"\n[[steps]]\ndo = "stop-worker"\nworker = "mian"',
        ':27: steps[4].worker: there is no worker "mian": did you mean main?',
    ),
    "changed to what": (
        'do = "watch"',
        'do = "change-worker"\nbehaviour = "gost"',
        ':25: steps[3].behaviour: there is no behaviour "gost": did you mean ghost?',
    ),
    "wait for what": (
        'do = "watch"',
        'do = "wait-for"\nwhat = "agnt"',
        ':25: steps[3].what: there is no "agnt": did you mean agent?',
    ),
    "wait for none": (
        'do = "watch"',
        'do = "wait-for"\nwhat = "agents"\ncount = 0',
        ":26: steps[3].count: it is 0, and has to be a whole number of at least 1",
    ),
    "nobody to ask": (
        'do = "watch"',
        'do = "watch"\n[[steps]]\ndo = "ask-client"',
        ":25: steps[4].who: no caller is in the room by then",
    ),
    "two of a name": (
        'do = "watch"',
        'do = "watch"\n[[steps]]\ndo = "join"\n[[steps]]\ndo = "join"',
        ":27: steps[5].who: the caller has joined already",
    ),
    "no dispatch": ('do = "dispatch"', 'do = "join"', ":13: steps: there is no dispatch step"),
    "two dispatches": ('do = "watch"', 'do = "dispatch"', ":24: steps[3].do: there is a second dispatch"),
    "nobody watches": ('do = "watch"', 'do = "retry"', ":13: steps: there is no watch step"),
    "watched too early": ('do = "create-room"', 'do = "watch"\n[[steps]]\ndo = "create-room"', "second watch"),
    "fallback too early": ('do = "create-room"', 'do = "fallback"', ":14: steps[0].do: fallback comes before dispatch"),
    "nothing to join": ('do = "create-room"', 'do = "join"', ":14: steps[0].do: join comes when there is no room"),
    "no outcome": ('"dropped"', "[]", ":27: expect.outcome: the list is empty"),
    "nobody to join": ('do = "watch"', 'do = "join"\nwho = ""', ':25: steps[3].who: it is "", and has to be a text'),
    "webhooks that are slow somehow": (
        "count = 3",
        'webhooks = "slow:x"',
        ":5: settings.webhooks: webhooks is 'slow:x': 'x' is not a duration",
    ),
    "webhooks nowhere": ("count = 3", 'webhook-listen = "x"', ":5: settings.webhook-listen: webhook-listen 'x' is not"),
    "unknown outcome": ('"dropped"', '"droped"', ':27: expect.outcome: there is no "droped": did you mean dropped?'),
    "outcome of a call": ('"dropped"', '"leftover"', ':27: expect.outcome: there is no "leftover"'),
    "one of two outcomes": (
        '"dropped"',
        '["delayed", "droped"]',
        ':27: expect.outcome: there is no "droped": did you mean dropped?',
    ),
    "outcome of a number": ('"dropped"', "1", ":27: expect.outcome: it is 1, and has to be one of"),
    "unknown check": ('outcome = "dropped"', 'findings = ["droped"]', "did you mean dropped?"),
    "unknown cause": ('outcome = "dropped"', 'cause = "worker-silnt"', "did you mean worker-silent?"),
    "expected of": ('outcome = "dropped"', 'of = "any"', ':27: expect.of: there is no "any"'),
    "expected what": ('outcome = "dropped"', 'outcom = "dropped"', "did you mean outcome?"),
    "not TOML": ("count = 3", "count = ", ":5: this is not TOML: Invalid value"),
    "twice": ("count = 3", "count = 3\ncount = 4", ":6: this is not TOML: Cannot overwrite a value"),
    "no quotes": ('title = "mine"', "title = mine", ":1: this is not TOML: Invalid value"),
    "cut off": ('outcome = "dropped"\n', 'outcome = "drop', ":27: this is not TOML:"),
    "no number": ("count = 3", "timeout = nan", ":5: settings.timeout: nan is no duration"),
    "before it began": ("count = 3", "timeout = -4", ":5: settings.timeout: -4 is no duration"),
    "without an end": ("count = 3", "timeout = inf", ":5: settings.timeout: inf is no duration"),
    "too many trials": ("count = 3", "count = 100000000000", "count is above 1,000,000"),
    "endless number": ("count = 3", f"count = {'9' * 5000}", "far too many digits"),
    "nested too deeply": ("count = 3", f"count = {'[' * 2000}{']' * 2000}", "nested too deeply"),
    "list of steps": (
        'title = "mine"',
        'title = "mine"\nstory = ["once"]',
        ":2: story: it is a list, and has to be a text",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), BAD.values(), ids=BAD)
def test_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in GOOD
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1) if '"dropped"' not in old else new.join(GOOD.rsplit(old, 1)))
    error = refused(path)
    assert error.message.startswith(f"{path}:"), error.message
    assert said in error.message


def test_the_good_one_is_good(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert load(str(path)).name == "mine"
    path.write_text(CALL)
    assert load(str(path)).kind == "teardown"


BAD_CALLS: dict[str, tuple[str, str, str]] = {
    "no room": ('do = "create-room"\n[[steps]]\n', "", ":5: steps[0].do: join comes before create-room"),
    "nobody watches": ('do = "watch"', 'do = "hang-up"', ":15: steps[4].do: hang-up is the last step"),
    "who": ('"human"', '"humn"', ':11: steps[2].who: there is no "humn": did you mean human?'),
    "nobody cleans up": (
        'kind = "teardown"',
        'kind = "teardown"\nsettings.cleanup = []',
        ":3: settings.cleanup: the list",
    ),
    "one joins twice": ('"human"', '"caller"', ":11: steps[2].who: the caller has joined already"),
    "merged too early": (
        'do = "join"\nwho = "human"',
        'do = "agent-leaves"',
        ":12: steps[3].do: caller and human have to join",
    ),
    "a dispatch's step": ('do = "merge"', 'do = "fallback"', "is a step of kind dispatch, not of teardown"),
    "a dispatch's setting": (
        "\n[[steps]]",
        "\n[settings]\nmethod = 1\n[[steps]]",
        ':5: settings.method: there is no setting "method"',
    ),
    "cleanup of nobody": (
        "\n[[steps]]",
        '\n[settings]\ncleanup = ["off", "of"]\n[[steps]]',
        'there is no "of": did you mean off?',
    ),
    "cleanups": ("\n[[steps]]", '\n[settings]\ncleanups = "off"\n[[steps]]', "did you mean cleanup?"),
    "window": (
        "\n[[steps]]",
        '\n[settings]\nwindow = "3s"\n[[steps]]',
        ":5: settings.window: closed-within (5 s) is above window",
    ),
    "workers": ("\n[[steps]]", "\n[workers.main]\n[[steps]]", ':4: workers: there is no key "workers"'),
}


@pytest.mark.parametrize(("old", "new", "said"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_refused_call(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(CALL.replace(old, new, 1))
    assert said in refused(path).message


CONTENT: dict[str, tuple[bytes, str]] = {
    "empty": (b"", ":1: there is nothing in this scenario"),
    "blank": (b"\n \n# only a comment\n", ":1: there is nothing in this scenario"),
    "binary": (b"\x7fELF\x02\x01\x01\x00\xff\xfe", ":1: this is not text in UTF-8"),
    "latin": ('title = "ok"\nstory = "né"\n'.encode("latin-1"), ":2: this is not text in UTF-8"),
    "NUL": (b'title = "a"\nstory = "\x00"\n', ":2: this is not text"),
    "UTF-16": ('title = "a"'.encode("utf-16"), "this is not text"),
    "no steps at all": (b'title = "a"\nkind = "dispatch"\n', ":1: steps: it is missing"),
    "steps that are none": (b'title = "a"\nkind = "dispatch"\nsteps = []\n', ":3: steps: there are no steps"),
    "steps that are words": (
        b'title = "a"\nkind = "dispatch"\nsteps = ["watch"]\n',
        ':3: steps[0]: it is "watch", not a table',
    ),
    "steps that are one": (
        b'title = "a"\nkind = "dispatch"\n[steps]\ndo = "watch"\n',
        ":3: steps: it is a table, not a list",
    ),
    "too long": (b"#" * 1_000_001, "above 1 MB"),
    "JSON": (b'{"title": "a"}', ":1: this is not TOML"),
}


@pytest.mark.parametrize(("content", "said"), CONTENT.values(), ids=CONTENT)
def test_content(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    error = refused(path)
    assert error.message.startswith(str(path))
    assert said in error.message
    assert error.hint


def test_a_byte_order_mark_and_foreign_line_ends_are_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(str(path)).title == "mine"
    path.write_bytes(GOOD.replace("\n", "\r\n").replace('"ghost"', '"gost"').encode())
    assert ":8: workers.main.behaviour:" in refused(path).message


NOT_THERE: dict[str, tuple[str, str]] = {
    "mistyped": ("dispach-trial", 'there is no scenario "dispach-trial": did you mean dispatch-trial?'),
    "mistyped file": (
        "scenarios/silent-dropp.toml",
        "there is no file scenarios/silent-dropp.toml: did you mean silent-drop?",
    ),
    "far from any": ("xyzzy", 'there is no scenario "xyzzy"'),
    "nothing": ("", 'there is no scenario ""'),
    "too long": ("a" * 5000, "there is no scenario"),
    "NUL": ("a\0b", "there is no scenario"),
    "a folder above": ("../silent-drop", "there is no file ../silent-drop"),
}


@pytest.mark.parametrize(("name", "said"), NOT_THERE.values(), ids=NOT_THERE)
def test_not_there(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load(name)
    assert caught.value.message.startswith(said)
    assert "lkdiag scenarios" in caught.value.hint


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        load(str(tmp_path))


def test_a_file_of_the_users_own_does_not_hide_a_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "silent-drop").mkdir()
    assert load("silent-drop").name == "silent-drop"
    assert "silent-drop" in builtin_names()


SET: dict[str, tuple[str, str]] = {
    "unknown": ("cont=5", '--set cont: there is no setting "cont": did you mean count?'),
    "no value": ("count", "--set count: this is not a key and a value"),
    "no key": ("=5", "--set =5: this is not a key and a value"),
    "no number": ("count=many", '--set count=many: it is "many", and has to be a whole number'),
    "no duration": ("timeout=soon", "--set timeout=soon: 'soon' is not a duration"),
    "no truth": ("fallback=perhaps", '--set fallback=perhaps: it is "perhaps", and has to be true or false'),
    "no method": ("method=tken", '--set method=tken: there is no "tken": did you mean token?'),
    "makes no sense": ("timeout=1s", "--set timeout=1s: delayed-after (2 s) is above timeout (1 s)"),
    "no fault": ("fault=gost", "--set fault=gost: there is no fault named 'gost'"),
    "no behaviour": (
        "workers.main.behaviour=gost",
        '--set workers.main.behaviour=gost: there is no behaviour "gost": did you mean ghost?',
    ),
    "no worker": ("workers.mian.behaviour=ghost", "did you mean workers.main.behaviour?"),
    "no name": ("vary.gpa=1s", "did you mean vary.gap?"),
    "does not fit": ("vary.gap=1s,long", "'long' is not a duration"),
    "varied to nothing": ("vary.gap=", "--set vary.gap=: it names nothing"),
    "a list of nothing": ("vary.gap=,", "--set vary.gap=,: it names nothing"),
    "a step": ("steps.do=watch", "--set steps.do: there is no setting"),
}


@pytest.mark.parametrize(("given", "said"), SET.values(), ids=SET)
def test_set(given: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert said in refused(path, given).message


def test_a_mistake_in_the_file_is_told_before_what_is_set(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("[vary]\n", "vary = 3\n[nothing]\n"))
    assert refused(path, "workers.main.behaviour=silent", "count=2").message.startswith(f"{path}:")
    path.write_text("settings = 3\n" + GOOD.replace("[settings]\ncount = 3\n", ""))
    assert "settings: it is 3, not a table" in refused(path, "count=2").message


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("workers.main.behaviour=ghost", '--set workers.main.behaviour: there is no setting "workers.main.behaviour"'),
        ("cleanup=,", "--set cleanup=,: it names nothing"),
        ("webhook-listen=foo", "--set webhook-listen=foo: webhook-listen 'foo' is not an address"),
    ],
)
def test_set_of_a_call(override: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(CALL)
    assert said in refused(path, override).message
