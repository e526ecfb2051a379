"""Where a domain's mail is read and sent, as found: endpoints with the place each was found at.

Values that :mod:`discover` makes.  Published settings are believed by mail programs, so each of
their endpoints must work; what was only guessed need not be there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from mailclad.base.resolver import Mx
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import STANDARD, Endpoint, MailProtocol
from mailclad.services.diagnose.facts import Asked
from mailclad.services.diagnose.providers import Provider
from mailclad.services.diagnose.target import Target

MAX_CLIENT_HOSTS = 6
"""That are looked at: one for each of three protocols, and the names people guess."""

MAX_WHOLE_HOSTS = 3
"""At which the other ports of mail are looked at too: names often lead to one machine."""

MAX_EXCHANGES = 4
"""Of a domain's MX that are looked at, the preferred first."""


class Source(StrEnum):
    """Where settings are found, the most exact first."""

    TYPED = "typed"
    AUTOCONFIG = "autoconfig"
    PACC = "PACC"
    SRV = "SRV"
    PROVIDER = "provider"
    MX = "MX"
    COMMON = "common name"


_PUBLISHED = frozenset({Source.AUTOCONFIG, Source.PACC, Source.SRV})
_PROMISES = _PUBLISHED | {Source.PROVIDER}


@dataclass(frozen=True, slots=True)
class SourceSeen:
    """One place that was asked: a host or a name of the DNS.

    ``problem`` is why it has nothing to say, empty where it has; ``refused`` are services that it
    says are not offered; ``doubt`` is what is odd about what it says.
    """

    source: Source
    place: str
    endpoints: tuple[Endpoint, ...] = ()
    problem: str = ""
    refused: tuple[tuple[MailProtocol, TlsMode], ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """``domain`` is "" where one host is looked at; ``exchanges`` are its MX, the best first.

    ``has_address``: the domain's name is a machine's too, which takes its mail where there is no
    MX (RFC 5321 §5.1).
    """

    target: Target
    domain: str = ""
    mx: Asked[Mx] = Asked("")
    has_address: bool = False
    sources: tuple[SourceSeen, ...] = ()
    provider: Provider | None = None

    @property
    def is_unanswered(self) -> bool:
        """The DNS did not answer, and nothing else is known: more questions would only wait."""
        return bool(self.mx.problem) and not self.has_address and not self.places

    @property
    def takes_no_mail(self) -> bool:
        """A null MX (RFC 7505), and nothing that people could use is published."""
        is_null = any(one.host == "" for one in self.mx.records)
        return is_null and not self.exchanges and not self.promised

    @property
    def exchanges(self) -> tuple[str, ...]:
        if not self.mx.records:
            return (self.domain,) if self.has_address and not self.mx.problem else ()
        ordered = sorted(self.mx.records, key=lambda one: one.preference)
        return tuple(dict.fromkeys(one.host for one in ordered if one.host))[:MAX_EXCHANGES]

    @property
    def places(self) -> dict[Endpoint, tuple[SourceSeen, ...]]:
        """Every endpoint with the sources that name it, both in the order they were found."""
        found: dict[Endpoint, tuple[SourceSeen, ...]] = {}
        for source in self.sources:
            for endpoint in map(_plainly, source.endpoints):
                found[endpoint] = (*found.get(endpoint, ()), source)
        return found

    @property
    def promised(self) -> frozenset[Endpoint]:
        """Those that somebody has said are there; port 25 where MX records lead."""
        by_mx = map(exchange_endpoint, self.exchanges if self.mx.records else ())
        named = (
            endpoint
            for endpoint, sources in self.places.items()
            if any(self._is_promise(seen) for seen in sources)
        )
        return frozenset((*named, *by_mx))

    def _is_promise(self, seen: SourceSeen) -> bool:
        """Who types a host without a port asks which ports there are."""
        typed = seen.source is Source.TYPED and self.target.port is not None
        return typed or seen.source in _PROMISES

    def to_look_at(self) -> dict[str, tuple[Endpoint, ...]]:
        """By host: what was found there, the other ports of mail programs, and 25 of the MX.

        Of a port that was asked for, only that one.
        """
        wanted: dict[str, dict[int, Endpoint]] = {}
        for endpoint, sources in self.places.items():
            if endpoint.host not in wanted and len(wanted) == MAX_CLIENT_HOSTS:
                continue
            ports = wanted.setdefault(endpoint.host, {})
            ports.setdefault(endpoint.port, endpoint)
            is_whole = list(wanted).index(endpoint.host) < MAX_WHOLE_HOSTS
            if is_whole and sources[0].source not in {Source.PROVIDER, Source.TYPED}:
                for other in usual_endpoints(endpoint.host, of_programs=True):
                    ports.setdefault(other.port, other)
        for host in self.exchanges:
            wanted.setdefault(host, {}).setdefault(SMTP_PORT, exchange_endpoint(host))
        only = self.target.port
        chosen = {
            host: tuple(one for one in ports.values() if only in {None, one.port})
            for host, ports in wanted.items()
        }
        return {host: endpoints for host, endpoints in chosen.items() if endpoints}

    def disagreements(self) -> tuple[str, ...]:
        """Where published settings name different servers for the same thing."""
        said = [
            (f"{one.protocol} with {_MODE_WORDS[one.tls]}", f"{one.host}:{one.port}", seen.source)
            for seen in self.sources
            if seen.source in _PUBLISHED
            for one in seen.endpoints
        ]
        found = []
        for service, group in groupby(sorted(said), key=lambda one: one[0]):
            by_source: dict[Source, set[str]] = {}
            for _, server, source in group:
                by_source.setdefault(source, set()).add(server)
            if len({frozenset(servers) for servers in by_source.values()}) > 1:
                words = (f"{source} {', '.join(sorted(at))}" for source, at in by_source.items())
                found.append(f"{service}: {'; '.join(words)}")
        return tuple(found)


SMTP_PORT = 25
_MODE_WORDS = {
    TlsMode.IMPLICIT: "encryption from the first byte",
    TlsMode.STARTTLS: "STARTTLS",
    TlsMode.NONE: "no encryption",
}


def exchange_endpoint(host: str) -> Endpoint:
    return Endpoint(MailProtocol.SMTP, host, SMTP_PORT, TlsMode.STARTTLS)


def usual_endpoints(host: str, *, of_programs: bool = False) -> tuple[Endpoint, ...]:
    """All the ports of mail, or those that mail programs use."""
    return tuple(
        Endpoint(protocol, host, port, tls)
        for protocol, port, tls in STANDARD
        if not (of_programs and protocol is MailProtocol.SMTP)
    )


def has_reading_and_sending(endpoints: Iterable[Endpoint]) -> bool:
    protocols = {endpoint.protocol for endpoint in endpoints}
    reading = bool(protocols & {MailProtocol.IMAP, MailProtocol.POP3})
    return reading and MailProtocol.SUBMISSION in protocols


def _plainly(endpoint: Endpoint) -> Endpoint:
    """As it is looked at: without mechanisms, and whoever publishes no encryption may have it."""
    tls = TlsMode.STARTTLS if endpoint.tls is TlsMode.NONE else endpoint.tls
    return Endpoint(endpoint.protocol, endpoint.host, endpoint.port, tls)
