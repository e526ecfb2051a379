"""A store of challenges in memory, and a clock that stands until it is set."""

from mailclad.store.challenges import Challenges
from mailclad.store.errors import StoreUnavailable


class KeptHere(Challenges):
    """``rows`` by kind and key: the answer and until when; ``broken``: it cannot be reached."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[str, int]] = {}
        self.broken = False

    async def put_challenge(self, kind: str, key: str, answer: str, until: int) -> None:
        self._check()
        self.rows[kind, key] = answer, until

    async def take_challenge(self, kind: str, key: str) -> None:
        self._check()
        self.rows.pop((kind, key), None)

    async def past_challenges(self, kind: str, now: int) -> tuple[tuple[str, str], ...]:
        self._check()
        rows = self.rows.items()
        return tuple((key, row[0]) for (one, key), row in rows if one == kind and row[1] <= now)

    def challenge(self, kind: str, key: str, now: int) -> str | None:
        self._check()
        answer, until = self.rows.get((kind, key), (None, 0))
        return answer if until > now else None

    def _check(self) -> None:
        if self.broken:
            raise StoreUnavailable("the disk is full")


class SetClock:
    def __init__(self, now: int = 1_790_000_000) -> None:
        self.time = float(now)

    def now(self) -> int:
        return int(self.time)

    def monotonic(self) -> float:
        return self.time
