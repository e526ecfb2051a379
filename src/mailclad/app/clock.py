"""The real clock, for everything below that takes time as an argument."""

import time


class SystemClock:
    """Implements ``base.clock.Clock``."""

    def now(self) -> int:
        return int(time.time())

    def monotonic(self) -> float:
        return time.monotonic()
