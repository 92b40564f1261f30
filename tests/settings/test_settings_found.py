"""Where credentials come from: the sources and their order, and that what is found never shows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lkdiag.settings import CredentialFlags, masked_key, resolve

from .sources import DOTENV, ENV, FLAGS, LK_CONFIG, LOCAL, MARK, PROD, STAGING, Place, dotenv, lk_config, only, refused

if TYPE_CHECKING:
    from pathlib import Path

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


def test_environ_is_neither_read_nor_changed_by_resolve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOST", "wrong.test")
    before = dict(os.environ)
    error = refused(Place(local="LIVEKIT_URL=wss://${HOST}\nNEW=1"), tmp_path)
    assert "no key and secret" in error.message
    assert dict(os.environ) == before


def test_flags_do_not_show_what_they_hold() -> None:
    assert repr(CredentialFlags(**FLAGS, project="prod")) == "CredentialFlags(project='prod')"
