"""`lkdiag` and `python -m lkdiag`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from lkdiag.cli.app import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)  # before anything had begun


if __name__ == "__main__":
    main()
