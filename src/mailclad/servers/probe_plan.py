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

from mailclad.mail.tls_verdict import ChainFault
from mailclad.servers.tls_probe import ALPN_NAMES
from mailclad.services.diagnose.facts import HandshakeSeen, PortSeen, Spoken, Way

_OF_VERSION: Mapping[str, Way] = MappingProxyType(
    {"TLSv1": Way.OLD, "TLSv1.1": Way.OLD, "TLSv1.2": Way.TLS12, "TLSv1.3": Way.TLS13}
)

SLOW_SECONDS = 4.0
"""A port that took longer the first time, a late greeting mostly, is not visited again."""


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
        if shake.version == "TLSv1.2":
            yield Way.ECDSA if "ECDSA" in shake.suite else Way.RSA


def wanted(further: Further, ports: Sequence[PortSeen], domain: str) -> Iterator[int]:
    """Yield the places of the ports that are worth this visit: one of each service."""
    answered = {port.protocol for port in ports if _is_answered(further, port)}
    for place, port in enumerate(ports):
        if port.seconds > SLOW_SECONDS:
            continue
        if further.way is Way.NO_NAME and _is_refused(port):
            yield place  # it may be the name that the server does not like
        elif port.protocol not in answered and _is_worth(further, port, domain):
            answered.add(port.protocol)
            yield place


def _is_answered(further: Further, port: PortSeen) -> bool:
    if further.injects:
        return port.obeys_injected is not None
    return port.handshake(further.way) is not None


def _is_worth(further: Further, port: PortSeen, domain: str) -> bool:
    if further.injects:
        return bool(port.upgrade_reply) and _is_sound(port)
    return _is_sound(port) and _can_tell(further.way, port, domain)


def _can_tell(way: Way, port: PortSeen, domain: str) -> bool:
    match way:
        case Way.DOMAIN:
            return domain not in {"", port.endpoint.host}
        case Way.ALPN:
            return port.protocol in ALPN_NAMES
        case _:
            return True


def _is_sound(port: PortSeen) -> bool:
    """Whether a modern program comes to speak with it, and by the way that is expected."""
    modern = port.handshake(Way.MODERN)
    is_done = modern is not None and modern.done and not modern.client_certificate_demanded
    return is_done and port.spoken is not Spoken.TLS


def _is_refused(port: PortSeen) -> bool:
    """Whether every program that gives the name is refused by an alert."""
    tried = [one for one in port.handshakes if one.server_name]
    return bool(tried) and all(not one.done and one.received_alert is not None for one in tried)
