"""Which handshakes are worth a connection, and what one of them tells for free.

RFC 8446 §4.2.1 (a server chooses the newest version that both have).

Comes in: what was seen of a host's ports until now.  Goes out: the next visits, those that tell
most first, and handshakes that need no visit.  A server counts connections, and so do those who
ban: a port is visited once, in the way of a modern program; what remains is asked of one port of
each service.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mailclad.mail.endpoint import MailProtocol
from mailclad.mail.tls_verdict import ChainFault
from mailclad.servers.tls_probe import ALPN_NAMES
from mailclad.services.diagnose.facts import HandshakeSeen, PortSeen, Way

_OF_VERSION: Mapping[str, Way] = MappingProxyType(
    {"TLSv1": Way.OLD, "TLSv1.1": Way.OLD, "TLSv1.2": Way.TLS12, "TLSv1.3": Way.TLS13}
)


@dataclass(frozen=True, slots=True)
class Further:
    """A visit to a port that was visited before; ``injects``: with a command behind STARTTLS."""

    way: Way
    injects: bool = False


ROUNDS: tuple[Further, ...] = (
    Further(Way.OLD),
    Further(Way.MODERN, injects=True),
    Further(Way.NO_NAME),
    Further(Way.TLS12),
    Further(Way.DOMAIN),
    Further(Way.FOREIGN_ALPN),
    Further(Way.RSA),
    Further(Way.ECDSA),
    Further(Way.ALPN),
)
"""The most telling first: the connections of a host with many ports do not suffice for all."""


def known(port: PortSeen, strict: Callable[[Sequence[bytes]], tuple[ChainFault, ...]]) -> PortSeen:
    """Add the handshakes whose outcome follows from those that were made.

    Where a modern program succeeds, one that allows more is served the same; STRICT only looks
    at the same chain with other eyes.
    """
    modern = port.handshake(Way.MODERN)
    more: list[HandshakeSeen] = []
    if modern is not None and modern.done:
        more.append(replace(modern, way=Way.OPEN, faults=()))
        more.append(replace(modern, way=Way.STRICT, faults=strict(modern.chain)))
    for shake in (*port.handshakes, *more):
        more.extend(replace(shake, way=way, faults=()) for way in _implied(shake))
    shakes: dict[Way, HandshakeSeen] = {}
    for shake in (*port.handshakes, *more):
        shakes.setdefault(shake.way, shake)
    return replace(port, handshakes=tuple(shakes.values()))


def _implied(shake: HandshakeSeen) -> Iterator[Way]:
    if shake.done and shake.way in {Way.MODERN, Way.OPEN, Way.TLS12}:
        if shake.version in _OF_VERSION:
            yield _OF_VERSION[shake.version]
        if "ECDSA" in shake.suite:
            yield Way.ECDSA
        elif "RSA" in shake.suite:
            yield Way.RSA


def wanted(further: Further, ports: Sequence[PortSeen], domain: str) -> Iterator[int]:
    """Yield the places of the ports that are worth this visit: one of each service."""
    asked: set[MailProtocol] = set()
    for place, port in enumerate(ports):
        if port.protocol in asked:
            continue
        if further.injects:
            fits = bool(port.upgrade_reply) and _is_done(port)
        else:
            fits = _fits(further.way, port, domain)
        if fits:
            asked.add(port.protocol)
            yield place


def _fits(way: Way, port: PortSeen, domain: str) -> bool:
    if port.handshake(way) is not None or not port.handshakes:
        return False
    if way is Way.NO_NAME and not _is_done(port):
        # it may be the name that the server does not like
        return any(one.received_alert is not None for one in port.handshakes)
    if not _is_done(port):
        return False
    if way is Way.DOMAIN:
        return bool(domain) and domain != port.endpoint.host
    return way is not Way.ALPN or port.protocol in ALPN_NAMES


def _is_done(port: PortSeen) -> bool:
    return any(one.done for one in port.handshakes)
