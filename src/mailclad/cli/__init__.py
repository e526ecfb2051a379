"""The command line: one file per command, loaded only when it is asked for."""

import sys


def main() -> None:
    """Entry point of ``mailclad`` and ``python -m mailclad``."""
    import structlog  # noqa: PLC0415 - importing this package is cheap

    from mailclad.cli.commands import mailclad  # noqa: PLC0415 - likewise

    # What a command prints is its answer; `serve` and `demo` say where their log goes.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    sys.exit(mailclad())
