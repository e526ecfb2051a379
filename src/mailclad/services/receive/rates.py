"""How much one client may ask of us in a minute, counted by all workers together.

Connections, messages, recipients and unknown recipients are counted for the client's address
and for the network around it, which may have ``NEIGHBOURS`` times as much.  Beyond a limit the
client is told to come back: 421 for a connection, 450 for the rest.  Who asks for many people
that do not exist is answered more and more slowly, and then sent away: addresses are not to be
guessed.  Counts fade; they lie in shared memory, made before the fork, and may be lost.
"""

import asyncio
import hashlib
import math
import secrets
from dataclasses import dataclass

import structlog

from mailclad.base.clock import Clock
from mailclad.mail.address import Address
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.auth.throttle_table import Counter, SharedTable
from mailclad.services.receive.guard import Client, Guard, MailFrom, Refused, Visit
from mailclad.services.receive.networks import HOST_BITS, NEIGHBOUR_BITS, network_of
from mailclad.services.receive.recipients import is_role

NEIGHBOURS = 4
"""A network may have as much as so many addresses."""

HALF_LIFE_SECONDS = 60 * math.log(2)
"""With it, whoever does n things a minute for ever has a count of n."""

SLOTS = 65_536
"""Two counters for each client and kind: 2 MiB for some eight thousand clients a minute."""

SLOW_FROM = 0.5
"""At this part of the limit of unknown recipients the next message is answered late."""

SLOWEST_SECONDS = 5.0
"""An honest client waits 5 minutes for an answer to MAIL (RFC 5321 §4.5.3.2.2)."""

_LATER = "4.7.0"
_CONNECTIONS = Reply(421, _LATER, "Too many connections from your address; come back in a minute")
_MESSAGES = Reply(450, _LATER, "Too many messages from your address; come back in a minute")
_RECIPIENTS = Reply(450, _LATER, "Too many recipients from your address; come back in a minute")
_UNKNOWN = Reply(421, _LATER, "Too many recipients that do not exist; come back in a minute")

_Networks = tuple[tuple[str, int], ...]
"""Each with how many times the limit it may have."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RateLimits:
    """For one address in one minute; 0 is without limit.

    Large providers send from many addresses, each far below these.
    """

    connections: int = 120
    messages: int = 300
    recipients: int = 1_000
    unknown: int = 30


class RateTable:
    """The memory that all workers share; made before the fork."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(16)
        self.counts = SharedTable(HALF_LIFE_SECONDS, SLOTS)


class Rates(Guard):
    def __init__(self, table: RateTable, clock: Clock, limits: RateLimits) -> None:
        self._table, self._clock, self.limits = table, clock, limits

    def meet(self, client: Client) -> Visit:
        return _Visit(self, client.peer)

    def count(self, kind: str, networks: _Networks) -> None:
        """One more."""
        now = self._clock.monotonic()
        for network, _ in networks:
            key = self._key(kind, network)
            level = self._table.counts.get(key, now).level
            self._table.counts.put(key, Counter(level + 1, 0.0), now)

    def fullness(self, kind: str, networks: _Networks, limit: int) -> float:
        """1.0 where the limit is reached; a count that has faded a little is still whole."""
        if not limit:
            return 0.0
        now = self._clock.monotonic()
        return max(
            round(self._table.counts.get(self._key(kind, network), now).level) / (limit * times)
            for network, times in networks
        )

    def _key(self, *words: str) -> int:
        octets = hashlib.blake2b("\0".join(words).encode(), digest_size=8, key=self._table.key)
        return int.from_bytes(octets.digest(), "big") or 1


class _Visit(Visit):
    def __init__(self, rates: Rates, peer: str) -> None:
        self._rates, self._peer = rates, peer
        host, neighbours = network_of(peer, HOST_BITS), network_of(peer, NEIGHBOUR_BITS)
        self._networks: _Networks = ((host, 1), (neighbours, NEIGHBOURS))

    async def connected(self) -> None:
        self._send_guessers_away()
        self._admit("connection", self._rates.limits.connections, _CONNECTIONS, close=True)

    async def mail(self, sender: MailFrom) -> None:
        guessing = self._send_guessers_away()
        if guessing > SLOW_FROM:
            await asyncio.sleep(SLOWEST_SECONDS * (guessing - SLOW_FROM) / (1 - SLOW_FROM))
        self._admit("message", self._rates.limits.messages, _MESSAGES)

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        if not is_role(recipient):
            self._admit("recipient", self._rates.limits.recipients, _RECIPIENTS)

    def refused(self, sender: MailFrom, recipient: Address) -> None:
        if self._rates.limits.unknown:
            self._rates.count("unknown", self._networks)

    def _send_guessers_away(self) -> float:
        fullness = self._rates.fullness("unknown", self._networks, self._rates.limits.unknown)
        if fullness >= 1:
            self._refuse("unknown recipients", _UNKNOWN, close=True)
        return fullness

    def _admit(self, kind: str, limit: int, reply: Reply, *, close: bool = False) -> None:
        if not limit:
            return
        if self._rates.fullness(kind, self._networks, limit) >= 1:
            self._refuse(f"{kind}s", reply, close=close)
        self._rates.count(kind, self._networks)

    def _refuse(self, what: str, reply: Reply, *, close: bool) -> None:
        _log.info("client slowed down", peer=self._peer, too_many=what)
        raise Refused(reply, close=close)
