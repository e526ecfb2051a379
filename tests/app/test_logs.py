"""One event is one line, whatever a client sent."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from mailclad.app.config import LogConfig
from mailclad.app.logs import configure_logs


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
