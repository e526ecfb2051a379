"""Findings that a person has set aside: ``set-aside.json`` in the data directory.

Each with a reason and an end, so that none is forgotten for ever.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from mailclad.services.diagnose.doctor_report import SetAside

FILE_NAME = "set-aside.json"

_decoder = msgspec.json.Decoder(tuple[SetAside, ...])


def read_set_aside(directory: Path) -> tuple[SetAside, ...]:
    """None where there is nothing to read: then everything is told."""
    try:
        return _decoder.decode((directory / FILE_NAME).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return ()


def set_aside(directory: Path, fresh: SetAside, now: datetime) -> None:
    """In the place of what was said of it before; what has ended goes."""
    known = [one for one in read_set_aside(directory) if one.id != fresh.id and one.until > now]
    _write(directory / FILE_NAME, [*known, fresh] if fresh.until > now else known)


def _write(path: Path, aside: Sequence[SetAside]) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(aside), indent=2))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
