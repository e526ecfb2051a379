"""Our own ports, asked from inside: every one of the configuration, at each of its addresses.

Comes in: the configuration, whose authorities are believed.  Goes out: ``Wire``.  The DNS is not
asked: addresses are the configuration's, names the server's own.
"""

import asyncio
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from mailclad.app.certificate_sources import CA_FOLDER
from mailclad.app.certificate_state import read_state
from mailclad.app.config import Config
from mailclad.app.settings.listen import ListenConfig, is_local
from mailclad.base.resolver import Answer
from mailclad.base.tls_policy import TlsMode
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.servers import probe
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.certificates.private_ca import CERTIFICATE_FILE
from mailclad.services.diagnose.doctor_facts import Wire
from mailclad.services.diagnose.facts import HostSeen
from mailclad.services.diagnose.world import Progress

CONNECT_SECONDS = 3.0
"""To a port of this machine; one that is full answers when its queue has room."""

_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - how these are reached from here


async def look_at_wire(
    config: Config, trust: ProbeTrust, progress: Progress, port: int | None
) -> Wire:
    """``port``: only this one."""
    lines = [line for line in config.listen if port in {None, line.port}]
    probed = [line for line in lines if _is_probed(line)]
    plain = [line for line in lines if not _is_probed(line)]
    host, closed = await asyncio.gather(
        _probe(config.server.hostname.lower(), probed, trust, progress), _closed(plain)
    )
    state = read_state(config.server.data)
    ours = {one.fingerprint: ", ".join(one.names) for one in state.served} if state else None
    return Wire(host, closed, ours)


def authorities(config: Config) -> Path | None:
    """Who chose the private authority has told programs of it; else the system's count."""
    if config.tls.private_ca:
        return config.server.data / CA_FOLDER / CERTIFICATE_FILE
    return None


def endpoints(config: Config, port: int | None) -> tuple[Endpoint, ...]:
    """What is to be found at our ports, under the server's name."""
    host = config.server.hostname.lower()
    lines = (line for line in config.listen if _is_probed(line) and port in {None, line.port})
    return tuple(dict.fromkeys(_endpoint(line, host) for line in lines))


def local_ports(config: Config) -> frozenset[int]:
    """Those that nobody else reaches."""
    public = {line.port for line in config.listen if not is_local(line.addresses)}
    return frozenset(line.port for line in config.listen if line.port) - public


def _is_probed(line: ListenConfig) -> bool:
    """Who waits for a proxy's first words takes us for the proxy, and tells us nothing."""
    return line.tls is not TlsMode.NONE and not line.proxy_from


def _endpoint(line: ListenConfig, host: str) -> Endpoint:
    return Endpoint(MailProtocol(line.service.value), host, line.port or 0, line.tls)


async def _probe(
    host: str, lines: Sequence[ListenConfig], trust: ProbeTrust, progress: Progress
) -> HostSeen:
    """One address after the other would take longer; each has ports of its own."""
    by_address: dict[str, list[Endpoint]] = {}
    for line in lines:
        for address in line.addresses:
            here = _HERE.get(address, address)
            if has_address(here):
                by_address.setdefault(here, []).append(_endpoint(line, host))

    async def look(address: str, wanted: list[Endpoint]) -> HostSeen:
        def note(step: probe.Step) -> None:
            progress(f"port {step.endpoint.port} at {address}", step.done, step.total)

        prober = probe.Prober(_At(address), trust)
        return await prober.look_at(host, wanted, on_step=note)

    seen = await asyncio.gather(*(look(*one) for one in by_address.items()))
    return HostSeen(host, tuple(by_address), ports=tuple(p for one in seen for p in one.ports))


class _At(DnsResolver):
    """Every name is this one address."""

    def __init__(self, address: str) -> None:
        super().__init__([(address, 53)], validate="never")
        self._address = address

    async def addresses(self, name: str, version: int) -> Answer[str]:
        here = version == (6 if ":" in self._address else 4)
        return Answer(name, (self._address,) if here else ())


async def _closed(lines: Iterable[ListenConfig]) -> tuple[str, ...]:
    """Ports where nothing is said before TLS, or nothing that a stranger may hear."""
    doors = [door for line in lines for door in _doors(line)]
    answers = await asyncio.gather(*(_answers(target) for _, target in doors))
    return tuple(
        place for (place, _), answered in zip(doors, answers, strict=True) if not answered
    )


def _doors(line: ListenConfig) -> Iterator[tuple[str, str | tuple[str, int]]]:
    """In words, and to connect to."""
    if line.path is not None:
        yield f"{line.service} at {line.path}", str(line.path)
    for address in line.addresses if line.port else ():
        here = _HERE.get(address, address)
        if has_address(here):
            yield f"port {line.port} at {here}", (here, line.port or 0)


async def _answers(target: str | tuple[str, int]) -> bool:
    opening = (
        asyncio.open_unix_connection(target)
        if isinstance(target, str)
        else asyncio.open_connection(*target)
    )
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await opening
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def has_address(address: str) -> bool:
    """Whether it is one of this machine's: somebody may listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True
