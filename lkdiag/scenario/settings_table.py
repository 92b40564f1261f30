"""[settings] of a scenario's file: the options of its command, without their dashes."""

from __future__ import annotations

import types
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.setting_words import WORDS
from lkdiag.scenario.table import Duration, Table
from lkdiag.scenario.teardown import LOST_LISTED_S, Cleanup, HangupStyle, TeardownScenario

if TYPE_CHECKING:
    from collections.abc import Mapping

Settings = DispatchScenario | TeardownScenario
RENAMED = {"cleanups": "cleanup", "hangups": "hangup", "agent_exits": "agent_exit", "faults": "fault"}
"""Options that may be repeated are fields in the plural."""


def _setting_type(name: str, hint: Any) -> Any:
    if name == "faults":
        return str
    if name in RENAMED:
        (word, _) = get_args(hint)  # tuple[Cleanup, ...]
        return Union.__getitem__((word, Annotated[hint, msgspec.Meta(min_length=1)]))
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))  # TOML has no null
    return Duration if name.endswith("_s") else hint


def _table_of(scenario: type[Settings], name: str) -> type[msgspec.Struct]:
    hints = get_type_hints(scenario)
    settings: list[tuple[str, Any, Any]] = []
    for field in fields(scenario):
        option = RENAMED.get(field.name, field.name)
        described = msgspec.Meta(description=WORDS[option.removesuffix("_s")])
        settings.append((option, Annotated[_setting_type(field.name, hints[field.name]), described], msgspec.UNSET))
    return msgspec.defstruct(
        name, settings, bases=(Table,), frozen=True, kw_only=True, namespace={"__doc__": "The command's options."}
    )


DispatchSettings = _table_of(DispatchScenario, "DispatchSettings")
TeardownSettings = _table_of(TeardownScenario, "TeardownSettings")


def given_settings(table: msgspec.Struct) -> dict[str, Any]:
    """What the table says, by the names of the scenario's fields. `fault` is still its text."""
    plural = {option: name for name, option in RENAMED.items()}
    given: dict[str, Any] = {}
    for option in table.__struct_fields__:
        value = getattr(table, option)
        if value is msgspec.UNSET:
            continue
        name = plural.get(option, option)
        if name != option and name != "faults":
            value = tuple(dict.fromkeys(value if isinstance(value, tuple) else (value,)))
        given[name] = value
    return given


SETTINGS: dict[str, type[msgspec.Struct]] = {"dispatch": DispatchSettings, "teardown": TeardownSettings}
"""By the scenario's kind."""


def dispatch_settings(given: Mapping[str, Any], *, probe_like: bool) -> DispatchScenario:
    """The settings of a dispatch scenario. `probe_like`: the worker that is called for may be lkdiag's own probe.

    Left out, `warmup` is 1 where lkdiag's own probe is the subject: after its registration the first job is listed
    5 s late. Raises UsageError for what makes no sense together.
    """
    own_probe = probe_like and given.get("agent_name") is None
    return DispatchScenario(**{"warmup": 1 if own_probe else 0, **given})


def teardown_settings(given: Mapping[str, Any]) -> TeardownScenario:
    """The settings of a teardown.

    Left out, `window` and `closed-within` are longer for a lost line, which the server lists for 21 s; with the user's
    own agent `cleanup` is subject, and `concurrency` is 1: livekit-agents calls itself full while a job starts.
    Raises UsageError for what makes no sense together.
    """
    defaults: dict[str, Any] = {}
    if given.get("hangup_style") is HangupStyle.LOST:
        defaults |= {
            "window_s": TeardownScenario.window_s + LOST_LISTED_S,
            "closed_within_s": TeardownScenario.closed_within_s + LOST_LISTED_S,
        }
    if given.get("agent_name") is not None:
        defaults |= {"cleanups": (Cleanup.SUBJECT,), "concurrency": 1}
    return TeardownScenario(**{**defaults, **given})
