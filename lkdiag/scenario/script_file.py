"""A scenario's file as a whole, by its two kinds. The JSON Schema of the format is made from these types."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from lkdiag.scenario.expect import DispatchExpect, TeardownExpect
from lkdiag.scenario.settings_table import SETTINGS
from lkdiag.scenario.step import DispatchStep, TeardownStep
from lkdiag.scenario.table import IS, Table
from lkdiag.scenario.workers import WorkerSpec

Varied = str | int | float | bool
Case = dict[str, Varied]
"""What one trial varies, by name."""


class ScriptHead(Table, frozen=True, kw_only=True):
    """What a scenario is about."""

    title: Annotated[
        str,
        Meta(description="One line, for `lkdiag scenarios`.", pattern=r"^[^\n]+$", extra={IS: "a text in one line"}),
    ]
    failure: Annotated[str, Meta(description="The failure in lkdiag's catalogue, as F8.")] = ""
    report: Annotated[
        str,
        Meta(
            description="URL of the report that it comes from.", pattern="^https?://", extra={IS: "a URL, as https://…"}
        ),
    ] = ""
    story: Annotated[str, Meta(description="What users saw, in a few lines.")] = ""
    limits: Annotated[
        str, Meta(description="What a private open-source server can't show, why, and what is played instead.")
    ] = ""


class DispatchBody(ScriptHead, frozen=True, kw_only=True):
    """A scenario about an agent that is called: does it come?"""

    steps: Annotated[tuple[DispatchStep, ...], Meta(description="What happens, in order.", min_length=1)]
    workers: Annotated[
        dict[str, WorkerSpec],
        Meta(description="The workers that are played; main is the one that is called for, else lkdiag's own."),
    ] = msgspec.field(default_factory=dict)
    vary: Annotated[
        dict[str, Annotated[tuple[Varied, ...], Meta(min_length=1)]] | tuple[Case, ...],
        Meta(
            description="Each trial takes the next combination of a table's values, or the next of several tables; a "
            "step's argument $name stands for it."
        ),
    ] = msgspec.field(default_factory=dict)
    expect: DispatchExpect = DispatchExpect()


class TeardownBody(ScriptHead, frozen=True, kw_only=True):
    """A scenario about a call: what is left when everybody has gone?"""

    steps: Annotated[tuple[TeardownStep, ...], Meta(description="What happens, in order.", min_length=1)]
    expect: TeardownExpect = TeardownExpect()


BODIES: dict[str, type[ScriptHead]] = {"dispatch": DispatchBody, "teardown": TeardownBody}


def _file_of(kind: str) -> type[msgspec.Struct]:
    """[settings] is made from the scenario's dataclass, and so the file that has it."""
    body = BODIES[kind]
    return msgspec.defstruct(
        body.__name__.replace("Body", "File"),
        [("settings", SETTINGS[kind], msgspec.UNSET)],
        bases=(body,),
        namespace={"__doc__": body.__doc__},
        frozen=True,
        kw_only=True,
        tag_field="kind",
        tag=kind,
    )


FILES = {kind: _file_of(kind) for kind in BODIES}
"""A whole file's type, by its kind."""
