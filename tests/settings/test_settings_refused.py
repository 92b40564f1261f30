"""Sources that can't be used: what the error names, and that it shows no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkdiag.errors import CredentialsError
from lkdiag.settings import CredentialFlags, resolve

from .sources import DOTENV, ENV, LK_CONFIG, LOCAL, MARK, NO_DEFAULT, PROD, Place, assert_silent, dotenv, only, refused

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
