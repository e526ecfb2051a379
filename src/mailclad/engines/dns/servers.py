"""The servers we ask, in order, each again when it was silent; and what we believe of each.

Comes in: a name and a type.  Goes out: the first useful reply.  Where we validate ourselves
(``dnssec``), nothing is believed, and all servers are asked for what fails their own validation
too (CD, RFC 6840 §5.9).  Else the AD bit (RFC 6840 §5.8) is believed of servers on this host's
loopback only: on any other way somebody may set it.  Such a server that answers SERVFAIL is asked
once more without its validation (CD, RFC 4035 §3.2.2); if it can answer then, the data are bogus,
and no other server is asked, since one that does not validate would hand them out.  For the same
reason servers elsewhere are not asked at all where one on loopback is believed: whoever keeps that
one from answering could choose what counts as merely unsigned.
Whether a server on loopback validates at all (systemd-resolved and dnsmasq do not, as they come)
is asked of it: the root is signed, so its SOA comes with AD.  One that leaves the bit out is from
then on treated as one elsewhere.  That is never taken back, and while it cannot be found out
nothing changes: what is not validated by anybody is never secure.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import structlog

from mailclad.base.resolver import DnsBogus, DnsProblem
from mailclad.engines.dns.exchange import exchange
from mailclad.engines.dns.message import (
    CAUSE_OF_BOGUS,
    Kind,
    Rcode,
    Reply,
    Unusable,
    make_question,
)
from mailclad.engines.dns.name import write_name

TRIES = 2
"""For each server that says nothing; datagrams get lost."""

MAX_SERVERS = 3
"""From resolv.conf, as the system's own resolver takes (resolv.conf(5))."""

PROBED_EACH_SECONDS = 3600.0
"""How often is asked whether servers on loopback validate: another one may run there now."""

PROBED_AGAIN_SECONDS = 60.0
"""The same where one did not answer."""

Validation = Literal["auto", "always", "never"]
"""Whether we validate ourselves; ``auto``: unless a server on loopback does it for us."""

_ROOT = b"\0"
_log = structlog.get_logger()

_PORT = 53
_RCODES = {code.value: code.name for code in Rcode}
_USEFUL = frozenset({Rcode.NOERROR, Rcode.NXDOMAIN})


def read_servers(path: Path = Path("/etc/resolv.conf")) -> list[tuple[str, int]]:
    """The servers this host asks; 127.0.0.1 where none are named (resolv.conf(5))."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    words = [line.split() for line in lines]
    named = [(line[1], _PORT) for line in words if len(line) > 1 and line[0] == "nameserver"]
    return named[:MAX_SERVERS] or [("127.0.0.1", _PORT)]


def parse_server(text: str) -> tuple[str, int]:
    """``127.0.0.1``, ``127.0.0.1:5353``, ``::1`` or ``[::1]:5353``; raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or ("]" not in host and ":" in host):
        host, port = text, str(_PORT)
    host = host.removeprefix("[").removesuffix("]")
    ipaddress.ip_address(host)
    if not 0 < int(port) < 65536:
        raise ValueError(f"{port} is not a port")
    return host, int(port)


class Servers:
    """Raises ValueError where a server is not an IP address.

    ``believed``: their AD bit is.  ``validated``: by us, whatever they say.
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]],
        try_seconds: float,
        validate: Validation,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not servers:
            raise ValueError("no DNS server to ask: name one, as 127.0.0.1 port 53")
        near = [server for server in servers if _is_loopback(server[0])]
        self.validated = validate == "always" or (validate == "auto" and not near)
        self.believed = bool(near) and not self.validated
        self._all = list(servers)
        self._servers = near if self.believed else self._all
        self._try_seconds = try_seconds
        self._monotonic = monotonic
        self._probes = self.believed and validate == "auto"
        self._probe_from = 0.0
        self._probing = asyncio.Lock()

    async def ask(self, name: bytes, kind: Kind) -> Reply:
        """Raises DnsProblem with each server's trouble, DnsBogus as soon as it is known."""
        if self._is_probe_due():
            async with self._probing:
                if self._is_probe_due():  # else others have asked meanwhile
                    await self._probe()
        left = list(self._servers)
        troubles: dict[tuple[str, int], str] = {}
        for _ in range(TRIES):
            for server in tuple(left):
                try:
                    return await self._ask_one(server, name, kind)
                except TimeoutError:
                    troubles[server] = f"did not answer within {self._try_seconds:g} seconds"
                except OSError as problem:
                    troubles[server] = f"could not be asked ({problem.strerror or problem})"
                except Unusable as problem:
                    troubles[server] = str(problem)
                    left.remove(server)
        each = "; ".join(
            f"{host} port {port} {trouble}" for (host, port), trouble in troubles.items()
        )
        raise DnsProblem(f"{kind.name} of {write_name(name)} could not be looked up: {each}")

    def _is_probe_due(self) -> bool:
        return self._probes and self._monotonic() >= self._probe_from

    async def _probe(self) -> None:
        """Believe our servers no more if one of them does not validate."""
        found = await asyncio.gather(*(self._validates(server) for server in self._servers))
        if False in found:
            self._probes, self.believed, self.validated = False, False, True
            self._servers = self._all
            _log.warning("the DNS server on this host does not validate DNSSEC, so we do it")
        wait = PROBED_AGAIN_SECONDS if None in found else PROBED_EACH_SECONDS
        self._probe_from = self._monotonic() + wait

    async def _validates(self, server: tuple[str, int]) -> bool | None:
        """None where it does not say."""
        try:
            reply = await self._exchange(server, make_question(_ROOT, Kind.SOA))
        except (OSError, Unusable):  # TimeoutError is an OSError
            return None
        return reply.authentic if reply.rcode == Rcode.NOERROR else None

    async def _ask_one(self, server: tuple[str, int], name: bytes, kind: Kind) -> Reply:
        question = make_question(name, kind, checked=not self.validated)
        reply = await self._exchange(server, question)
        if reply.rcode in _USEFUL:
            return reply
        if reply.rcode == Rcode.SERVFAIL and self.believed:
            await self._check_bogus(server, name, kind)
        raise Unusable(f"answered {_RCODES.get(reply.rcode, reply.rcode)}")

    async def _check_bogus(self, server: tuple[str, int], name: bytes, kind: Kind) -> None:
        """Raises DnsBogus if only validation stands between us and an answer."""
        try:
            reply = await self._exchange(server, make_question(name, kind, checked=False))
        except OSError as problem:
            raise Unusable("answered SERVFAIL") from problem
        if reply.rcode in _USEFUL:
            raise DnsBogus(
                f"{kind.name} of {write_name(name)}: the DNSSEC signatures do not prove it; "
                f"{CAUSE_OF_BOGUS}"
            )

    async def _exchange(self, server: tuple[str, int], question: bytes) -> Reply:
        async with asyncio.timeout(self._try_seconds):
            return await exchange(server, question)


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
