"""HTTPS as an argument: what a service fetches or posts goes through a client that it was given.

Comes in: a ``Request`` whose URL may be a stranger's.  Goes out: a ``Response`` whatever its
status, or ``HttpsProblem``.  Redirects are answers like any other, and nothing is cached.
"""

from dataclasses import dataclass
from typing import Protocol


class HttpsProblem(Exception):
    """There is no answer to be used; the text says why, for an administrator."""


class HttpsCertificateRefused(HttpsProblem):
    """Somebody answered who could not prove to be that host."""


@dataclass(frozen=True, slots=True)
class Request:
    """A GET, with a ``body`` a POST of that media type, or a HEAD.

    ``octets`` is the largest body of an answer that is taken; ``seconds`` is for everything, from
    the first question to the DNS on.  ``plain`` allows http:// beside https://, for what proves
    itself (certificates, revocation lists) or is public (a challenge's answer): anybody on the
    way can read and change it.
    """

    url: str
    body: bytes | None = None
    media_type: str = ""
    octets: int = 64 * 1024
    seconds: float = 60.0
    head: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """``headers`` by name in lower case; of several with one name, the first.

    ``fields`` are all of them, in order.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    fields: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """Of every header field of this name (in lower case)."""
        return tuple(value for known, value in self.fields if known == name)


class Https(Protocol):
    async def fetch(self, request: Request) -> Response:
        """Raises HttpsProblem."""
        ...
