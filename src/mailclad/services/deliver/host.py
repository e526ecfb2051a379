"""Which servers take mail for a domain, and in which order (RFC 5321 §5.1, RFC 7505).

Pure: in come an MX answer, what the administrator says, our own name, and chance; out come the
hosts to try one after the other, or a ``Verdict`` on all recipients there.
"""

import ipaddress
from collections.abc import Callable, Collection
from dataclasses import dataclass

from mailclad.base.resolver import Answer, Mx
from mailclad.base.tls_policy import TlsMode
from mailclad.protocols.smtp.client.login import Login
from mailclad.protocols.smtp.client.outcome import Fate, Stage, Verdict, ours
from mailclad.services.deliver.route import Relay

HOSTS = 20
"""That are looked at; the largest providers have five.  Who lists a thousand gains nothing."""


@dataclass(frozen=True, slots=True)
class Host:
    """A server to try.  ``name`` may be an IP address.

    ``secure``: DNSSEC vouches for the name (RFC 7672 §2.2.1); ``named``: the administrator does.
    ``domains`` are the mail domain as written and behind CNAMEs, names of the same place.
    """

    name: str
    domains: tuple[str, ...]
    port: int = 25
    tls: TlsMode = TlsMode.STARTTLS
    login: Login | None = None
    secure: bool = False
    named: bool = False

    @property
    def is_address(self) -> bool:
        return is_address(self.name)


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def by_relay(relay: Relay, destination: str) -> tuple[Host, ...]:
    host = Host(
        relay.host, (destination,), relay.port, relay.tls, relay.login, secure=True, named=True
    )
    return (host,)


def by_literal(destination: str) -> tuple[Host, ...]:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 §4.1.3)."""
    inside = destination[1:-1]
    address = inside[5:] if inside[:5].lower() == "ipv6:" else inside
    return (Host(str(ipaddress.ip_address(address)), (destination,)),)


def by_mx(
    destination: str, answer: Answer[Mx], ourselves: Collection[str], chance: Callable[[], float]
) -> tuple[Host, ...] | Verdict:
    """Hosts by preference, equal ones in any order; ourselves and all that are no better go."""
    domains = tuple(dict.fromkeys((destination, answer.name)))
    if not answer.exists:
        return refused("5.1.2", "the domain does not exist")
    if not answer.records:  # the domain is its own server (§5.1)
        return (Host(destination, domains, secure=answer.secure),)
    records = [mx for mx in answer.records if mx.host]
    if not records:
        return refused("5.1.10", "the domain takes no mail (null MX)")
    us = min((mx.preference for mx in records if mx.host in ourselves), default=None)
    if us is not None:
        records = [mx for mx in records if mx.preference < us]
    if not records:
        return refused("5.4.6", "the domain's mail comes to this server, which does not take it")
    ordered = sorted(records, key=lambda mx: (mx.preference, chance()))
    return tuple(Host(mx.host, domains, secure=answer.secure) for mx in ordered[:HOSTS])


def alternate(one: Collection[str], other: Collection[str], most: int) -> tuple[str, ...]:
    """Addresses of two families in turns: if one family does not work here, half do."""
    longer = max(len(one), len(other))
    mixed = [
        address
        for pair in zip(_padded(one, longer), _padded(other, longer), strict=True)
        for address in pair
        if address is not None
    ]
    return tuple(mixed[:most])


def _padded(addresses: Collection[str], length: int) -> list[str | None]:
    return [*addresses, *[None] * (length - len(addresses))]


def refused(status: str, text: str) -> Verdict:
    """For good, by our own finding; nothing was connected."""
    return ours(Fate.REFUSED, status, text, Stage.CONNECT)


def deferred(status: str, text: str) -> Verdict:
    return ours(Fate.DEFERRED, status, text, Stage.CONNECT)
