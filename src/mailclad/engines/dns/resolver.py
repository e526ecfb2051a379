"""Looking names up in the DNS (implements ``ZoneResolver``; RFC 1034 §5.3, RFC 9520).

Comes in: names, of strangers too.  Goes out: answers, remembered for as long as they hold, or
``DnsProblem``, remembered for some seconds.  Equal questions at the same time are asked once.
Needs a server that resolves fully (unbound, or the host's own).  Whether an answer is secure
says a server on loopback that validates (``servers``), or our own validation (``dnssec``).  A
name that cannot stand in the DNS does not exist.
Limits: time for each question, questions at the same time, CNAMEs, records, memory.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from typing import Any

from mailclad.base.resolver import (
    AnewResolver,
    Answer,
    Caa,
    DnsProblem,
    Mx,
    Srv,
    Tlsa,
    ZoneResolver,
)
from mailclad.engines.dns.answer import MAX_ALIASES, MAX_TTL, Reading, read_answer
from mailclad.engines.dns.cache import FAILURE_SECONDS, Cache
from mailclad.engines.dns.dnssec.anchors import ROOT_ANCHORS
from mailclad.engines.dns.dnssec.records import Ds
from mailclad.engines.dns.dnssec.validator import Validator
from mailclad.engines.dns.joined import Joined
from mailclad.engines.dns.message import Kind, Reply, Unusable
from mailclad.engines.dns.name import read_name, write_name
from mailclad.engines.dns.servers import Servers, Validation, read_servers

TRY_SECONDS = 3.0
"""For one server once: a resolver that must walk from the root takes one or two."""

TOTAL_SECONDS = 10.0
"""For one question with all its tries and CNAMEs: an SMTP client waits minutes, people do not."""

MAX_ENTRIES = 50_000
"""Answers remembered: a few for each domain and address of a busy day."""

MAX_CACHE_OCTETS = 32 * 1024 * 1024
"""Of answers remembered, whatever their number, as text; as objects they take twice that."""

MAX_ASKED = 256
"""Questions on the way at the same time: each has a socket."""

MAX_WAITING = 4096
"""Questions on the way or waiting for room; one more is refused at once."""

_Question = tuple[bytes, Kind]
_Outcome = Answer[Any] | DnsProblem


class DnsResolver(ZoneResolver, AnewResolver):
    """For one event loop.  ``servers`` are IP addresses and ports; None: /etc/resolv.conf.

    ``anchors``: of the root, for our own validation; ``clock``: what signatures mean by now.
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] | None = None,
        *,
        validate: Validation = "auto",
        anchors: Sequence[Ds] = ROOT_ANCHORS,
        try_seconds: float = TRY_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        chosen = read_servers() if servers is None else servers
        self._servers = Servers(chosen, try_seconds, validate, monotonic)
        self._validator = Validator(
            self._servers.ask,
            anchors,
            insist=validate == "always",
            clock=clock,
            monotonic=monotonic,
        )
        self._total_seconds = total_seconds
        self._monotonic = monotonic
        self._known: Cache[_Question, _Outcome] = Cache(MAX_ENTRIES, MAX_CACHE_OCTETS)
        self._asked: Joined[_Question, _Outcome] = Joined()
        self._room = asyncio.Semaphore(MAX_ASKED)

    async def addresses(self, name: str, version: int) -> Answer[str]:
        return await self._look_up(name, Kind.A if version == 4 else Kind.AAAA)

    async def mx(self, name: str) -> Answer[Mx]:
        return await self._look_up(name, Kind.MX)

    async def txt(self, name: str) -> Answer[bytes]:
        return await self._look_up(name, Kind.TXT)

    async def txt_anew(self, name: str) -> Answer[bytes]:
        return await self._look_up(name, Kind.TXT, anew=True)

    async def ptr(self, address: str) -> Answer[str]:
        return await self._look_up(_reverse_name(address), Kind.PTR)

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        return await self._look_up(name, Kind.TLSA)

    async def ns(self, name: str) -> Answer[str]:
        return await self._look_up(name, Kind.NS)

    async def cname(self, name: str) -> Answer[str]:
        return await self._look_up(name, Kind.CNAME)

    async def srv(self, name: str) -> Answer[Srv]:
        return await self._look_up(name, Kind.SRV)

    async def caa(self, name: str) -> Answer[Caa]:
        return await self._look_up(name, Kind.CAA)

    async def close(self) -> None:
        """End all questions; whoever waits for one is cancelled."""
        await self._asked.close()
        await self._validator.close()

    async def _look_up(self, text: str, kind: Kind, *, anew: bool = False) -> Answer[Any]:
        name = read_name(text)
        if name is None:
            return Answer(text.lower().rstrip("."), (), exists=False)
        question = (name, kind)
        known = None if anew else self._known.get(question, self._monotonic())
        if known is None:
            return _give(await self._join(question))
        outcome, seconds = known
        found = _give(outcome)
        return Answer(found.name, found.records, found.secure, found.exists, seconds)

    async def _join(self, question: _Question) -> _Outcome:
        """Ask, or wait with those who asked before."""
        if len(self._asked) >= MAX_WAITING and question not in self._asked:
            raise DnsProblem(f"more than {MAX_WAITING} questions to the DNS at a time")
        return await self._asked.do(question, lambda: self._find(question))

    async def _find(self, question: _Question) -> _Outcome:
        outcome: _Outcome
        try:
            async with asyncio.timeout(self._total_seconds), self._room:
                outcome = await self._follow(*question)
        except TimeoutError:
            outcome = self._too_slow(*question)
        except DnsProblem as problem:
            outcome = problem
        seconds = FAILURE_SECONDS if isinstance(outcome, DnsProblem) else outcome.ttl
        octets = len(repr(outcome))  # as good a measure as any, and it needs no table of types
        self._known.put(question, outcome, self._monotonic(), seconds, octets)
        return outcome

    async def _follow(self, name: bytes, kind: Kind) -> Answer[Any]:
        """Across replies too, where a server does not follow CNAMEs itself."""
        secure, ttl, aliases = True, MAX_TTL, 0
        while True:
            reply = await self._servers.ask(name, kind)
            try:
                reading = read_answer(reply, name, kind, MAX_ALIASES - aliases)
                proven, seconds = await self._judge(reply, kind, reading)
            except Unusable as problem:
                raise DnsProblem(
                    f"{kind.name} of {write_name(name)}: the DNS server {problem}"
                ) from problem
            secure = secure and proven
            ttl = min(ttl, reading.ttl, seconds)
            aliases += len(reading.aliases)
            name = reading.name
            if not reading.unfinished:
                return Answer(write_name(name), reading.records, secure, reading.exists, ttl)

    async def _judge(self, reply: Reply, kind: Kind, reading: Reading) -> tuple[bool, int]:
        """Whether it is secure, and for how many seconds that holds."""
        if self._servers.validated:
            return await self._validator.judge(reply, kind, reading)
        return self._servers.believed and reply.authentic, MAX_TTL

    def _too_slow(self, name: bytes, kind: Kind) -> DnsProblem:
        return DnsProblem(
            f"{kind.name} of {write_name(name)}: no answer within {self._total_seconds:g} "
            "seconds; is the DNS server that we ask running, and the way to it open?"
        )


def _give(outcome: _Outcome) -> Answer[Any]:
    if isinstance(outcome, DnsProblem):
        # A new one: a raised exception gathers the tracebacks of all who met it.
        raise type(outcome)(*outcome.args)
    return outcome


def _reverse_name(address: str) -> str:
    """RFC 1035 §3.5, RFC 3596 §2.5; an IPv4 address in IPv6 clothes is the IPv4 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.reverse_pointer
