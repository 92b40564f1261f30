"""Looks for credentials in one source after the other, and says of each what it lacked."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lkdiag.errors import CredentialsError
from lkdiag.settings.address import check_text, checked_url
from lkdiag.settings.credentials import Credentials, are_swapped
from lkdiag.settings.dotenv_file import from_dotenv
from lkdiag.settings.environment import environment
from lkdiag.settings.lk_config import from_lk_config
from lkdiag.settings.source import FIELDS, Source, from_flags, from_variables
from lkdiag.settings.wording import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lkdiag.settings.credentials import CredentialFlags

_WORDS = {"url": "URL", "api_key": "key", "api_secret": "secret"}


def load(flags: CredentialFlags) -> Credentials:
    """`resolve` in this process's environment, working directory and home; raises CredentialsError."""
    # Path() and expanduser instead of Path.cwd() and Path.home(): these raise in a directory that was deleted
    # and for a container's user without a home, where the environment alone may well be enough.
    return resolve(flags, environ=environment(), cwd=Path(), home=Path(os.path.expanduser("~")))


def load_to_use(flags: CredentialFlags) -> Credentials:
    """`load`, and nothing that may not be sent: raises CredentialsError also for a secret in the key's place.

    A token names the key that it was made with in clear text, and servers log keys that they don't know.
    """
    found = load(flags)
    if are_swapped(found.api_key, found.api_secret):
        raise CredentialsError(
            "key and secret look swapped: nothing was sent",
            f"exchange LIVEKIT_API_KEY and LIVEKIT_API_SECRET. They came from: {found.source}",
        )
    return found


def resolve(flags: CredentialFlags, *, environ: Mapping[str, str], cwd: Path, home: Path) -> Credentials:
    """Find URL, key and secret; raises CredentialsError.

    A flag wins field by field. Below the flags: `--project` alone if given; else the environment, .env.local and
    .env, variable by variable, but key and secret always from the same one; else, if these three had nothing at
    all, the default project of lk's config. Files are read only as far down as something is still missing.
    """
    given = from_flags(flags)
    picked = dict.fromkeys(given.values, given)
    readers: list[Callable[[], Source]]
    if flags.project is not None:
        readers = [partial(from_lk_config, home, flags.project)]
    else:
        readers = [
            partial(from_variables, "environment", environ),
            partial(from_dotenv, ".env.local", cwd, environ),
            partial(from_dotenv, ".env", cwd, environ),
        ]
    looked = _pick(readers, picked)
    if flags.project is None and len(picked) == len(given.values):
        looked += _pick([partial(from_lk_config, home, None)], picked)
    if len(picked) < len(FIELDS):
        raise _incomplete(picked, looked, flags.project)

    values = {name: source.values[name] for name, source in picked.items()}
    for name, source in picked.items():
        check_text(values[name], source.at(name))
    url = checked_url(values["url"], picked["url"].at("url"), values["api_secret"])
    warnings = dict.fromkeys(text for source in picked.values() for text in source.warnings)
    return Credentials(url, values["api_key"], values["api_secret"], _told(picked), tuple(warnings))


def _pick(readers: Iterable[Callable[[], Source]], picked: dict[str, Source]) -> list[Source]:
    """Read one source after the other until `picked` is complete; returns those that were read."""
    looked: list[Source] = []
    for read in readers:
        if len(picked) == len(FIELDS):
            break
        source = read()
        looked.append(source)
        # a signature fails when the key of one project meets the secret of another: both or none
        pair = [name for name in ("api_key", "api_secret") if name not in picked]
        have = [name for name in pair if name in source.values]
        if have and have != pair:
            raise CredentialsError(
                f"{source.lacks(pair)}, though {source.called(have[0])} is there",
                "Set key and secret in the same place: lkdiag doesn't put the key from one together with the "
                "secret from another.",
            )
        for name in (*have, "url"):
            if name in source.values:
                picked.setdefault(name, source)
    return looked


def _incomplete(picked: dict[str, Source], looked: list[Source], project: str | None) -> CredentialsError:
    missing = [name for name in FIELDS if name not in picked]
    lacks = "; ".join(source.lacks(missing) for source in looked)
    if project is not None:
        return CredentialsError(lacks, "Complete the project in that file, or give the flag for it.")
    local = "or try --local, which starts a private server and needs none"
    if not picked:
        return CredentialsError(
            f"no LiveKit credentials found: {lacks}",
            f"Set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, name a project of lk's with --project, {local}.",
        )
    return CredentialsError(
        f"{', '.join(_shares(picked))}, but no {joined([_WORDS[name] for name in missing])} found: {lacks}",
        f"Set what is missing, name a project of lk's with --project, {local}.",
    )


def _told(picked: dict[str, Source]) -> str:
    names = {source.name for source in picked.values()}
    return names.pop() if len(names) == 1 else ", ".join(_shares(picked))


def _shares(picked: dict[str, Source]) -> list[str]:
    """Who gave what: `LIVEKIT_URL from the environment`, `key and secret from .env.local`."""
    shares: dict[str, list[str]] = {}
    for name in FIELDS:
        if name in picked:
            shares.setdefault(picked[name].prose, []).append(name)
    shown = [
        [picked["url"].called("url")] if names == ["url"] else [_WORDS[name] for name in names]
        for names in shares.values()
    ]
    return [f"{joined(words)} from {prose}" for words, prose in zip(shown, shares, strict=True)]
