"""The secrets that a command line or an environment holds, so that none of them is written down."""

from __future__ import annotations

import contextlib
import itertools
import shlex
from typing import TYPE_CHECKING

from lkdiag import settings
from lkdiag.errors import LkdiagError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkdiag.journal.event import Event
    from lkdiag.scenario.script import Script


# The secrets that this user's settings hold. No text that lkdiag keeps or shows may contain one.

SECRET_OPTION = "--api-secret"
KEY_OPTIONS = frozenset({"--api-key", SECRET_OPTION})
"""They are left out of the command that repeats a run."""


def secrets_of_run(started: Event) -> list[str]:
    """The API secrets of the projects configured here, and of the run's project, which `run.started` names."""
    words: list[str] = []
    with contextlib.suppress(ValueError):
        words = shlex.split(str(started.data.get("command", "")))
    return secrets_of_command(words)


def secrets_of_command(words: Sequence[str]) -> list[str]:
    """The API secrets of the projects configured here and of the one that a command line names, and those it gives."""
    named = [after for before, after in itertools.pairwise(words) if before == "--project"]
    named += [word.partition("=")[2] for word in words if word.startswith("--project=")]
    found = given_secrets(words)
    for project in (None, *named):
        with contextlib.suppress(LkdiagError):
            found.append(settings.load(settings.CredentialFlags(project=project)).api_secret)
    return found


def given_secrets(words: Sequence[str]) -> list[str]:
    """What may be the secret on a command line, even on one that can't be parsed."""
    found: list[str] = []
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if name == SECRET_OPTION:
            # `--api-secret= SECRET` makes an extra argument of it
            found += [value, *words[number + 1 : number + 2]]
    return [secret for secret in found if secret]


# Secrets on a command line and in a scenario's file are refused: what is given there is shown in the journal, in the
# report, in the command that repeats the run, and in the process list. A project's credentials have options of their
# own, and a worker has its own environment.

HINT = (
    "it would stand in the journal, in the report and in the process list: leave it out, and give it to your worker in "
    "its own environment"
)
COMMANDS = frozenset(
    {"canary", "dispatch-trial", "doctor", "run", "selftest", "sweep", "transfer-teardown", "watch", "worker"}
)
"""Those that record something, or send it to a server."""
CREDENTIALS = KEY_OPTIONS | {"--url"}
"""Options that have checks of their own."""
FREE_TEXT = ("--metadata", "--set metadata")
"""What may be any text. Elsewhere a text that only looks made up at random may be a name that somebody chose."""


def check_words(words: Sequence[str]) -> None:
    """Raises UsageError where a secret stands among the words of a command line."""
    if not words or words[0] not in COMMANDS:
        return
    given = list(_given(words))
    if not given:
        return

    known = secrets_of_command(words)
    for name, text in given:
        _check(name, text, known, guess=name in FREE_TEXT)


def check_script(script: Script, known: Sequence[str]) -> None:
    """Raises UsageError where a secret stands in a scenario's file, or in the metadata that it sets."""
    for number, line in enumerate(script.text.splitlines(), start=1):
        _check(f"{script.path}, line {number}", line, known, guess=False)
    _check(f"the scenario {script.path}", script.text, known, guess=False)
    _check(f"{script.path}: metadata", str(getattr(script.settings, "metadata", "")), known, guess=True)


def _given(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each text that is given, with its option's name. `run` alone takes a text without an option."""
    option = "SCENARIO" if words[0] == "run" else ""
    for word in words[1:]:
        name, has_value, value = word.partition("=")
        if word.startswith("-") and len(word) > 1:
            option = "" if has_value else name
            if has_value and name not in CREDENTIALS:
                yield name, value
            continue
        if option and option not in CREDENTIALS:
            is_metadata = option == "--set" and name == "metadata"
            yield ("--set metadata", value) if is_metadata else (option, word)
        option = ""


def _check(name: str, text: str, known: Sequence[str], *, guess: bool) -> None:
    from lkdiag.privacy.secrets import scrub, without_known
    from lkdiag.privacy.shapes import HIDDEN

    if without_known(text, tuple(known)) != text:
        raise UsageError(f"{name} has the project's own API secret in it", HINT)
    clean = scrub(text, guess=guess, sure=True)
    if clean != text:
        where = "" if "\n" in clean or clean == HIDDEN else f": {clean}"
        raise UsageError(f"{name} has in it what looks like a secret{where}", HINT)
