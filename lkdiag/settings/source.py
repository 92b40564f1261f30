"""One place where credentials may be, and what it had; the flags and the environment among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkdiag.errors import CredentialsError
from lkdiag.settings.wording import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lkdiag.settings.credentials import CredentialFlags

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
    named = {"url": flags.url, "api_key": flags.api_key, "api_secret": flags.api_secret, "project": flags.project}
    source = source_of("flags", {name: value for name, value in named.items() if value is not None}, "--{dashed}")
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
