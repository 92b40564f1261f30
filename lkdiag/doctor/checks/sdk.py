"""The SDKs on this machine: do they fit each other, and the server?"""

from __future__ import annotations

import platform
import re
from importlib import metadata
from typing import TYPE_CHECKING

from lkdiag.doctor.check import failed, ok
from lkdiag.server.binary import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found

SHOWN = ("livekit", "livekit-api", "livekit-protocol", "livekit-agents")
ASKING = ("lkdiag", "livekit-api", "livekit-agents")
"""Whose requirements on LiveKit's packages are looked at."""
_REQUIRED = re.compile(r"(livekit(?:-api|-protocol)?)\s*\(?([<>=!~,.\w*\s]+)\)?")
_CLAUSE = re.compile(r"(>=|==|<=|<|>)\s*([\d.]+)")


async def sdk(bench: Bench) -> Found:
    """Is what each package asks of the others there?"""
    del bench
    versions = installed(SHOWN)
    seen = ", ".join(f"{name} {version}" for name, version in versions.items())
    details = {
        "python": platform.python_version(),
        "OS": platform.platform(),
        "lkdiag": installed(("lkdiag",)).get("lkdiag", ""),
        "tested_with": f"livekit-server {VERSION}",
    }
    broken = mismatches(installed((*ASKING, *SHOWN)), _requires)
    if broken:
        return failed(
            f"{seen}: {'; '.join(broken)}",
            "Install them anew, together: `pip install --upgrade livekit livekit-api livekit-protocol`.",
            **details,
        )
    return ok(seen, **details)


def installed(names: Iterable[str]) -> dict[str, str]:
    """Versions by package; without those that are not there."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def mismatches(versions: dict[str, str], requires: Callable[[str], Iterable[str]]) -> list[str]:
    """`livekit-api 1.2.2 needs livekit-protocol>=1.1.27, which is 1.0.0`: pip lets such things happen."""
    found = []
    for package in ASKING:
        for requirement in requires(package) if package in versions else ():
            needed = _REQUIRED.fullmatch(requirement.partition(";")[0].strip())
            if needed is None or "extra ==" in requirement or needed[1] not in versions:
                continue
            other = versions[needed[1]]
            if not all(_holds(other, *clause) for clause in _CLAUSE.findall(needed[2])):
                found.append(f"{package} {versions[package]} needs {needed[1]}{needed[2].strip()}, not {other}")
    return found


def _requires(package: str) -> Iterable[str]:
    return metadata.requires(package) or ()


def _holds(version: str, relation: str, wanted: str) -> bool:
    here, there = _numbers(version), _numbers(wanted)
    return {
        ">=": here >= there,
        "==": here == there,
        "<=": here <= there,
        "<": here < there,
        ">": here > there,
    }[relation]


def _numbers(version: str) -> tuple[int, ...]:
    """Padded, so that 1.1 and 1.1.0 are the same."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[a-z+]", version)[0])][:4]
    return tuple(numbers + [0] * (4 - len(numbers)))
