"""One event is one line, whatever a client sent."""

import errno
import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from mailclad.app.logs import configure_logs
from mailclad.app.settings.log import LogConfig


@contextmanager
def logging_to(config: LogConfig) -> Iterator[None]:
    """Configured for a moment; the logging of the test run comes back after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    stream = configure_logs(config)
    yield
    stream.close()
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_client_cannot_write_a_line_of_its_own(tmp_path: Path) -> None:
    with logging_to(LogConfig(file=tmp_path / "log")):
        structlog.get_logger().info("login", peer="192.0.2.1\n2026-01-01 [info] forged")
    assert (tmp_path / "log").read_text().count("\n") == 1


def test_programs_get_json_and_the_level_is_kept(tmp_path: Path) -> None:
    config = LogConfig(file=tmp_path / "d" / "log", format="json", level="warning")
    with logging_to(config):
        structlog.get_logger().info("unimportant")
        structlog.get_logger().warning("important", port=993)
    event = json.loads((tmp_path / "d" / "log").read_text())
    assert (event["event"], event["port"], event["level"]) == ("important", 993, "warning")


class FullDisk(io.StringIO):
    """Takes nothing while it is full."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "no room")
        return super().write(text)


def test_a_log_that_cannot_be_written_loses_lines_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = FullDisk()
    monkeypatch.setattr(sys, "stderr", disk)
    with logging_to(LogConfig(format="json")):
        log = structlog.get_logger()
        disk.full = True
        log.info("lost")
        log.info("lost too")
        disk.full = False
        log.info("kept")
        log.info("as ever")
        written = disk.getvalue()
    kept, after = [json.loads(line) for line in written.splitlines() if line]
    assert (kept["event"], kept["lines_lost_before"]) == ("kept", 2)
    assert (after["event"], "lines_lost_before" in after) == ("as ever", False)
