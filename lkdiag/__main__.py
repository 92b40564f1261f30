"""`lkdiag` and `python -m lkdiag`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from lkdiag.cli.app import run

    run()


if __name__ == "__main__":
    main()
