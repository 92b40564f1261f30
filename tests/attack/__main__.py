"""`python -m tests.attack`: the long hunts. Exit code 1 if the truth contradicts any verdict."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from lkdiag.server.binary import find_server

from .hunt import HUNTS, Order


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


async def main() -> int:
    """Carry out the hunts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("hunts", nargs="*", metavar="HUNT", help=f"{', '.join(HUNTS)}; all by default")
    parser.add_argument("--trials", type=int, default=300, help="of each hunt")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-a-time", type=int, default=2, help="processes of lkdiag's side by side")
    parser.add_argument("--minutes", type=float, default=60.0, help="no run begins later than that in its hunt")
    parser.add_argument("--folder", type=Path, help="keep journals and the server's logs there")
    given = parser.parse_args()
    if unknown := set(given.hunts) - set(HUNTS):
        parser.error(f"there is no hunt {', '.join(sorted(unknown))}: there are {', '.join(HUNTS)}")
    binary_path = os.environ.get("LKDIAG_SERVER_BINARY")
    binary = await find_server(Path(binary_path) if binary_path else None, _say)
    code = 0
    for name in given.hunts or HUNTS:
        with contextlib.ExitStack() as kept:
            own = kept.enter_context(tempfile.TemporaryDirectory()) if given.folder is None else given.folder / name
            folder = Path(own)
            os.makedirs(folder, exist_ok=True)
            began_s = time.monotonic()
            order = Order(given.trials, given.seed, binary, folder, given.at_a_time, given.minutes * 60, _say)
            tally = await HUNTS[name](order)
            sys.stdout.write(f"\n{name}, seed {given.seed}, {time.monotonic() - began_s:.0f} s\n{tally.table()}\n")
            sys.stdout.flush()
        code |= bool(tally.wrong)
    return code


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
