"""The storage port's ACME challenges: answers that any process of ours may be asked for.

RFC 8555 §8.3 (http-01, by token), RFC 8737 §3 (tls-alpn-01, by name).  For dns-01 the answer is
what was written into the DNS, so that it is taken away again even if its writer did not live to
do it.  Each verb is one transaction.
"""

from typing import Protocol


class Challenges(Protocol):
    """``kind`` is the challenge's type; ``key`` the token or the name in lower case."""

    async def put_challenge(self, kind: str, key: str, answer: str, until: int) -> None:
        """Keep an answer until that time; one of the same key is replaced."""
        ...

    async def take_challenge(self, kind: str, key: str) -> None:
        """Remove it; it may be gone."""
        ...

    async def past_challenges(self, kind: str, now: int) -> tuple[tuple[str, str], ...]:
        """Keys and answers whose time is over and that nobody took."""
        ...

    def challenge(self, kind: str, key: str, now: int) -> str | None:
        """The answer, at once: one short read, for a handshake cannot wait."""
        ...
