"""Looking at all hosts of a discovery at once, and at a port of which nothing is known.

Comes in: what was discovered, and a prober.  Goes out: what was seen; nothing is judged.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.discovery import Discovery, Source, SourceSeen
from mailclad.services.diagnose.facts import HostSeen, PortSeen, Spoken, Way
from mailclad.services.diagnose.world import Prober, Progress

_PROTOCOLS: Mapping[Spoken, MailProtocol] = {
    Spoken.SMTP: MailProtocol.SUBMISSION,
    Spoken.IMAP: MailProtocol.IMAP,
    Spoken.POP3: MailProtocol.POP3,
    Spoken.SIEVE: MailProtocol.SIEVE,
}
"""What a greeting shows; submission and mail between servers greet alike."""


async def look_at_all(
    prober: Prober,
    found: Discovery,
    wanted: Mapping[str, tuple[Endpoint, ...]],
    progress: Progress,
) -> tuple[HostSeen, ...]:
    counting = _Counting(progress, list(wanted))
    looks = (
        prober.look_at(host, found.domain, endpoints, counting.of_host(host))
        for host, endpoints in wanted.items()
    )
    return tuple(await asyncio.gather(*looks))


class _Counting:
    """The progress of several hosts as one."""

    def __init__(self, progress: Progress, hosts: Sequence[str]) -> None:
        self._progress = progress
        self._steps = dict.fromkeys(hosts, (0, 1))

    def of_host(self, host: str) -> Progress:
        def note(what: str, done: int, of: int) -> None:
            self._steps[host] = (done, of)
            so_far, known = map(sum, zip(*self._steps.values(), strict=True))
            self._progress(what, so_far, known)

        return note


async def with_unusual_port(found: Discovery, port: int, prober: Prober) -> Discovery:
    """What is spoken at a port that is none of mail's usual ones."""
    host = found.target.host or found.domain
    guess = Endpoint(MailProtocol.IMAP, host, port, TlsMode.IMPLICIT)
    seen = await prober.look_at(host, "", (guess,), quietly)
    endpoint = next(map(_spoken_endpoint, seen.ports), guess)
    return replace(found, sources=(SourceSeen(Source.TYPED, host, (endpoint,)),))


def _spoken_endpoint(port: PortSeen) -> Endpoint:
    """Who says nothing under TLS waits for a request; who speaks in clear may have STARTTLS."""
    protocol = _PROTOCOLS.get(port.spoken)
    modern = port.handshake(Way.MODERN)
    if modern is not None and modern.done:
        return replace(port.endpoint, protocol=protocol or MailProtocol.HTTPS)
    if protocol is None:
        return port.endpoint
    return replace(port.endpoint, protocol=protocol, tls=TlsMode.STARTTLS)


def quietly(what: str, done: int, of: int) -> None:
    """Of what is looked at beside nobody needs to hear."""
