"""Time as an argument: what is below the servers asks a clock that it was given."""

from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Seconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...
