"""MTA-STS policies as values (RFC 8461 §3.2, §4.1)."""

from dataclasses import dataclass
from enum import StrEnum


class StsMode(StrEnum):
    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """``id`` is the TXT record's; ``mx`` the patterns, ``lines`` the whole policy, as written."""

    domain: str
    id: str
    mode: StsMode
    mx: tuple[str, ...]
    max_age: int
    lines: tuple[str, ...]
