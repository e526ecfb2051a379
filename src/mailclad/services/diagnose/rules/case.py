"""The evidence, prepared for judging: chains read once, faults known, our clock corrected.

Pure.  What a rule looks at is a ``Shown`` (one chain at one port), a ``Door`` (one port at one
address) or the whole ``Case``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar, cast

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.address import AddressProblem, normalise_domain
from mailclad.mail.dane import judge_dane, usable
from mailclad.mail.domain_hosts import SETTINGS_LABELS
from mailclad.mail.endpoint import MailProtocol
from mailclad.mail.mta_sts import StsMode
from mailclad.mail.tls_verdict import ChainFault, TlsVerdict
from mailclad.services.diagnose.chain import Chain, read_chain
from mailclad.services.diagnose.evidence import Answers, Evidence, Verifiers
from mailclad.services.diagnose.facts import (
    ExchangeSeen,
    HandshakeSeen,
    PortSeen,
    Reach,
    Way,
)
from mailclad.services.diagnose.found import Found, Level

T = TypeVar("T")

CLOCK_TOLERANCE = timedelta(seconds=60)
"""Banners and headers are told in whole seconds, and take a while to arrive."""

_SET_UP_LABELS = frozenset({*SETTINGS_LABELS, "mta-sts"})


def plain_host(host: str) -> str:
    """As it is compared: A-labels, lower case, without the last dot; else as it stands."""
    try:
        return normalise_domain(host.removesuffix("."))
    except AddressProblem:
        return host.lower()


def is_set_up_name(host: str) -> bool:
    """Whether only programs ask for it."""
    return host.partition(".")[0].lower() in _SET_UP_LABELS


def chain_shown(port: PortSeen) -> tuple[bytes, ...]:
    """What a program gets that gives the host's name, even if nothing came of it."""
    return next(
        (
            one.chain
            for one in port.handshakes
            if one.chain and one.way not in (Way.NO_NAME, Way.DOMAIN)
        ),
        (),
    )


