"""From the root's trust anchors down to the zone of a name (RFC 4035 §5.2, RFC 9520).

Comes in: a name.  Goes out: the zone that it stands in with its validated keys, or the first zone
above that provably is not secure; ``DnsProblem`` where that cannot be found out.  At each label DS
records are asked for, where there are some the keys too.  What was found is remembered for as long
as records and signatures hold, failures for some seconds.
Limits: zones remembered, labels asked for on one way down.
"""

from collections.abc import Awaitable, Callable, Sequence

from mailclad.base.resolver import DnsBogus, DnsProblem
from mailclad.engines.dns.answer import MAX_TTL
from mailclad.engines.dns.cache import FAILURE_SECONDS, Cache
from mailclad.engines.dns.dnssec.algorithms import ALGORITHMS
from mailclad.engines.dns.dnssec.denial import Verdict
from mailclad.engines.dns.dnssec.proofs import alias_rrset, read_denial
from mailclad.engines.dns.dnssec.records import DIGESTS, Ds, fits, read_dnskey, read_ds, read_rrset
from mailclad.engines.dns.dnssec.signatures import (
    Bogus,
    Effort,
    Zone,
    describe,
    load_keys,
    shown,
    verify,
)
from mailclad.engines.dns.joined import Joined
from mailclad.engines.dns.message import Kind, Reply, Unusable
from mailclad.engines.dns.name import ancestors

Ask = Callable[[bytes, Kind], Awaitable[Reply]]
"""Raises DnsProblem."""

ROOT = b"\0"

MAX_ZONES = 10_000
"""Remembered, with the names in between that are none; a busy day meets fewer."""

MAX_ZONES_OCTETS = 32 * 1024 * 1024
"""Of keys remembered; each zone has two or three."""

MAX_STEPS = 40
"""Labels asked for on one way down; an IPv6 address turned round has 34."""

MAX_DS = 16
"""DS records of one zone; its keys are hashed for each that bears their tag."""

_NONE_AT_ROOT = Kind.TLSA
"""A type that the root has not: the reply must prove it.  Some forwarders pass signatures on but
no proofs; behind one, every unsigned zone would be bogus."""

_KEY_OCTETS = 4096
"""Counted for each key, with what OpenSSL keeps beside it."""


class NoSignatures(DnsProblem):
    """The servers that we ask leave signatures out: nothing can be validated."""


_Outcome = Zone | DnsProblem | None
_Found = tuple[Zone | None, int]
"""The zone that begins at a name, None if there is none, and for how many seconds that holds."""


