"""Where log events go: one line each, as text for people or JSON for programs.

Comes in: the ``[log]`` section.  Passwords never reach this far; what a client sent is
escaped, so that one event stays one line.  A log that cannot be written, on a full disk,
loses lines: it never costs a connection, a process or an acknowledged message.
"""

import io
import logging
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict

from mailclad.app.settings.log import LogConfig

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(config: LogConfig) -> TextIO:
    """Send events of this process, and of those forked from it, to the stream returned."""
    stream = _open(config)
    lines = _Lines(stream)
    render = structlog.processors.JSONRenderer() if config.format == "json" else _as_text
    structlog.configure(
        processors=[
            _Stamp(),
            lines.tell_lost,
            structlog.processors.format_exc_info,
            _on_one_line,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[config.level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", lines)),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=lines, level=logging.WARNING, force=True)
    return stream


def _open(config: LogConfig) -> TextIO:
    if config.file is None:
        return sys.stderr
    config.file.parent.mkdir(parents=True, exist_ok=True)
    binary = config.file.open("ab", buffering=0)
    return io.TextIOWrapper(binary, "utf-8", errors="backslashreplace", write_through=True)


class _Lines:
    """The part of a text stream that loggers use; the event after lost lines tells of them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = 0

    def tell_lost(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        if self._lost:
            event["lines_lost_before"] = self._lost
        return event

    def write(self, text: str) -> None:
        try:
            # What was lost may have been cut off in the middle of its line.
            self._stream.write(f"\n{text}" if self._lost else text)
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def flush(self) -> None:
        with suppress(OSError):  # a buffered stream keeps the lines, and tries again
            self._stream.flush()


class _Stamp:
    """When, and how bad: to the millisecond, in UTC; each second is written out once."""

    def __init__(self) -> None:
        self._second, self._written = 0, ""

    def __call__(self, _logger: object, level: str, event: EventDict) -> EventDict:
        now = time.time()
        second = int(now)
        if second != self._second:
            written = datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds")
            self._second, self._written = second, written.removesuffix("+00:00")
        event["level"] = "error" if level == "exception" else level
        event["timestamp"] = f"{self._written}.{int((now - second) * 1000):03d}Z"
        return event


def _on_one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """No client can write a line of its own into the log."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key != "exception":
            event[key] = value.encode("unicode_escape").decode("ascii")
    return event


def _as_text(_logger: object, _method: str, event: EventDict) -> str:
    """``2026-11-24T00:29:43.744Z info    message accepted id=93b6 octets=392``; a traceback below.

    Our own, because structlog's renderer for consoles costs four times as much, and every
    connection and every message writes a line.
    """
    trace = event.pop("exception", None)
    head = f"{event.pop('timestamp')} {event.pop('level'):<7} {event.pop('event')}"
    pairs = "".join([f" {key}={_value(value)}" for key, value in event.items()])
    return f"{head}{pairs}\n{trace}" if trace else head + pairs


def _value(value: object) -> object:
    return repr(value) if isinstance(value, str) and (" " in value or not value) else value
