"""The secrets that this user's settings hold: no text that lkdiag keeps or shows may have one of them in it."""

from __future__ import annotations

import contextlib
import itertools
import shlex
from typing import TYPE_CHECKING

from lkdiag import settings
from lkdiag.errors import LkdiagError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.timeline import Event

SECRET_OPTION = "--api-secret"


def secrets_of_run(started: Event) -> list[str]:
    """Those of the projects that are set here, and of the one that the run was on, by its `run.started`."""
    words: list[str] = []
    with contextlib.suppress(ValueError):
        words = shlex.split(str(started.data.get("command", "")))
    return secrets_of_command(words)


def secrets_of_command(words: Sequence[str]) -> list[str]:
    """Those of the projects that are set here, of the one that a command line names, and what it gives as a secret."""
    named = [after for before, after in itertools.pairwise(words) if before == "--project"]
    named += [word.partition("=")[2] for word in words if word.startswith("--project=")]
    found = given_secrets(words)
    for project in (None, *named):
        with contextlib.suppress(LkdiagError):
            found.append(settings.load(settings.CredentialFlags(project=project)).api_secret)
    return found


def given_secrets(words: Sequence[str]) -> list[str]:
    """What may be the secret on a command line, even one that can't be understood."""
    found: list[str] = []
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if name == SECRET_OPTION:
            # `--api-secret= SECRET` makes an extra argument of it
            found += [value, *words[number + 1 : number + 2]]
    return [secret for secret in found if secret]
