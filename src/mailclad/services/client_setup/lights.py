"""The live watch over one device that is being set up, as the page shows it.

UX: *connected securely · signed in · sent a test message*, and the fault by name.  A view is made
of what was noticed (``store.setup_watches``) and of the time; pure.
"""

from dataclasses import dataclass
from enum import StrEnum


class LightState(StrEnum):
    WAITING = "waiting"
    GREEN = "green"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Light:
    """``words`` say which: "IMAP, port 993, TLS 1.3"."""

    title: str
    state: LightState
    words: str


@dataclass(frozen=True, slots=True)
class Fault:
    """``finding`` is a key of the catalogue, ``words`` have ``**marks**``."""

    finding: str
    words: str


@dataclass(frozen=True, slots=True)
class WatchView:
    """``fault`` is the last that still counts; ``cancelled``: the app password was sent readable
    and is worthless now; ``finished``: every light is green, or the watch has ended."""

    lights: tuple[Light, ...]
    fault: Fault | None
    cancelled: bool
    finished: bool
