"""Masks what names a project or a person, in every text of a report."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from lkdiag.report.masking import Masks
from lkdiag.report.value import Report

AnyReport = TypeVar("AnyReport", bound=Report)


def redact(report: AnyReport) -> AnyReport:
    """The same report with the project's host, phone numbers, identities and job metadata masked."""
    masks = Masks.of_run(report.environment.project_host, report.run.options)
    fields = msgspec.to_builtins(report)
    masks.learn(fields)
    return msgspec.convert(masks.value(fields), type(report))
