"""The one list of endpoints for mail programs: from the ports that this server opens.

Ports that only this machine reaches are left out, unless there are no others: a demonstration has
only those.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mailclad.app.config import Config
from mailclad.app.settings.listen import is_local
from mailclad.app.sockets import Bound
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.protocols.sasl.mechanism import LOGIN, OFFERED

_PROTOCOLS: Mapping[Service, MailProtocol] = {
    Service.IMAP: MailProtocol.IMAP,
    Service.POP3: MailProtocol.POP3,
    Service.SUBMISSION: MailProtocol.SUBMISSION,
}
_ORDER = list(_PROTOCOLS)

HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Door:
    """A port of ours; ``local``: only this machine reaches it."""

    service: Service
    tls: TlsMode
    port: int
    local: bool


def doors_in(config: Config) -> Iterator[Door]:
    """As the configuration has them."""
    for line in config.listen:
        if line.port:
            yield Door(line.service, line.tls, line.port, is_local(line.addresses))


def doors_of(bound: Iterable[Bound]) -> Iterator[Door]:
    """As they are open."""
    for one in bound:
        if one.port:
            addresses = tuple(str(sock.getsockname()[0]) for sock in one.sockets)
            yield Door(one.service, one.tls, one.port, is_local(addresses))


def client_endpoints(host_name: str, doors: Iterable[Door]) -> tuple[Endpoint, ...]:
    """The best first: IMAP before POP3, encrypted from the first octet before STARTTLS."""
    there = [door for door in doors if door.service in _PROTOCOLS and door.tls is not TlsMode.NONE]
    reached = [door for door in there if not door.local] or there
    reached.sort(key=lambda door: (_ORDER.index(door.service), door.tls is not TlsMode.IMPLICIT))
    return tuple(
        Endpoint(
            _PROTOCOLS[door.service],
            host_name.lower(),
            door.port,
            door.tls,
            (*OFFERED, LOGIN) if door.service is Service.SUBMISSION else OFFERED,
        )
        for door in reached
    )


def help_page(host_name: str, doors: Iterable[Door]) -> str:
    """Where people find how to set up their program; "" where there are no pages."""
    ports = [door.port for door in doors if door.service is Service.HTTPS]
    if HTTPS_PORT in ports:
        return f"https://{host_name.lower()}/setup"
    return f"https://{host_name.lower()}:{ports[0]}/setup" if ports else ""
