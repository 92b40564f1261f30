"""Masks what names a project or a person, in every text of a report."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from lkdiag.report.value import Report

PHONE_NUMBER = re.compile(r"\+\d{6,15}")
CLOUD = ".livekit.cloud"
AnyReport = TypeVar("AnyReport", bound=Report)


def redact(report: AnyReport) -> AnyReport:
    """The same report with the project's host and every phone number masked."""
    host = report.environment.project_host
    mask = f"***{CLOUD}" if host.endswith(CLOUD) else "***"

    def masked(value: Any) -> Any:
        if isinstance(value, str):
            return PHONE_NUMBER.sub("+***", value.replace(host, mask) if host else value)
        if isinstance(value, dict):
            return {key: masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):  # msgspec leaves tuples as they are
            return [masked(item) for item in value]
        return value

    return msgspec.convert(masked(msgspec.to_builtins(report)), type(report))
