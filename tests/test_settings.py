"""Where credentials come from: sources and their order, ugly input, and that no secret ever shows."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lkdiag.errors import CredentialsError, ExitCode
from lkdiag.settings import (
    CredentialFlags,
    Credentials,
    load,
    masked_key,
    resolve,
    runs_dir,
    scrub,
    server_binary,
)

MARK = "HUSH"
"""In every secret below; wherever it turns up, a secret has leaked."""
ENV = {"LIVEKIT_URL": "wss://env.test", "LIVEKIT_API_KEY": "APIenvkey", "LIVEKIT_API_SECRET": f"env{MARK}"}
FLAGS = {"url": "wss://flag.test", "api_key": "APIflagkey", "api_secret": f"flag{MARK}"}
PROD, STAGING = 'project "prod" of ~/.livekit/cli-config.yaml', 'project "staging" of ~/.livekit/cli-config.yaml'
LK_CONFIG = f"""\
default_project: prod
projects:
  - name: staging
    project_id: p_1
    url: wss://staging.test
    api_key: APIstagingkey
    api_secret: staging{MARK}
  - name: prod
    url: wss://prod.test
    api_key: APIprodkey
    api_secret: prod{MARK}
device_name: laptop
"""
NO_DEFAULT = LK_CONFIG.replace("default_project: prod", 'default_project: ""')


def dotenv(name: str, *, without: str = "") -> str:
    lines = [f"LIVEKIT_URL=wss://{name}.test", f"LIVEKIT_API_KEY=API{name}key", f"LIVEKIT_API_SECRET={name}{MARK}"]
    return "\n".join(line for line in lines if not (without and line.startswith(without)))


def only(*names: str) -> dict[str, str]:
    return {f"LIVEKIT_{name}": ENV[f"LIVEKIT_{name}"] for name in names}


@dataclass(frozen=True)
class Place:
    """What is there to be found. Files are text, or bytes where text would not do."""

    flags: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    local: str | bytes | None = None
    env: str | bytes | None = None
    config: str | bytes | None = None

    def resolve(self, root: Path) -> Credentials:
        cwd, home = root / "cwd", root / "home"
        cwd.mkdir()
        (home / ".livekit").mkdir(parents=True)
        files = (cwd / ".env.local", self.local), (cwd / ".env", self.env), (lk_config(root), self.config)
        for path, content in files:
            if content is not None:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
                path.chmod(0o600)
        return resolve(CredentialFlags(**self.flags), environ=self.environ, cwd=cwd, home=home)


def lk_config(root: Path) -> Path:
    return root / "home" / ".livekit" / "cli-config.yaml"


def refused(place: Place, root: Path) -> CredentialsError:
    with pytest.raises(CredentialsError) as caught:
        place.resolve(root)
    assert caught.value.exit_code == ExitCode.SETUP
    return caught.value


LOCAL, DOTENV = dotenv("local"), dotenv("dotenv")
FOUND = {
    "environment": (Place(environ=ENV, local=LOCAL, env=DOTENV, config=LK_CONFIG), "env env env", "environment"),
    "env.local": (Place(local=LOCAL, env=DOTENV, config=LK_CONFIG), "local local local", ".env.local"),
    "env": (Place(env=DOTENV, config=LK_CONFIG), "dotenv dotenv dotenv", ".env"),
    "default": (Place(config=LK_CONFIG), "prod prod prod", f"default {PROD}"),
    "project": (Place({"project": "staging"}, ENV, LOCAL, DOTENV, LK_CONFIG), "staging staging staging", STAGING),
    "flags": (Place(FLAGS, ENV, LOCAL, DOTENV, LK_CONFIG), "flag flag flag", "flags"),
    "flags beat a project": (Place(FLAGS | {"project": "prod"}, ENV, config=LK_CONFIG), "flag flag flag", "flags"),
    "one flag": (
        Place({"url": "wss://flag.test"}, ENV),
        "flag env env",
        "--url from the flags, key and secret from the environment",
    ),
    "a key's flag": (
        Place({"api_key": "APIflagkey"}, only("URL", "API_SECRET"), LOCAL),
        "env flag env",
        "URL and secret from the environment, key from the flags",
    ),
    "a flag completes a half pair": (
        Place({"api_secret": f"flag{MARK}"}, only("API_KEY"), LOCAL),
        "local env flag",
        "LIVEKIT_URL from .env.local, key from the environment, secret from the flags",
    ),
    "a flag skips a half pair": (
        Place({"api_key": "APIflagkey"}, only("API_KEY"), LOCAL),
        "local flag local",
        "URL and secret from .env.local, key from the flags",
    ),
    "a flag on a project": (
        Place({"url": "wss://flag.test", "project": "prod"}, ENV, config=LK_CONFIG),
        "flag prod prod",
        f"--url from the flags, key and secret from {PROD}",
    ),
    "a flag on the default project": (
        Place({"url": "wss://flag.test"}, config=LK_CONFIG),
        "flag prod prod",
        f"--url from the flags, key and secret from default {PROD}",
    ),
    "a flag completes a project": (
        Place({"url": "wss://flag.test", "project": "prod"}, config=LK_CONFIG.replace("url: wss://prod.test", "")),
        "flag prod prod",
        f"--url from the flags, key and secret from {PROD}",
    ),
    "url apart": (
        Place(environ=only("URL"), local=LOCAL),
        "env local local",
        "LIVEKIT_URL from the environment, key and secret from .env.local",
    ),
    "pair apart": (
        Place(environ=only("API_KEY", "API_SECRET"), env=DOTENV),
        "dotenv env env",
        "LIVEKIT_URL from .env, key and secret from the environment",
    ),
    "two files": (
        Place(local=dotenv("local", without="LIVEKIT_URL"), env=DOTENV),
        "dotenv local local",
        "LIVEKIT_URL from .env, key and secret from .env.local",
    ),
    "empty is unset": (Place(environ=dict.fromkeys(ENV, " "), local=LOCAL), "local local local", ".env.local"),
    "files not needed are not read": (
        Place(environ=ENV, local=b"\xff\xfe", config="{"),
        "env env env",
        "environment",
    ),
    "whitespace": (
        Place(environ={name: f" {value}\r\n" for name, value in ENV.items()}),
        "env env env",
        "environment",
    ),
    "windows file": (
        Place(local=b"\xef\xbb\xbf" + LOCAL.replace("\n", "\r\n").encode()),
        "local " * 3,
        ".env.local",
    ),
    "quotes and export": (
        Place(
            local=f"export LIVEKIT_URL=\"wss://local.test\" # x\nLIVEKIT_API_KEY = 'APIlocalkey'\n"
            f'LIVEKIT_API_SECRET=" local{MARK} "\nBROKEN="'
        ),
        "local local local",
        ".env.local",
    ),
    "references": (
        Place(
            environ={"HOST": "local.test"},
            local=LOCAL.replace("local.test", "${HOST}").replace(f"local{MARK}", f"${{NOT_SET:-local}}{MARK}"),
        ),
        "local local local",
        ".env.local",
    ),
}


@pytest.mark.parametrize(("place", "expected", "source"), FOUND.values(), ids=FOUND)
def test_source(place: Place, expected: str, source: str, tmp_path: Path) -> None:
    url, key, secret = expected.split()
    found = place.resolve(tmp_path)
    assert (found.url, found.api_key) == (f"wss://{url}.test", f"API{key}key")
    assert found.api_secret == f"{secret}{MARK}"
    assert found.source == source
    assert found.warnings == ()
    for shown in (str(found), repr(found), f"{found}"):
        assert MARK not in shown
        assert found.api_key not in shown
        assert masked_key(found.api_key) in shown


BAD_URLS = {
    "demo.livekit.cloud": "Did you mean wss://demo.livekit.cloud?",
    "localhost:7880": "Did you mean ws://localhost:7880?",
    "127.0.0.1:7880/": "Did you mean ws://127.0.0.1:7880?",
    f"whole{MARK}": "wss://NAME.livekit.cloud",
    f"eyJ{MARK}.eyJ{MARK}.{MARK}": "wss://NAME.livekit.cloud",
    "ftp://x.test": "wrong scheme: ftp",
    f"{MARK}{MARK}{MARK}://x.test": "wrong scheme: an unknown one",
    "wss:x.test": "no scheme",
    "wss://": "no host",
    "wss:///rtc": "no host",
    "wss://:7880": "no host",
    "wss://x.test:70000": "no usable port",
    f"wss://x.test:{MARK}": "no usable port",
    "wss://x.test:0": "no usable port",
    "wss://https://x.test": "no usable port",
    "wss://[::1": "not a URL",
    f"wss://${{{MARK}": "characters that no host has",
    f"wss://APIkey:{MARK}@x.test": "user name or password",
    f"APIkey:{MARK}@x.test": "user name or password",
    f"wss://x.test?access_token={MARK}": "a query",
    f"wss://x.test/#{MARK}": "a fragment",
    "wss://x .test": "whitespace",
    "wss://x\u200b.test": "invisible",
    '"wss://x.test"': "quotation mark",
    "<your LiveKit server URL>": "placeholder",
}


@pytest.mark.parametrize(("url", "expected"), BAD_URLS.items())
@pytest.mark.parametrize("where", ["LIVEKIT_URL in the environment", "--url", f"url in {PROD}"])
def test_bad_url(url: str, expected: str, where: str, tmp_path: Path) -> None:
    place = {
        "LIVEKIT_URL in the environment": Place(environ=ENV | {"LIVEKIT_URL": url}),
        "--url": Place({"url": url}, ENV),
        f"url in {PROD}": Place(
            {"project": "prod"},
            config=LK_CONFIG.replace("wss://prod.test", ascii(url).replace("\\u200b", "\u200b")),
        ),
    }[where]
    error = refused(place, tmp_path)
    assert error.message.startswith(where)
    assert expected in f"{error.message} {error.hint}"
    assert_silent(error)


def assert_silent(error: CredentialsError) -> None:
    texts = (str(error), repr(error), error.message, error.hint, "".join(traceback.format_exception(error)))
    assert not [text for text in texts if MARK in text]
    assert "\n" not in error.message + error.hint
    assert error.hint


ALL_UNSET = "LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set"
PAIR_UNSET = "LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set"
YAML = "~/.livekit/cli-config.yaml"
REFUSED: dict[str, tuple[Place, str]] = {
    "nothing": (
        Place(),
        f"no LiveKit credentials found: environment: {ALL_UNSET}; .env.local: no such file; .env: no such file; "
        f"{YAML}: no such file",
    ),
    "nothing in what is there": (
        Place(environ={"LIVEKIT_URL": ""}, local="# empty\nLIVEKIT_API_KEY", env="A=1", config=NO_DEFAULT),
        f"no LiveKit credentials found: environment: {PAIR_UNSET} and LIVEKIT_URL is empty; "
        ".env.local: LIVEKIT_URL and LIVEKIT_API_SECRET are not set and LIVEKIT_API_KEY is empty; "
        f".env: {ALL_UNSET}; {YAML}: no default project",
    ),
    "default gone": (
        Place(config=LK_CONFIG.replace("default_project: prod", "default_project: old")),
        f'{YAML}: its default project "old" is not in it',
    ),
    "url only": (
        Place(environ=only("URL"), env="A=1", config=LK_CONFIG),
        f"LIVEKIT_URL from the environment, but no key and secret found: environment: {PAIR_UNSET}; "
        f".env.local: no such file; .env: {PAIR_UNSET}",
    ),
    "no url": (
        Place(local=dotenv("local", without="LIVEKIT_URL"), config=LK_CONFIG),
        "key and secret from .env.local, but no URL found: environment: LIVEKIT_URL is not set; "
        ".env.local: LIVEKIT_URL is not set; .env: no such file",
    ),
    "half a pair": (
        Place(environ=only("URL", "API_KEY"), local=LOCAL),
        "environment: LIVEKIT_API_SECRET is not set, though LIVEKIT_API_KEY is there",
    ),
    "other half": (
        Place(local=dotenv("local", without="LIVEKIT_API_KEY") + "\nLIVEKIT_API_KEY=", env=DOTENV),
        ".env.local: LIVEKIT_API_KEY is empty, though LIVEKIT_API_SECRET is there",
    ),
    "flag with half a default project": (
        Place({"url": "wss://flag.test"}, config=LK_CONFIG.replace("api_key: APIprodkey", "api_key: ~")),
        f"default {PROD}: api_key is empty, though api_secret is there",
    ),
    "half a project": (
        Place({"project": "prod"}, ENV, config=LK_CONFIG.replace(f"    api_secret: prod{MARK}\n", "")),
        f"{PROD}: api_secret is not set, though api_key is there",
    ),
    "project without url": (
        Place({"project": "prod"}, ENV, config=LK_CONFIG.replace("url: wss://prod.test", "")),
        f"{PROD}: url is not set",
    ),
    "no config": (Place({"project": "prod"}, ENV, LOCAL), f'no project "prod": there is no {YAML}'),
    "project unknown": (
        Place({"project": "Stagin"}, ENV, config=LK_CONFIG),
        f'no project "Stagin" in {YAML}, which has "staging", "prod"',
    ),
    "project of an empty config": (
        Place({"project": "a\x1b\nb"}, config="projects: []"),
        f'no project "a\\x1b\\nb" in {YAML}, which has no projects',
    ),
    "empty flags": (
        Place({"url": "", "api_secret": " "}, ENV),
        "--api-secret and --url: no value given",
    ),
    "empty project": (Place({"project": ""}, ENV), "--project: no value given"),
    "not yaml": (Place(config=f"projects:\n  - name: a\n  api_secret: {MARK}"), f"{YAML}, line 3: not YAML"),
    "unknown alias": (Place(config=f"projects:\n- api_secret: *{MARK}"), f"{YAML}, line 2: not YAML"),
    "control character": (Place(config=f"a: {MARK}\0"), f"{YAML}: not YAML"),
    "deep": (Place(config="[" * 9999), f"{YAML}: not YAML"),
    "a text": (Place(config=MARK), f"{YAML}, line 1: names with values expected"),
    "projects a mapping": (
        Place(config=f"projects:\n  prod:\n    api_secret: {MARK}"),
        f"{YAML}, line 2: a plain text expected",
    ),
    "projects a text": (Place(config=f"\nprojects: {MARK}"), f"{YAML}, line 2: a list of projects expected"),
    "a project a text": (Place(config=f"projects:\n- {MARK}"), f"{YAML}, line 2: names with values expected"),
    "a secret a list": (
        Place(config=LK_CONFIG.replace(f"prod{MARK}", f"[{MARK}]")),
        f"{YAML}, line 11: a plain text expected",
    ),
    "utf-16 .env": (Place(local=LOCAL.encode("utf-16")), ".env.local is not UTF-8 text"),
    "latin-1 config": (Place(config=f"{MARK}é".encode("latin-1")), f"{YAML} is not UTF-8 text"),
    "open quote": (
        Place(local=f"A=1\n\nLIVEKIT_API_SECRET='{MARK}\n", env=DOTENV),
        ".env.local, line 3: not of the form NAME=value",
    ),
    "quote left over": (
        Place(local=LOCAL + '"'),
        "LIVEKIT_API_SECRET in .env.local has a quotation mark at its start or end",
    ),
    "typographic quote": (
        Place(environ=ENV | {"LIVEKIT_API_KEY": f"“{MARK}”"}),
        "LIVEKIT_API_KEY in the environment has a quotation mark at its start or end",
    ),
    "two words": (
        Place({"api_secret": f"a {MARK}"}, ENV),
        "--api-secret has whitespace or an invisible character in it",
    ),
    "placeholder": (
        Place(environ=ENV | {"LIVEKIT_API_SECRET": f"<{MARK}>"}),
        "LIVEKIT_API_SECRET in the environment is still a placeholder",
    ),
    "url and secret swapped": (
        Place(environ=ENV | {"LIVEKIT_URL": f"{MARK}.test", "LIVEKIT_API_SECRET": f"{MARK}.test"}),
        "LIVEKIT_URL in the environment has no scheme such as wss://",
    ),
}


@pytest.mark.parametrize(("place", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused(place: Place, expected: str, tmp_path: Path) -> None:
    error = refused(place, tmp_path)
    assert error.message.endswith(expected)
    assert_silent(error)


@pytest.mark.parametrize("place", [Place(), Place(environ=only("URL")), Place(local=only("URL")["LIVEKIT_URL"])])
def test_without_credentials_the_hint_names_local(place: Place, tmp_path: Path) -> None:
    assert "--local" in refused(place, tmp_path).hint


def test_nearest_project(tmp_path: Path) -> None:
    error = refused(Place({"project": "STAGNG"}, config=LK_CONFIG), tmp_path)
    assert error.hint == 'Did you mean "staging"?'


def test_scalars_of_the_config_stay_as_written(tmp_path: Path) -> None:
    config = "projects: [{name: 007, url: 'ws://h:1', api_key: 0x10, api_secret: 1e3}]"
    found = Place({"project": "007"}, config=config).resolve(tmp_path)
    assert (found.api_key, found.api_secret) == ("0x10", "1e3")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_open_config_is_warned_of_only_where_it_is_used(mode: int, tmp_path: Path) -> None:
    Place(config=LK_CONFIG).resolve(tmp_path)
    lk_config(tmp_path).chmod(mode)
    cwd, home = tmp_path / "cwd", tmp_path / "home"
    (warning,) = resolve(CredentialFlags(), environ={}, cwd=cwd, home=home).warnings
    assert f"{mode:04o}" in warning
    assert MARK not in warning
    assert resolve(CredentialFlags(), environ=ENV, cwd=cwd, home=home).warnings == ()


def test_unreadable_file_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", deny)
    error = refused(Place(config=LK_CONFIG), tmp_path)
    assert error.message == ".env.local can't be read: Permission denied"


def test_directory_called_env_is_no_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(CredentialsError, match=r"\.env: no such file"):
        resolve(CredentialFlags(), environ={}, cwd=tmp_path, home=tmp_path)


def test_environ_is_neither_read_nor_changed_by_resolve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOST", "wrong.test")
    before = dict(os.environ)
    error = refused(Place(local="LIVEKIT_URL=wss://${HOST}\nNEW=1"), tmp_path)
    assert "no key and secret" in error.message
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("url", "http", "ws", "host"),
    [
        ("wss://x.test", "https://x.test", "wss://x.test", "x.test"),
        ("https://x.test/", "https://x.test", "wss://x.test", "x.test"),
        ("WS://x.test:80//", "http://x.test:80", "ws://x.test:80", "x.test:80"),
        ("http://[::1]:7880", "http://[::1]:7880", "ws://[::1]:7880", "[::1]:7880"),
        ("wss://x.test/proxy/", "https://x.test/proxy", "wss://x.test/proxy", "x.test"),
        ("ws://bücher_1.test", "http://bücher_1.test", "ws://bücher_1.test", "bücher_1.test"),
    ],
)
def test_addresses(url: str, http: str, ws: str, host: str, tmp_path: Path) -> None:
    found = Place({"url": url}, ENV).resolve(tmp_path)
    assert (found.http_url, found.ws_url, found.host) == (http, ws, host)
    assert not found.url.endswith("/")


def test_host_of_unchecked_credentials_has_no_userinfo() -> None:
    assert Credentials(f"wss://a:{MARK}@x.test:1", "k", "s", "here").host == "x.test:1"


def test_flags_do_not_show_what_they_hold() -> None:
    assert repr(CredentialFlags(**FLAGS, project="prod")) == "CredentialFlags(project='prod')"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing here", "nothing here"),
        ("a s3cret/x and s3cret%2Fx.", "a *** and ***."),
        ("s3cret/x-longer", "***"),
        ("Bearer eyJhbGciOiJI.eyJzdWIi-_.c2ln-_ refused", "Bearer *** refused"),
        ("eyJhbGciOiJI.eyJzdWIi.", "***"),
        ("wss://x/rtc?access_token=abc.d%20&auto=1", "wss://x/rtc?access_token=***&auto=1"),
        ("next=%2Frtc%3Faccess_token%3Dabc", "next=%2Frtc%3Faccess_token%3D***"),
        ('{"url": "wss://x?ACCESS_TOKEN=abc"}', '{"url": "wss://x?ACCESS_TOKEN=***"}'),
    ],
)
def test_scrub(text: str, expected: str) -> None:
    assert scrub(text, ["s3cret/x", "", "s3cret/x-longer"]) == expected
    assert scrub(expected, ["s3cret/x"]) == expected


def test_load_reads_environment_directory_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENV:
        monkeypatch.delenv(name, raising=False)
    Place(local=LOCAL, config=LK_CONFIG).resolve(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert load(CredentialFlags()).source == f"default {PROD}"
    monkeypatch.chdir(tmp_path / "cwd")
    assert load(CredentialFlags()).source == ".env.local"
    monkeypatch.setenv("LIVEKIT_URL", "wss://env.test")
    assert load(CredentialFlags()).url == "wss://env.test"


def test_load_in_a_deleted_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ENV:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CredentialsError, match=r"\.env\.local: no such file"):
        load(CredentialFlags())


PLACES: list[tuple[Any, str, str]] = [
    (runs_dir, "LKDIAG_RUNS_DIR", "state/lkdiag/runs"),
    (server_binary, "LKDIAG_SERVER_BINARY", ""),
]


@pytest.mark.parametrize(("place", "variable", "fallback"), PLACES)
def test_places(place: Any, variable: str, fallback: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_state_path", lambda name: tmp_path / "state" / name)
    monkeypatch.setenv(variable, "~/variable")
    assert place(Path("flag")) == Path("flag")
    assert place(Path("~/flag")) == tmp_path / "flag"
    assert place(None) == tmp_path / "variable"
    monkeypatch.setenv(variable, " ")
    assert place(None) == (tmp_path / fallback if fallback else None)


def test_import_is_light() -> None:
    code = (
        "import sys, lkdiag.settings; print(*[m for m in ('yaml', 'dotenv', 'platformdirs') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
