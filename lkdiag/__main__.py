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
    except Exception as error:
        # nothing of lkdiag may be there to say it with; Python's own exit code, 1, would be a finding
        sys.stderr.write(
            f"error: lkdiag can't begin: {type(error).__name__}: {error}\n"
            "hint: install it anew, with its dependencies; if that does not help, please report it\n"
        )
        sys.exit(4)


if __name__ == "__main__":
    main()
