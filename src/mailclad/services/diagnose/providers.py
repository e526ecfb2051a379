"""Large mail providers and where they serve mail: ``providers.toml``, read once.

Comes in: a mail domain, or the host names of its MX.  Goes out: a ``Provider`` or None.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol


@dataclass(frozen=True, slots=True)
class Provider:
    """``note`` is what people must know before a program can sign in."""

    name: str
    domains: frozenset[str]
    mx: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    note: str = ""


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    domains: list[str]
    mx: list[str]
    endpoints: list[str]
    note: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    provider: list[_Row]


def provider_of(domain: str, exchanges: Iterable[str] = ()) -> Provider | None:
    """Who serves this domain: by its name, or else by who takes its mail."""
    exchanges = tuple(exchanges)
    for provider in providers():
        if domain in provider.domains:
            return provider
    ends = [(end, provider) for provider in providers() for end in provider.mx]
    ends.sort(key=lambda pair: -len(pair[0]))  # the most exact one
    for end, provider in ends:
        if any(host == end or host.endswith(f".{end}") for host in exchanges):
            return provider
    return None


@cache
def providers() -> tuple[Provider, ...]:
    text = files(__package__).joinpath("providers.toml").read_text("utf-8")
    rows = msgspec.convert(tomllib.loads(text), _File).provider
    return tuple(
        Provider(
            row.name,
            frozenset(row.domains),
            tuple(row.mx),
            tuple(map(_endpoint, row.endpoints)),
            row.note,
        )
        for row in rows
    )


def _endpoint(line: str) -> Endpoint:
    protocol, host, port, tls = line.split()
    return Endpoint(MailProtocol(protocol), host, int(port), TlsMode(tls))
