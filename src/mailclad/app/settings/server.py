"""[server]: what the server is called, where its mail is, what its processes are."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from mailclad.app.strict import Strict, Wrong

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


class ServerConfig(Strict, frozen=True, kw_only=True):
    """``workers`` 0 is one for each core; ``user`` empty stays who started it."""

    hostname: str
    data: Path = Path("/var/lib/mailclad")
    workers: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    user: str = ""
    pid_file: Path | None = None

    def wrong(self) -> Iterator[Wrong]:
        if not _HOST_NAME.fullmatch(self.hostname):
            yield ("hostname",), f"“{self.hostname}” is not a host name like mail.example.org"

    def worker_count(self) -> int:
        """One for each core that this process may use, unless the file says."""
        return self.workers or len(os.sched_getaffinity(0))
