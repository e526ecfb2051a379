"""Autoconfig XML, as Thunderbird and most others read it (draft-ietf-mailmaint-autoconfig).

Comes in: a document from a stranger's web server, and the domain it was asked for.  Goes out:
endpoints in the order of the document, which is that of preference.  Elements that are not known
are passed over, as the draft asks.
Limits: those of :mod:`xml_tree`, length of a text, endpoints.
"""

from collections.abc import Mapping

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.settings import (
    MAX_ENDPOINTS,
    SettingsProblem,
    read_host,
    read_port,
)
from mailclad.mail.discovery.xml_tree import Element, read_tree
from mailclad.mail.endpoint import Endpoint, MailProtocol

MAX_TEXT_CHARACTERS = 512
"""Of a host, a port, a word: host names have 253."""

MAX_MECHANISMS = 16
"""Of one server; there are not as many in use."""

_PROTOCOLS: Mapping[tuple[str, str], MailProtocol] = {
    ("incomingServer", "imap"): MailProtocol.IMAP,
    ("incomingServer", "pop3"): MailProtocol.POP3,
    ("outgoingServer", "smtp"): MailProtocol.SUBMISSION,
    ("setupServer", "managesieve"): MailProtocol.SIEVE,
}
_MODES: Mapping[str, TlsMode] = {
    "SSL": TlsMode.IMPLICIT,
    "STARTTLS": TlsMode.STARTTLS,
    "plain": TlsMode.NONE,
}
_MECHANISMS: Mapping[str, str] = {
    "password-cleartext": "PLAIN",
    "plain": "PLAIN",
    "password-encrypted": "CRAM-MD5",
    "secure": "CRAM-MD5",
    "NTLM": "NTLM",
    "GSSAPI": "GSSAPI",
    "TLS-client-cert": "EXTERNAL",
    "OAuth2": "XOAUTH2",
}
_TEXTS = ("hostname", "port", "socketType")


def parse_autoconfig(octets: bytes, domain: str) -> tuple[Endpoint, ...]:
    """Raises SettingsProblem; servers that cannot be used as they stand are left out."""
    root = read_tree(octets)
    if root.name != "clientConfig":
        raise SettingsProblem("it is some other XML, not settings for mail programs")
    found: list[Endpoint] = []
    for element in root.walk():
        protocol = _PROTOCOLS.get((element.name, element.attributes.get("type", "")))
        if protocol is not None:
            endpoint = _endpoint(protocol, element, domain)
            if endpoint is not None and len(found) < MAX_ENDPOINTS:
                found.append(endpoint)
    return tuple(found)


def _endpoint(protocol: MailProtocol, server: Element, domain: str) -> Endpoint | None:
    """None for one that names the mailbox in its host, or is incomplete."""
    texts = server.texts()
    host, port, socket_type = (texts.get(name, "") for name in _TEXTS)
    if max(map(len, (host, port, socket_type))) > MAX_TEXT_CHARACTERS:
        raise SettingsProblem("a value in the settings is too long")
    mode = _MODES.get(socket_type)
    if mode is None:
        return None
    try:
        name = read_host(host.replace("%EMAILDOMAIN%", domain))
        return Endpoint(protocol, name, read_port(port), mode, _mechanisms(server))
    except SettingsProblem:
        return None


def _mechanisms(server: Element) -> tuple[str, ...]:
    words = []
    for one in server.children:
        if one.name == "authentication":
            in_sasl = one.attributes.get("system") == "sasl"
            words.append(one.text.upper() if in_sasl else _MECHANISMS.get(one.text, ""))
    return tuple(dict.fromkeys(filter(None, words)))[:MAX_MECHANISMS]
