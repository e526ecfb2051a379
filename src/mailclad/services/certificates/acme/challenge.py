"""What an authority asks of us before it certifies a name, and who answers it.

RFC 8555 §8 (http-01, dns-01), RFC 8737 (tls-alpn-01).  The port that solvers implement: the
ACME client gives a challenge to be presented, tells the authority, waits, and withdraws it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ChallengeKind(StrEnum):
    HTTP = "http-01"
    TLS_ALPN = "tls-alpn-01"
    DNS = "dns-01"


@dataclass(frozen=True, slots=True)
class Challenge:
    """``name`` is the identifier without "*."; ``token`` was checked to be base64url.

    ``key_authorization`` is RFC 8555 §8.1's, in ASCII.
    """

    kind: ChallengeKind
    name: str
    token: str
    key_authorization: str


class SolverProblem(Exception):
    """The answer could not be put where the authority looks; the text says why, and what to do."""


class Solver(Protocol):
    """Answers one kind of challenge."""

    @property
    def kind(self) -> ChallengeKind: ...

    def can(self, name: str) -> bool:
        """Whether this identifier (``*.example.org``, an IP address) can be proved this way."""
        ...

    async def present(self, challenge: Challenge) -> None:
        """Return when the authority may look; raises SolverProblem."""
        ...

    async def withdraw(self, challenge: Challenge) -> None:
        """Take the answer away again; what is gone already is fine."""
        ...
