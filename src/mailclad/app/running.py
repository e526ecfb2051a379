"""What the running server is, for whoever asks: ``running.json`` in the data directory.

The supervisor writes it when it has started and after each reload; the doctor compares it with
what is on disk, and knows whom to tell of a change.  Nothing depends on it, and it may be left
over from a server that was killed: who reads it must ask whether one runs.
"""

import contextlib
import hashlib
import os
import secrets
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

STATE_FILE = "running.json"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """``since``: of the settings, ``settings`` the SHA-256 of their file."""

    pid: int
    since: datetime
    version: str
    settings: str


def settings_digest(file: Path) -> str:
    """To be taken before the file is loaded: a change meanwhile is seen as one."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def note_running(directory: Path, settings: str, now: datetime) -> None:
    """A full disk keeps the old file, or none: the server does not wait for it."""
    state = Running(pid=os.getpid(), since=now, version=version("mailclad"), settings=settings)
    path = directory / STATE_FILE
    draft = path.with_name(f".{STATE_FILE}.{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        try:
            draft.write_bytes(msgspec.json.encode(state))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def read_running(directory: Path) -> Running | None:
    try:
        return msgspec.json.decode((directory / STATE_FILE).read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None
