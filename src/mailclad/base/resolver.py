"""DNS as an argument: what judges mail asks a resolver that it was given.

Comes in: names in presentation form, A-labels, with or without the last dot.  Goes out: an
``Answer``, empty where there is nothing: that is knowledge, not failure.  What could not be
found out raises ``DnsProblem``.  CNAMEs are followed by the resolver.
"""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class DnsProblem(Exception):
    """Nobody answered, or not usefully (SERVFAIL, REFUSED, timeout): ask again later."""


class DnsBogus(DnsProblem):
    """DNSSEC validation failed: somebody may be lying (RFC 4035 §5.5)."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    """``secure``: validated by DNSSEC, also where ``records`` is empty.

    ``exists`` is False where the name itself does not exist (NXDOMAIN).  ``name`` is the one
    that the records stand at, behind CNAMEs; every step there was secure if ``secure`` is set.
    ``ttl`` is in seconds.
    """

    name: str
    records: tuple[T_co, ...]
    secure: bool = False
    exists: bool = True
    ttl: int = 0


@dataclass(frozen=True, slots=True)
class Mx:
    """``host`` is "" in a null MX (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class Tlsa:
    """RFC 6698 §2.1."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Srv:
    """RFC 2782; ``target`` is "" where the service is not offered."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Caa:
    """RFC 8659 §4.1."""

    flags: int
    tag: str
    value: bytes


class Resolver(Protocol):
    """Names come back in lower case without the last dot; TXT strings are joined."""

    async def addresses(self, name: str, version: int) -> Answer[str]:
        """A (``version`` 4) or AAAA (6), as text."""
        ...

    async def mx(self, name: str) -> Answer[Mx]: ...

    async def txt(self, name: str) -> Answer[bytes]: ...

    async def ptr(self, address: str) -> Answer[str]:
        """The names of an IP address, from in-addr.arpa or ip6.arpa."""
        ...

    async def tlsa(self, name: str) -> Answer[Tlsa]: ...


class AnewResolver(Resolver, Protocol):
    """What looking again needs beside."""

    async def txt_anew(self, name: str) -> Answer[bytes]:
        """Asked of the server, whatever is remembered here."""
        ...


class ZoneResolver(Resolver, Protocol):
    """What looking after a domain needs beside."""

    async def ns(self, name: str) -> Answer[str]: ...

    async def cname(self, name: str) -> Answer[str]:
        """The record itself, not followed."""
        ...

    async def srv(self, name: str) -> Answer[Srv]: ...

    async def caa(self, name: str) -> Answer[Caa]: ...
