"""The command line: one file per command, loaded only when it is asked for."""

import sys


def main() -> None:
    """Entry point of ``mailclad`` and ``python -m mailclad``."""
    from mailclad.cli.commands import mailclad  # noqa: PLC0415 - importing this package is cheap

    sys.exit(mailclad())
