"""A project's URL, API key and secret: from flags, environment, `.env.local`, `.env`, or the CLI `lk`'s projects."""

from __future__ import annotations

import io
import os
import re
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lkdiag.errors import CredentialsError
from lkdiag.settings.places import environment
from lkdiag.text import joined, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import yaml


# Credentials of a project, and what the command line says of them.

_MADE_KEY = re.compile(r"API[A-Za-z0-9]{6,24}")
"""As LiveKit Cloud and `livekit-server generate-keys` make them."""
OTHER_SCHEME = {"ws": "http", "wss": "https", "http": "ws", "https": "wss"}
"""Every scheme that LiveKit takes, and its counterpart for the other of HTTP API and signalling."""


@dataclass(frozen=True)
class Credentials:
    """One project's address, key and secret, checked for form but not yet tried."""

    url: str
    """As given, without a trailing slash: `wss://NAME.livekit.cloud`."""
    api_key: str
    api_secret: str = field(repr=False)
    source: str
    """One line for people: `environment`, `project "prod" of ~/.livekit/cli-config.yaml`."""
    warnings: tuple[str, ...] = ()

    @property
    def http_url(self) -> str:
        """Where the HTTP API is."""
        return self._with_scheme("http")

    @property
    def ws_url(self) -> str:
        """Where the signalling socket is."""
        return self._with_scheme("ws")

    @property
    def host(self) -> str:
        """Host, with its port where one was given."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def is_loopback(self) -> bool:
        """Whether the URL is of this very machine."""
        host = urlsplit(self.url).hostname or ""
        return host == "localhost" or host.startswith("127.") or host == "::1"

    def _with_scheme(self, family: str) -> str:
        scheme, _, rest = self.url.rstrip("/").partition("://")
        return f"{scheme if scheme.startswith(family) else OTHER_SCHEME[scheme]}://{rest}"

    def __repr__(self) -> str:
        shown = f"url={self.url!r}, api_key={masked_key(self.api_key)!r}, source={self.source!r}"
        return f"Credentials({shown}, warnings={self.warnings!r})"


@dataclass(frozen=True)
class CredentialFlags:
    """What the command line says of credentials; None where it is silent."""

    url: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)
    project: str | None = None

    @property
    def given(self) -> list[str]:
        """The options that were given, as they are written: `--api-key`."""
        return [f"--{name.replace('_', '-')}" for name, value in asdict(self).items() if value is not None]


def are_swapped(api_key: str, api_secret: str) -> bool:
    """Whether the secret reads as a key that LiveKit made, and the key does not."""
    return _MADE_KEY.fullmatch(api_secret) is not None and _MADE_KEY.fullmatch(api_key) is None


def masked_key(api_key: str) -> str:
    """The key's first six characters: enough to recognise it by."""
    return f"{api_key[:6]}…"


# Checks of form: what in a URL, a key or a secret can only be a slip.

_QUOTES = "\"'`“”‘’„«»"
_NAMED_HOST = re.compile(r"(?:localhost|(?:[\w-]{1,63}\.)+[a-z]{2,24}|(?:\d+\.){3}\d+)(?::\d+)?", re.IGNORECASE)
_LOOPBACK = re.compile(r"(?:localhost|127\.)", re.IGNORECASE)


def check_text(value: str, where: str) -> None:
    """Refuse what can only be a slip, without showing the value."""
    if value.startswith("<") and value.endswith(">"):
        raise CredentialsError(f"{where} is still a placeholder", "Put your project's own value there.")
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        # `docker run --env-file` and CI settings keep the quotes that a shell takes away
        raise CredentialsError(f"{where} has a quotation mark at its start or end", "Write the value without it.")
    if not value.isprintable() or any(character.isspace() for character in value):
        raise CredentialsError(f"{where} has whitespace or an invisible character in it", "Copy the value again.")