@dataclass(frozen=True, slots=True)
class Door:
    """One port at one address."""

    host: str
    port: PortSeen
    promised: bool

    @property
    def is_open(self) -> bool:
        return self.port.reach is Reach.OPEN

    @property
    def is_between_servers(self) -> bool:
        return self.port.protocol is MailProtocol.SMTP

    @property
    def is_beside(self) -> bool:
        """A web port that is nobody's way to mail: no settings lead to it."""
        is_web = self.port.protocol is MailProtocol.HTTPS
        return is_web and not self.promised and not is_set_up_name(self.host)

    @property
    def mode(self) -> TlsMode:
        return self.port.endpoint.tls

    def found(self, entry: str, rule: str, level: Level | None = None, **values: str) -> Found:
        return Found(
            id=entry,
            rule=rule,
            host=self.host,
            address=self.port.address,
            endpoint=self.port.endpoint,
            level=Level.NOTE if self.is_beside else level,
            values=values,
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """A chain that a port showed to a program which gives the name.

    ``faults`` are this system's at ``here``, our clock; ``now`` is the true time.  ``demanded``:
    between servers, a policy makes certificate and name matter.
    """

    door: Door
    chain: Chain
    faults: tuple[ChainFault, ...]
    strict_faults: tuple[ChainFault, ...]
    now: datetime
    here: datetime
    demanded: bool

    @property
    def host(self) -> str:
        return self.door.host

    @property
    def codes(self) -> frozenset[int]:
        return frozenset(fault.code for fault in self.faults)

    def found(self, entry: str, rule: str, **values: str) -> Found:
        """At the entry's own level, except where a policy insists."""
        return self.door.found(entry, rule, Level.PROBLEM if self.demanded else None, **values)


class Case:
    """Everything that is known."""

    def __init__(self, evidence: Evidence, answers: Answers, verifiers: Verifiers) -> None:
        self.evidence = evidence
        self.answers = answers
        self.verifiers = verifiers
        self._known: dict[object, object] = {}

    @cached_property
    def offset(self) -> timedelta:
        """How far our clock is behind, where most witnesses say so; zero where it is right.

        One witness alone may be wrong himself, unless a person has named him.
        """
        named = [one for one in self.evidence.clocks if one.named]
        offsets = sorted(one.there - one.here for one in named or self.evidence.clocks)
        if len(offsets) < 2 and not named:
            return timedelta(0)
        middle = offsets[len(offsets) // 2]
        agree = sum(abs(one - middle) <= CLOCK_TOLERANCE for one in offsets)
        believed = abs(middle) > CLOCK_TOLERANCE and agree * 2 > len(offsets)
        return middle if believed else timedelta(0)

    @cached_property
    def now(self) -> datetime:
        return self.evidence.now + self.offset

    @cached_property
    def doors(self) -> tuple[Door, ...]:
        promised = {(plain_host(one.host), one.port) for one in self.evidence.promised}
        return tuple(
            Door(host.host, port, (plain_host(host.host), port.endpoint.port) in promised)
            for host in self.evidence.hosts
            for port in host.ports
        )

    @cached_property
    def shown(self) -> tuple[Shown, ...]:
        return tuple(one for door in self.doors if (one := self._shown(door)) is not None)

    def _shown(self, door: Door) -> Shown | None:
        sent = chain_shown(door.port)
        chain = self.read(sent)
        if chain is None:
            return None
        modern, strict = door.port.handshake(Way.MODERN), door.port.handshake(Way.STRICT)
        return Shown(
            door=door,
            chain=chain,
            faults=self._faults(modern, sent),
            strict_faults=strict.faults if strict is not None else (),
            now=self.now,
            here=self.evidence.now,
            demanded=door.is_between_servers and self.demands(door.host),
        )

    def _faults(
        self, modern: HandshakeSeen | None, chain: tuple[bytes, ...]
    ) -> tuple[ChainFault, ...]:
        """A server that modern programs cannot talk to has shown its chain all the same."""
        if modern is not None and modern.done and modern.chain == chain:
            return modern.faults
        return self.verifiers.verify(chain)

    def read(self, sent: tuple[bytes, ...]) -> Chain | None:
        return self.once(("chain", sent), lambda: read_chain(sent))

    def once(self, key: object, compute: Callable[[], T]) -> T:
        """Do what costs once, however many ports show the same certificate."""
        if key not in self._known:
            self._known[key] = compute()
        return cast("T", self._known[key])

    # --- what a domain's policies ask of the servers that take its mail ---

    @cached_property
    def exchanges(self) -> Mapping[str, ExchangeSeen]:
        policies = self.evidence.policies
        found = policies.exchanges if policies is not None else ()
        return {plain_host(one.host): one for one in found}

    def demands(self, host: str) -> bool:
        """Whether MTA-STS makes senders refuse a certificate that PKIX refuses."""
        policies = self.evidence.policies
        policy = policies.sts_policy if policies is not None else None
        enforces = policy is not None and policy.mode is StsMode.ENFORCE
        return enforces and plain_host(host) in self.exchanges

    def dane(self, shown: Shown) -> TlsVerdict | None:
        """What DANE says of a chain on port 25; None where there are no records that count."""
        exchange = self.exchanges.get(plain_host(shown.host))
        records = exchange.tlsa.records if exchange and exchange.tlsa.secure else ()
        if exchange is None or not usable(records) or not shown.door.is_between_servers:
            return None
        policies = self.evidence.policies
        names = [plain_host(exchange.host), *([policies.domain] if policies else ())]
        sent = chain_shown(shown.door.port)
        return judge_dane(sent, records, names, self.verifiers.leads_to)

    def by_host(self) -> Iterator[tuple[str, tuple[Door, ...]]]:
        for host in dict.fromkeys(door.host for door in self.doors):
            yield host, tuple(door for door in self.doors if door.host == host)