class Chain:
    """For one event loop.  ``clock`` tells the time as signatures mean it."""

    def __init__(
        self,
        ask: Ask,
        anchors: Sequence[Ds],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._anchors = tuple(anchors)
        self._clock = clock
        self._monotonic = monotonic
        self._known: Cache[bytes, _Outcome] = Cache(MAX_ZONES, MAX_ZONES_OCTETS)
        self._steps: Joined[bytes, _Outcome] = Joined()
        self._able = False

    async def close(self) -> None:
        await self._steps.close()

    async def zone_of(self, name: bytes) -> Zone:
        """Raises DnsProblem, DnsBogus, NoSignatures."""
        _, *below = reversed(list(ancestors(name)))
        zone = await self._step(ROOT, Zone(ROOT, ()))
        asked = 0
        for child in below:
            if not zone.keys:
                break
            asked += self._known.get(child, self._monotonic()) is None
            if asked > MAX_STEPS:
                raise DnsProblem(f"{shown(name)} has more than {MAX_STEPS} labels to ask for")
            zone = await self._step(child, zone)
        return zone

    async def _step(self, name: bytes, above: Zone) -> Zone:
        """The zone at the name, or the one above if none begins there."""
        known = self._known.get(name, self._monotonic())
        if known is not None:
            outcome = known[0]
        else:
            outcome = await self._steps.do(name, lambda: self._find(name, above))
        if isinstance(outcome, DnsProblem):
            # A new one: a raised exception gathers the tracebacks of all who met it.
            raise type(outcome)(*outcome.args)
        return outcome or above

    async def _find(self, name: bytes, above: Zone) -> _Outcome:
        outcome: _Outcome
        seconds: float = FAILURE_SECONDS
        try:
            if name == ROOT:
                outcome, seconds = await self._root()
            else:
                outcome, seconds = await self._delegation(name, above)
        except Bogus as problem:
            outcome = DnsBogus(str(problem))
        except Unusable as problem:
            outcome = DnsProblem(f"keys of {shown(name)}: the DNS server {problem}")
        except DnsProblem as problem:
            outcome = problem
        octets = _KEY_OCTETS * len(outcome.keys) if isinstance(outcome, Zone) else 0
        self._known.put(name, outcome, self._monotonic(), seconds, octets)
        return outcome

    async def _root(self) -> _Found:
        """Where signatures came once, it is no excuse that they are missing."""
        reply = await self._ask(ROOT, Kind.DNSKEY)
        if not self._able:
            nothing = await self._ask(ROOT, _NONE_AT_ROOT)
            if not {(ROOT, Kind.NSEC), (ROOT, Kind.RRSIG)} <= nothing.authority.keys():
                raise NoSignatures("the DNS server that we ask leaves out DNSSEC's proofs")
            if (ROOT, Kind.RRSIG) not in reply.answers:
                raise NoSignatures("the DNS server that we ask leaves out DNSSEC's signatures")
        found = self._read_keys(reply, ROOT, self._anchors)
        self._able = True
        return found

    async def _delegation(self, name: bytes, above: Zone) -> _Found:
        """What the zone above says of the name."""
        reply = await self._ask(name, Kind.DS)
        now, effort = int(self._clock()), Effort()
        rrset = read_rrset(reply, reply.answers, name, Kind.DS)
        if rrset is None:
            return _read_unsigned(reply, name, above, now, effort)
        signed = verify(rrset, above, now, effort)
        if signed.encloser is not None or len(rrset.data) > MAX_DS:
            raise Bogus(f"{above} has a wildcard or more than {MAX_DS} for {describe(rrset)}")
        usable = _usable([read_ds(data) for data in rrset.data])
        if not usable:
            return Zone(name, ()), min(signed.ttl, MAX_TTL)
        zone, seconds = self._read_keys(await self._ask(name, Kind.DNSKEY), name, usable)
        return zone, min(seconds, signed.ttl)

    def _read_keys(self, reply: Reply, name: bytes, trusted: Sequence[Ds]) -> _Found:
        """The zone's keys, if one that is trusted signed them."""
        rrset = read_rrset(reply, reply.answers, name, Kind.DNSKEY)
        if rrset is None:
            raise Bogus(f"the zone {shown(name)} is signed, but gives no keys")
        keys = [key for key in map(read_dnskey, rrset.data) if key is not None]
        entry = [key for key in keys if any(fits(key, ds, name) for ds in trusted)]
        if not entry:
            raise Bogus(f"no key of {shown(name)} fits {_trusted(name)}")
        signed = verify(rrset, load_keys(name, entry), int(self._clock()), Effort())
        return load_keys(name, keys), min(signed.ttl, MAX_TTL)


def _read_unsigned(reply: Reply, name: bytes, above: Zone, now: int, effort: Effort) -> _Found:
    """Without DS records: the name is an alias, an unsigned zone, or no zone."""
    alias = alias_rrset(reply, name)
    if alias is not None:
        return None, min(verify(alias, above, now, effort).ttl, MAX_TTL)
    denial = read_denial(reply, above, now, effort)
    verdict = denial.no_keys(name)
    if verdict is Verdict.UNPROVEN:
        raise Bogus(f"{above} does not prove that {shown(name)} is not signed")
    return Zone(name, ()) if verdict is Verdict.OPEN else None, min(denial.ttl, MAX_TTL)


def _usable(records: Sequence[Ds]) -> list[Ds]:
    """Those that we know to use; none of SHA-1 where there are better (RFC 4509 §3)."""
    known = [ds for ds in records if ds.algorithm in ALGORITHMS and ds.digest_type in DIGESTS]
    better = [ds for ds in known if ds.digest_type != 1]
    return better or known


def _trusted(name: bytes) -> str:
    if name == ROOT:
        return "the trust anchors that Mailclad knows; is there a newer version?"
    return "the DS records that the zone above has for it"