def checked_url(value: str, where: str, secret: str) -> str:
    """The URL without trailing slash; a refused one is never shown, it might hold a password or be the secret."""
    from lkdiag.privacy.secrets import scrub

    if "@" in value:
        raise CredentialsError(
            f"{where} has a user name or password in it",
            "Write the URL without it: the key and the secret have settings of their own.",
        )
    scheme, separator, rest = value.partition("://")
    if not separator:
        host = value.partition("/")[0]
        hint = "Write it like wss://NAME.livekit.cloud, or ws://localhost:7880."
        if _NAMED_HOST.fullmatch(host) and scrub(host, [secret]) == host:
            hint = f"Did you mean {'ws' if _LOOPBACK.match(host) else 'wss'}://{host}?"
        raise CredentialsError(f"{where} has no scheme such as wss://", hint)
    if scheme.lower() not in OTHER_SCHEME:
        named = scrub(scheme, [secret]) if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,9}", scheme) else "an unknown one"
        raise CredentialsError(f"{where} has the wrong scheme: {named}", "LiveKit takes wss, ws, https and http.")
    if "?" in rest or "#" in rest:
        raise CredentialsError(f"{where} has a query or a fragment", "Write it without the ? or # and what follows.")
    try:
        parts = urlsplit(f"{scheme.lower()}://{rest}")
        host = parts.hostname or ""
    except ValueError:
        raise CredentialsError(f"{where} is not a URL", "Write it like wss://NAME.livekit.cloud.") from None
    if not re.fullmatch(r"[\w.-]+|[0-9a-f:.]*:[0-9a-f:.]*", host):
        what = "a host with characters that no host has" if host else "no host"
        raise CredentialsError(f"{where} has {what}", "Write it like wss://NAME.livekit.cloud.")
    try:
        usable = parts.port != 0 and not parts.netloc.endswith(":")
    except ValueError:
        usable = False
    if not usable:
        raise CredentialsError(f"{where} has no usable port", "A port is a number from 1 to 65535.")
    return parts.geturl().rstrip("/")


# One place where credentials may be, and what it had; the flags and the environment among them.

FIELDS = ("url", "api_key", "api_secret")


@dataclass(frozen=True)
class Source:
    """One place that was looked at, and what it had."""

    name: str
    values: dict[str, str] = field(repr=False)
    """By field; only what is there and not empty."""
    empty: frozenset[str] = frozenset()
    """Fields that are there without a value."""
    absent: str = ""
    """Why the place as a whole had nothing: `no such file`."""
    warnings: tuple[str, ...] = ()
    label: str = "LIVEKIT_{upper}"
    """How this place calls a field."""

    @property
    def prose(self) -> str:
        return f"the {self.name}" if self.name in ("environment", "flags") else self.name

    def called(self, name: str) -> str:
        return self.label.format(upper=name.upper(), lower=name, dashed=name.replace("_", "-"))

    def at(self, name: str) -> str:
        return self.called(name) if self.name == "flags" else f"{self.called(name)} in {self.prose}"

    def lacks(self, names: Iterable[str]) -> str:
        missing = [name for name in names if name not in self.values]
        unset = [self.called(name) for name in missing if name not in self.empty]
        empty = [self.called(name) for name in missing if name in self.empty]
        texts = [
            f"{joined(group)} {'is' if len(group) == 1 else 'are'} {what}"
            for group, what in ((unset, "not set"), (empty, "empty"))
            if group
        ]
        return f"{self.name}: {self.absent or ' and '.join(texts)}"


def source_of(
    name: str, raw: Mapping[str, str], label: str = "LIVEKIT_{upper}", warnings: tuple[str, ...] = ()
) -> Source:
    stripped = {key: value.strip() for key, value in raw.items()}
    filled = {key: value for key, value in stripped.items() if value}
    return Source(name, filled, frozenset(stripped.keys() - filled.keys()), "", warnings, label)


def from_flags(flags: CredentialFlags) -> Source:
    given = {name: value for name, value in asdict(flags).items() if value is not None}
    source = source_of("flags", given, "--{dashed}")
    if source.empty:
        # --url "$URL" with URL unset must not fall through to another server
        raise CredentialsError(
            f"{joined(sorted(map(source.called, source.empty)))}: no value given",
            "Give a value, or leave the flag out to use what the environment has.",
        )
    source.values.pop("project", None)
    return source


def from_variables(name: str, variables: Mapping[str, str | None]) -> Source:
    wanted = {key: f"LIVEKIT_{key.upper()}" for key in FIELDS}
    return source_of(name, {key: variables[var] or "" for key, var in wanted.items() if var in variables})


# Reads a file that may hold credentials, without ever quoting it.


