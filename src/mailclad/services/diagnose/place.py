"""Where a finding was seen, in words and as a command line needs it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.filling import date_words
from mailclad.services.diagnose.found import Found

SERVICES: Mapping[MailProtocol, str] = {
    MailProtocol.SMTP: "mail from other servers (SMTP)",
    MailProtocol.SUBMISSION: "sending mail (SMTP)",
    MailProtocol.IMAP: "reading mail (IMAP)",
    MailProtocol.POP3: "fetching mail (POP3)",
    MailProtocol.SIEVE: "mail filters (ManageSieve)",
    MailProtocol.HTTPS: "web pages (HTTPS)",
}
TLS_WORDS: Mapping[TlsMode, str] = {
    TlsMode.IMPLICIT: "encrypted from the first byte",
    TlsMode.STARTTLS: "STARTTLS",
    TlsMode.NONE: "not encrypted",
}
PURPOSES: Mapping[MailProtocol, str] = {
    MailProtocol.SMTP: "From others",
    MailProtocol.SUBMISSION: "Sending",
    MailProtocol.IMAP: "Reading",
    MailProtocol.POP3: "Fetching",
    MailProtocol.SIEVE: "Filters",
    MailProtocol.HTTPS: "Web",
}
PROTOCOLS: Mapping[MailProtocol, str] = {
    MailProtocol.SMTP: "SMTP",
    MailProtocol.SUBMISSION: "SMTP",
    MailProtocol.IMAP: "IMAP",
    MailProtocol.POP3: "POP3",
    MailProtocol.SIEVE: "ManageSieve",
    MailProtocol.HTTPS: "HTTPS",
}
_STARTTLS: Mapping[MailProtocol, str] = {
    MailProtocol.SMTP: "-starttls smtp ",
    MailProtocol.SUBMISSION: "-starttls smtp ",
    MailProtocol.IMAP: "-starttls imap ",
    MailProtocol.POP3: "-starttls pop3 ",
    MailProtocol.SIEVE: "-starttls sieve ",
}
"""OpenSSL's option, with the blank behind it."""

HOSTS_SHOWN = 3
"""Of those with the same fault; a provider's certificate may stand on many."""


def common_values(found: Found, now: datetime) -> dict[str, str]:
    """The values of ``entry.COMMON``; a port's are not there where no port is concerned."""
    endpoints = [endpoint for endpoint in _endpoints(found) if endpoint is not None]
    host = found.host or next((endpoint.host for endpoint in endpoints), "")
    values = {
        "host": host,
        "address": found.address,
        "addresses": _listed([found.address, *(address for address, _ in found.also)]),
        "today": date_words(now),
        "where": _where(host, endpoints),
    }
    return values | (_of_port(endpoints) if endpoints else {})


def _endpoints(found: Found) -> Sequence[Endpoint | None]:
    return [found.endpoint, *(endpoint for _, endpoint in found.also)]


def _of_port(endpoints: Sequence[Endpoint]) -> dict[str, str]:
    first = endpoints[0]
    upgraded = first.tls is TlsMode.STARTTLS
    return {
        "port": str(first.port),
        "port_words": _ports(endpoints),
        "connect": f"[{first.host}]:{first.port}"
        if ":" in first.host
        else f"{first.host}:{first.port}",
        "service": _listed(SERVICES[endpoint.protocol] for endpoint in endpoints),
        "tls_word": _listed(TLS_WORDS[endpoint.tls] for endpoint in endpoints),
        "starttls": _STARTTLS.get(first.protocol, "") if upgraded else "",
    }


def _where(host: str, endpoints: Sequence[Endpoint]) -> str:
    """ "mail.example.net (ports 465 and 993) and smtp.example.net (port 465)"."""
    by_host: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_host.setdefault(endpoint.host, []).append(endpoint)
    texts = [f"{name} ({_ports(those)})" for name, those in by_host.items()]
    if len(texts) > HOSTS_SHOWN:
        texts[HOSTS_SHOWN - 1 :] = [f"{len(texts) - HOSTS_SHOWN + 1} more"]
    return _listed(texts) or host


def _ports(endpoints: Sequence[Endpoint]) -> str:
    numbers = sorted({endpoint.port for endpoint in endpoints})
    return f"port{'s' * (len(numbers) > 1)} {_listed(map(str, numbers))}"


def _listed(texts: Iterable[str]) -> str:
    """ "465, 587 and 993", each once; nothing where there is none."""
    *most, last = dict.fromkeys(filter(None, texts)) or [""]
    return f"{', '.join(most)} and {last}" if most else last
