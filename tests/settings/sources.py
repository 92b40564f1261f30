"""What there is to be found in a test: flags, environment, files; and the assertion that no secret shows."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from lkdiag.errors import CredentialsError, ExitCode
from lkdiag.settings import CredentialFlags, Credentials, resolve

if TYPE_CHECKING:
    from pathlib import Path

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


def assert_silent(error: CredentialsError) -> None:
    texts = (str(error), repr(error), error.message, error.hint, "".join(traceback.format_exception(error)))
    assert not [text for text in texts if MARK in text]
    assert "\n" not in error.message + error.hint
    assert error.hint


LOCAL, DOTENV = dotenv("local"), dotenv("dotenv")
