"""Values on a command line, or in a scenario's file: how long ones are told, and which numbers are none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lkdiag.cli.app import _run
from lkdiag.cli.messages import MESSAGE_MAX, PATH_MAX, VALUE_MAX, shortened
from lkdiag.client.call_rate import parse_retry_after_s
from lkdiag.errors import UsageError
from lkdiag.scenario.option import parse_address, parse_duration_s, parse_number, parse_whole
from lkdiag.scenario.shard import Shard

if TYPE_CHECKING:
    from pathlib import Path

LONG = {
    "letters": "x" * 5000,
    "words": "x " * 2500,
    "accents": "é" * 5000,
    "escapes": "\x1b[31m" * 1000,
    "lines": "x\n" * 2500,
    "quotes": "'" * 5000,
    "both quotes": "'\"" * 2500,
    "folders": "x/" * 2500,
    "digits": "9" * 5000,
}
ECHOING: dict[str, tuple[str, ...]] = {
    "an option's name": ("dispatch-trial", "--{}"),
    "a command": ("{}",),
    "one word too many": ("dispatch-trial", "{}"),
    "a duration": ("dispatch-trial", "--local", "--timeout", "{}"),
    "a number": ("dispatch-trial", "--local", "--count", "{}"),
    "a choice": ("dispatch-trial", "--local", "--method", "{}"),
    "a fault": ("dispatch-trial", "--local", "--fault", "{}"),
    "a share": ("dispatch-trial", "--local", "--fault", "ghost={}"),
    "a fault's argument": ("dispatch-trial", "--local", "--fault", "slow:{}"),
    "a shard": ("dispatch-trial", "--local", "--shard", "{}"),
    "a group": ("dispatch-trial", "--local", "--shard", "1/2", "--run-group", "{}"),
    "a threshold": ("report", "--last", "--fail-if", "{}"),
    "a metric": ("dispatch-trial", "--local", "--fail-if", "{}>1"),
    "a limit": ("dispatch-trial", "--local", "--fail-if", "trials>{}"),
    "a format": ("report", "--last", "--format", "{}"),
    "a file": ("dispatch-trial", "--local", "-o", "{}/x.md"),
    "a run": ("report", "{}"),
    "two runs": ("compare", "{}", "{}"),
    "runs": ("merge", "{}"),
    "a worker's log": ("report", "--last", "--worker-log", "{}"),
    "a folder of runs": ("report", "--last", "--runs-dir", "{}"),
    "a server": ("dispatch-trial", "--local", "--server-binary", "{}"),
    "a merged run": ("merge", ".", "-o", "{}"),
    "a bundle's file": ("bundle", "--last", "-o", "{}"),
    "a bundle": ("bundle", "{}"),
    "a page": ("explain", "{}"),
    "a scenario": ("run", "{}"),
    "a scenario's file": ("run", "{}.toml"),
    "a scenario to show": ("scenarios", "show", "{}"),
    "--set": ("run", "late-agent", "--local", "--set", "{}"),
    "--set key": ("run", "late-agent", "--local", "--set", "{}=1"),
    "--set value": ("run", "late-agent", "--local", "--set", "timeout={}"),
    "--set word": ("run", "late-agent", "--local", "--set", "method={}"),
    "--only": ("selftest", "--only", "{}"),
    "a behaviour": ("worker", "--agent-name", "x", "--behaviour", "{}"),
    "an address": ("canary", "--local", "--listen", "{}"),
    "a webhook address": ("transfer-teardown", "--local", "--webhook-listen", "{}"),
    "a cleanup": ("transfer-teardown", "--local", "--cleanup", "{}"),
    "a project": ("sweep", "--project", "{}"),
    "an age": ("sweep", "--older-than", "{}"),
    "a watch": ("watch", "--prefix", "x", "--for", "{}"),
}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without credentials, runs or folders."""
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "LKDIAG_SERVER_BINARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LKDIAG_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = _run(arguments)
    out, err = capsys.readouterr()
    assert out == ""
    assert "lkdiag failed" not in err
    return code, err


