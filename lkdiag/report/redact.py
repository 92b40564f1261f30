"""Masks what names a project or a person, in every text of a report."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from lkdiag.privacy.masks import Masks
from lkdiag.report.packed import repacked
from lkdiag.report.value import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

AnyReport = TypeVar("AnyReport", bound=Report)
Trial = TypeVar("Trial")

TRIALS = ("trials", "warmup")
"""The long lists of a report: they are masked trial by trial."""


def redact(report: AnyReport) -> AnyReport:
    """The same report with the project's host, phone numbers, identities and job metadata masked."""
    masks = Masks.of_run(report.environment.project_host, report.run.options)
    short: dict[str, Any] = {}
    for field in fields(report):
        value = getattr(report, field.name)
        if field.name in TRIALS:
            for trial in value:
                masks.learn(msgspec.to_builtins(trial), field.name)
        else:
            short[field.name] = msgspec.to_builtins(value)
            masks.learn(short[field.name], field.name)
    long: dict[str, Any] = {name: _masked(getattr(report, name), masks) for name in TRIALS if hasattr(report, name)}
    masked = {name: masks.value(value, name) for name, value in short.items()}
    redacted = msgspec.convert({**masked, **dict.fromkeys(long, ())}, type(report))
    return replace(redacted, **long)


def _masked(trials: Sequence[Trial], masks: Masks) -> Sequence[Trial]:
    return repacked(trials, lambda trial: msgspec.convert(masks.value(msgspec.to_builtins(trial)), type(trial)))
