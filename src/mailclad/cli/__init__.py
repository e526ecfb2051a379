"""The command line: one file per command, loaded only when it is asked for."""

import sys


def main() -> None:
    """Entry point of ``mailclad`` and ``python -m mailclad``."""
    import logging  # noqa: PLC0415 - importing this package is cheap

    import structlog  # noqa: PLC0415 - likewise

    from mailclad.cli.commands import mailclad  # noqa: PLC0415 - likewise

    # What a command prints is its answer, and tells what it met; only what it cannot know of is
    # told beside it.  `serve` and `demo` say where their log goes.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    sys.exit(mailclad())
