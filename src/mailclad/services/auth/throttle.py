"""Slows down who guesses, without locking the owner out (RFC 9051 §11.7, RFC 4616 §6).

Each attempt with a chosen password is charged a part before it is checked, so that a
hundred at once are soon no cheaper than one after the other, and the rest when it was
wrong; a right one is refunded.  What is charged:

    from where the owner has logged in before   that pair of address and account, alone
    from anywhere else                          the address, the account, and everyone

An address (IPv4 /32, IPv6 /64) takes turns: its next attempt is due later and later, and
one that would wait too long is turned away unchecked.  An account only adds a bounded wait,
so a thousand strangers cannot keep its owner out.  App passwords never come here: 75 bits
need no throttle, so their owners log in whatever happens.  Fades by half every ten minutes.
Knows nothing of sockets and does not sleep: it says how many seconds to wait.
"""

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass

from mailclad.base.clock import Clock
from mailclad.services.auth.outcome import AuthenticationUnavailable
from mailclad.services.auth.throttle_table import Counter, SharedTable

HALF_LIFE_SECONDS = 600.0
KNOWN_HALF_LIFE_SECONDS = 30 * 86_400.0
KNOWN_LEVEL = 0.25
"""A pair is known until two half-lives, sixty days, after its last login."""

FREE_ATTEMPTS = 3.0
"""RFC 4954 §6 wants three tries; a person mistypes twice."""
UNDER_WAY = 0.2
"""Of a failure, while it is not known yet: an office of fifteen may log in at once."""
SPACING_DOUBLINGS = 6.0
"""From one second between attempts to 64: one guess a minute is 1,440 a day."""
WAIT_MOST_SECONDS = 10.0
"""Mail programs give up after 20 to 60 seconds without an answer."""

ACCOUNT_FREE_ATTEMPTS = 10.0
ACCOUNT_WAIT_MOST_SECONDS = 5.0
ALL_FREE_ATTEMPTS = 500.0
"""Failures of everyone together, which only an attack from many addresses reaches."""
ALL_WAIT_MOST_SECONDS = 2.0

NOTED_SECONDS = 3_600.0
"""A known pair is written down once in an hour, not at every login."""
NOTED_PAIRS = 4_096


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to check one password after ``seconds``; ``known`` peers have logged in before."""

    seconds: float
    known: bool
    turn: int
    spacing: float
    slowed: tuple[int, ...]

    @property
    def charged(self) -> tuple[int, ...]:
        return (self.turn, *self.slowed)


class ThrottleTables:
    """The memory that all workers share; made before the fork."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(16)
        self.charges = SharedTable(HALF_LIFE_SECONDS)
        self.known = SharedTable(KNOWN_HALF_LIFE_SECONDS)

    def close(self) -> None:
        self.charges.close()
        self.known.close()


class Throttle:
    def __init__(self, tables: ThrottleTables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._noted: dict[tuple[str, str], float] = {}  # known pairs, and until when to skip

    def admit(self, peer: str, address: str) -> Admission:
        """Charge one attempt; raises AuthenticationUnavailable when it came too soon."""
        where = _network(peer)
        pair = self._key("pair", where, address)
        now = self._clock.monotonic()
        if self._tables.known.get(pair, now).level >= KNOWN_LEVEL:
            seconds, spacing = self._take_turn(pair, now)
            return Admission(seconds, True, pair, spacing, ())
        source, account, everyone = (
            self._key("from", where),
            self._key("account", address),
            self._key("all"),
        )
        seconds, spacing = self._take_turn(source, now)
        seconds = max(
            seconds,
            self._slow(account, now, ACCOUNT_FREE_ATTEMPTS, ACCOUNT_WAIT_MOST_SECONDS),
            self._slow(everyone, now, ALL_FREE_ATTEMPTS, ALL_WAIT_MOST_SECONDS),
        )
        return Admission(seconds, False, source, spacing, (account, everyone))

    def failed(self, admission: Admission) -> None:
        """Charge the rest."""
        for key in admission.charged:
            self._add(key, 1.0 - UNDER_WAY)

    def refund(self, admission: Admission) -> None:
        """Nothing was guessed: take back the charge and the turn."""
        for key in admission.charged:
            self._add(key, -UNDER_WAY, admission.spacing if key == admission.turn else 0.0)

    def succeeded(self, peer: str, address: str, admission: Admission | None = None) -> None:
        """Refund what was charged and remember where the owner logs in from."""
        if admission is not None:
            self.refund(admission)
        now = self._clock.monotonic()
        if now < self._noted.get((peer, address), 0.0):
            return
        if len(self._noted) >= NOTED_PAIRS:
            self._noted.clear()
        self._noted[peer, address] = now + NOTED_SECONDS
        pair = self._key("pair", _network(peer), address)
        self._tables.known.put(pair, Counter(1.0, 0.0), now)

    def _take_turn(self, key: int, now: float) -> tuple[float, float]:
        """How long until it, and how long after it comes the next."""
        counter = self._tables.charges.get(key, now)
        due = max(now, counter.due)
        if due - now > WAIT_MOST_SECONDS:
            raise AuthenticationUnavailable
        over = counter.level - FREE_ATTEMPTS
        spacing = 0.0 if over < 0 else 2.0 ** min(over, SPACING_DOUBLINGS)
        charged = Counter(counter.level + UNDER_WAY, due + spacing)
        self._tables.charges.put(key, charged, now)
        return due - now, spacing

    def _slow(self, key: int, now: float, free: float, most: float) -> float:
        level = self._tables.charges.get(key, now).level
        self._tables.charges.put(key, Counter(level + UNDER_WAY, 0.0), now)
        return min(max(0.0, (level - free) / 2), most)

    def _add(self, key: int, charge: float, sooner: float = 0.0) -> None:
        now = self._clock.monotonic()
        counter = self._tables.charges.get(key, now)
        changed = Counter(max(0.0, counter.level + charge), counter.due - sooner)
        self._tables.charges.put(key, changed, now)

    def _key(self, *words: str) -> int:
        text = "\0".join(words).encode()
        octets = hashlib.blake2b(text, digest_size=8, key=self._tables.key).digest()
        return int.from_bytes(octets, "big") or 1


def _network(peer: str) -> str:
    """IPv4 /32, IPv6 /64, IPv4 within IPv6 as itself; anything else (a socket) as it stands."""
    if ":" not in peer:
        return peer
    try:
        address = ipaddress.IPv6Address(peer.partition("%")[0])
    except ipaddress.AddressValueError:
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(int(address) >> 64)
