"""[log]: what is written about what happens."""

from pathlib import Path
from typing import Literal

from mailclad.app.strict import Strict


class LogConfig(Strict, frozen=True, kw_only=True):
    """Without ``file`` the log goes to standard error, where systemd takes it."""

    file: Path | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