def read_text(path: Path, shown: str) -> str | None:
    """The file's text; None where there is none. A directory counts as none: `.env` may be a virtualenv."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except UnicodeDecodeError:
        raise CredentialsError(f"{shown} is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        # going on without it could mean another project than the one it names
        raise CredentialsError(f"{shown} can't be read: {error.strerror}", "Check its permissions.") from None


# `.env.local` and `.env`, read as LiveKit's own examples read them.


def from_dotenv(name: str, cwd: Path, environ: Mapping[str, str]) -> Source:
    text = read_text(cwd / name, name)
    if text is None:
        return Source(name, {}, absent="no such file")
    # Not dotenv_values: it looks ${NAME} up in os.environ, whatever it is given, and only logs a broken line.
    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    values: dict[str, str | None] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error and re.search(r"LIVEKIT_(?:URL|API_KEY|API_SECRET)\b", binding.original.string):
            before = len(binding.original.string) - len(binding.original.string.lstrip())
            line = binding.original.line + binding.original.string[:before].count("\n")
            raise CredentialsError(
                f"{name}, line {line}: not of the form NAME=value", "Look for a quotation mark that is not closed."
            )
        if binding.key is not None:
            # the environment beats the file, as in load_dotenv(), which LiveKit's own examples call
            known = {**values, **environ}
            atoms = parse_variables(binding.value or "")
            values[binding.key] = "".join(atom.resolve(known) for atom in atoms)
    return from_variables(name, values)


# The projects of LiveKit's own CLI, `lk`.

_LK_CONFIG = "~/.livekit/cli-config.yaml"


def from_lk_config(home: Path, wanted: str | None) -> Source:
    """The project called `wanted`, which must be there, or the default one, which need not."""
    path = home / ".livekit" / "cli-config.yaml"
    text = read_text(path, _LK_CONFIG)
    default, projects = _parsed_lk_config(text) if text is not None else ("", [])
    names = [project["name"] for project in projects if project.get("name")]
    name = wanted or default
    project = next((project for project in projects if project.get("name") == name), None)
    if name and project is not None:
        title = f'{"" if wanted else "default "}project "{printable(name)}" of {_LK_CONFIG}'
        mode = path.stat().st_mode & 0o777
        # lk warns of the same: the file holds secrets
        others = f"{_LK_CONFIG} is open to other users (mode {mode:04o}); chmod 600 makes it yours alone"
        fields = {key: value for key, value in project.items() if key in FIELDS}
        return source_of(title, fields, "{lower}", warnings=(others,) if mode & 0o077 else ())
    if wanted is None:
        named = f'its default project "{printable(name)}" is not in it' if name else "no default project"
        return Source(_LK_CONFIG, {}, absent="no such file" if text is None else named)
    if text is None:
        raise CredentialsError(
            f'no project "{printable(wanted)}": there is no {_LK_CONFIG}',
            "`lk project add` writes it; or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
        )
    listed = ", ".join(f'"{printable(other)}"' for other in names)
    folded = {other.casefold(): other for other in names}
    near = nearest(wanted.casefold(), folded)
    raise CredentialsError(
        f'no project "{printable(wanted)}" in {_LK_CONFIG}, which has {listed or "no projects"}',
        f'Did you mean "{printable(folded[near])}"?' if near else "`lk project list` shows them.",
    )


def _parsed_lk_config(text: str) -> tuple[str, list[dict[str, str]]]:
    """The default project's name, and the projects; raises CredentialsError with the line.

    Works on YAML's nodes, which know their lines and keep scalars as written: a name or a key of digits only is
    text to lk, too.
    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        # the error's own text quotes the file, secrets and all
        raise _bad_lk_config(error.problem_mark, "not YAML") from None
    except (yaml.YAMLError, RecursionError):
        raise _bad_lk_config(None, "not YAML") from None
    if root is None:
        return "", []

    def entries(node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise _bad_lk_config(node.start_mark, "names with values expected")
        return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}

    def scalar(node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _bad_lk_config(node.start_mark, "a plain text expected")
        return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value)

    top = entries(root)
    projects = top.get("projects")
    items: list[yaml.Node] = []
    if isinstance(projects, yaml.SequenceNode):
        items = projects.value
    elif projects is not None and scalar(projects):
        raise _bad_lk_config(projects.start_mark, "a list of projects expected")
    keys = ("name", *FIELDS)
    read = [{key: scalar(node) for key, node in entries(item).items() if key in keys} for item in items]
    return (scalar(top["default_project"]) if "default_project" in top else ""), read


def _bad_lk_config(mark: yaml.Mark | None, what: str) -> CredentialsError:
    where = f", line {mark.line + 1}" if mark is not None else ""
    return CredentialsError(
        f"{_LK_CONFIG}{where}: {what}",
        "`lk` writes default_project, and a list of projects with name, url, api_key and api_secret.",
    )


# Looks for credentials in one source after the other, and says of each what it lacked.

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