@pytest.mark.parametrize("what", ECHOING)
@pytest.mark.parametrize("kind", LONG)
def test_a_long_value_is_cut(what: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = told([word.format(LONG[kind]) for word in ECHOING[what]], capsys)
    assert code in (2, 4), err
    error, *others = err.splitlines()
    assert error.startswith("error: ")
    assert len(error) <= MESSAGE_MAX + len("error: ")
    assert len(err) < 2500, "a hint may list what there is"
    assert len(others) <= 1
    assert "\x1b" not in err
    assert LONG[kind][: PATH_MAX + 1] not in err


@pytest.mark.parametrize(
    "text",
    [
        'title = "{}"\nkind = "dispatch"\n',
        'title = "a"\nkind = "{}"\n',
        'title = "a"\nkind = "dispatch"\n"{}" = 1\n',
        'title = "a"\nkind = "dispatch"\n[settings]\ntimeout = "{}"\n',
        'title = "a"\nkind = "dispatch"\n[settings]\nmethod = "{}"\n',
        'title = "a"\nkind = "dispatch"\n[[steps]]\ndo = "{}"\n',
        'title = "a"\nkind = "dispatch"\n[vary]\n"{}" = [1]\n',
        'title = "a"\nkind = "dispatch"\n[workers.main]\nbehaviour = "{}"\n[[steps]]\ndo = "dispatch"\n',
        "{} = \n",
    ],
)
@pytest.mark.parametrize("kind", ["letters", "words", "accents", "digits"])
def test_a_long_value_in_a_file_is_cut(
    text: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(text.format(LONG[kind]), encoding="utf-8")
    code, err = told(["run", "mine.toml", "--local"], capsys)
    assert code == 2, err
    assert err.startswith("error: mine.toml:")
    assert len(err.splitlines()[0]) <= MESSAGE_MAX + len("error: ")
    assert len(err) < 2500


def test_only_what_is_long_is_cut() -> None:
    path = "/tmp/" + "folder/" * 30
    whole = f"can't be read: {path}, 'short', it's \"{'y' * VALUE_MAX}\""
    assert shortened(whole) == whole
    assert (
        shortened(f'there is no page "{"y " * 60}": see') == f'there is no page "{("y " * 60)[: VALUE_MAX - 1]}…": see'
    )
    assert shortened("z" * 100) == "z" * (VALUE_MAX - 1) + "…"


# -- numbers -----------------------------------------------------------------------------------------------------------

NONE = ["", " 5", "5 ", "5\n", "1_000", "+5", "nan", "inf", "-inf", "0x10", "٢٠", "２０", "²", "५", "1,5", "Ⅷ", "1e999"]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_number(text: str) -> None:
    for parse in (parse_number, parse_whole):
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            parse(text)


@pytest.mark.parametrize("text", [*NONE, "-1", "-0", "1e3", "5 s ", "٢٠s", "4٫5s", "5\xa0s", "5  s", "5s5", "5S"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        parse_duration_s(text)


@pytest.mark.parametrize(("text", "seconds"), [("20", 20), ("4s", 4), ("4 s", 4), (".5m", 30), ("250ms", 0.25)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


def test_a_negative_zero_is_zero() -> None:
    assert str(parse_number("-0.0")) == "0.0"


@pytest.mark.parametrize("text", ["٢/٨", "２/8", " 2/8", "2/8 ", "+2/8", "2/8\n"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(UsageError, match="--shard is"):
        Shard.parse(text)


@pytest.mark.parametrize("port", ["٨٠", "８０", " 80", "+80", "8_0", "-0", "65536", "9" * 5000])
def test_what_is_no_port(port: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        parse_address(f"127.0.0.1:{port}", "--webhook-listen")


@pytest.mark.parametrize("text", ["nan", "inf", "1_0", "٢"])
def test_what_no_server_may_say(text: str) -> None:
    assert parse_retry_after_s(text) is None


NUMBERS: dict[str, tuple[str, ...]] = {
    "--timeout": ("dispatch-trial", "--local", "--timeout"),
    "--count": ("dispatch-trial", "--local", "--count"),
    "--rate": ("dispatch-trial", "--local", "--rate"),
    "--seed": ("dispatch-trial", "--local", "--seed"),
    "--control-share": ("dispatch-trial", "--local", "--control-share"),
    "--processes": ("dispatch-trial", "--local", "--processes"),
    "--alpha": ("compare", "a", "b", "--alpha"),
    "--keep": ("canary", "--local", "--keep"),
    "--every": ("canary", "--local", "--every"),
    "--max-trials": ("canary", "--local", "--max-trials"),
    "--api-rate": ("watch", "--prefix", "x", "--api-rate"),
    "--calls": ("watch", "--prefix", "x", "--calls"),
    "--trials": ("selftest", "--trials"),
    "--older-than": ("sweep", "--older-than"),
    "--for": ("worker", "--agent-name", "x", "--for"),
    "--window": ("transfer-teardown", "--local", "--window"),
}


@pytest.mark.parametrize("option", NUMBERS)
@pytest.mark.parametrize("text", [text for text in NONE if text not in ("", "1,5")])
def test_an_option_takes_no_such_number(option: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = told([*NUMBERS[option], text], capsys)
    assert code == 2, err
    error, hint = err.splitlines()
    assert error.startswith(f"error: {option}: ")
    assert " is not a" in error
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("key", ["count", "rate", "seed", "control-share", "timeout", "warmup", "concurrency"])
@pytest.mark.parametrize("text", [text for text in NONE if text.strip() == text and text])
def test_set_takes_no_such_number(key: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = told(["run", "late-agent", "--local", "--set", f"{key}={text}"], capsys)
    assert code == 2, err
    assert err.startswith(f"error: --set {key}={text}: ")


@pytest.mark.parametrize("key", ["rate", "control-share", "timeout"])
@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_a_file_takes_no_such_number(key: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = '[[steps]]\ndo = "dispatch"\n[[steps]]\ndo = "watch"\n'
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "a"\nkind = "dispatch"\n[settings]\n{key} = {text}\n{steps}', encoding="utf-8")
    code, err = told(["run", "mine.toml", "--local"], capsys)
    assert code == 2, err
    assert err.startswith(f"error: mine.toml:4: settings.{key}: ")


def test_help_names_the_kind_of_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["canary", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "INTEGER" in shown
    assert "--max-trials" in shown
