"""A clock that stands until it is moved."""

NOW = 1_767_225_600
"""Thu, 01 Jan 2026 00:00:00 +0000."""


class StandingClock:
    seconds = NOW

    def now(self) -> int:
        return self.seconds

    def monotonic(self) -> float:
        return float(self.seconds)
