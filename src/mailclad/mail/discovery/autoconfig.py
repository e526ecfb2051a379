"""Autoconfig XML, as Thunderbird and most others read it (draft-ietf-mailmaint-autoconfig).

Comes in: a document from a stranger's web server, and the domain it was asked for.  Goes out:
endpoints in the order of the document, which is that of preference.  Elements that are not known
are passed over, as the draft asks.  Documents with a DOCTYPE are refused: entities come with it,
and no settings need any.
Limits: octets, depth, number of elements, length of a text, endpoints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.settings import (
    MAX_ENDPOINTS,
    MAX_SETTINGS_OCTETS,
    SettingsProblem,
    read_host,
    read_port,
)
from mailclad.mail.endpoint import Endpoint, MailProtocol

MAX_DEPTH = 16
"""Of elements in each other; the format has five."""

MAX_ELEMENTS = 4000
"""Of one document; one with every language's instructions has some hundreds."""

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
_TEXTS = frozenset({"hostname", "port", "socketType", "authentication"})


def parse_autoconfig(octets: bytes, domain: str) -> tuple[Endpoint, ...]:
    """Raises SettingsProblem; servers that cannot be used as they stand are left out."""
    if len(octets) > MAX_SETTINGS_OCTETS:
        raise SettingsProblem(f"the settings are longer than {MAX_SETTINGS_OCTETS} octets")
    reading = _Reading(domain)
    parser = expat.ParserCreate("utf-8")  # whatever it declares: no codec of Python's choosing
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(octets, True)
    except expat.ExpatError as problem:
        raise SettingsProblem(f"the settings are not XML: {problem}") from None
    return tuple(reading.endpoints)


def _refuse_doctype(*_: object) -> None:
    raise SettingsProblem("the settings have a DOCTYPE, which they must not")


@dataclass(slots=True)
class _Server:
    protocol: MailProtocol
    texts: dict[str, str] = field(default_factory=dict)
    mechanisms: list[str] = field(default_factory=list)


class _Reading:
    """Called by the parser: one element after the other, never a tree."""

    def __init__(self, domain: str) -> None:
        self.endpoints: list[Endpoint] = []
        self._domain = domain
        self._path: list[str] = []
        self._elements = 0
        self._server: _Server | None = None
        self._words: list[str] | None = None
        self._system = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._path) >= MAX_DEPTH:
            raise SettingsProblem("the settings have too many elements, or too many in each other")
        if not self._path and name != "clientConfig":
            raise SettingsProblem("it is some other XML, not settings for mail programs")
        self._path.append(name)
        protocol = _PROTOCOLS.get((name, attributes.get("type", "")))
        if protocol is not None:
            self._server = _Server(protocol)
        elif self._server is not None and name in _TEXTS:
            self._words, self._system = [], attributes.get("system", "")

    def text(self, text: str) -> None:
        if self._words is None:
            return
        self._words.append(text)
        if sum(map(len, self._words)) > MAX_TEXT_CHARACTERS:
            raise SettingsProblem("a value in the settings is too long")

    def end(self, name: str) -> None:
        self._path.pop()
        server = self._server
        if server is None:
            return
        if self._words is not None and name in _TEXTS:
            self._take(server, name, "".join(self._words).strip())
            self._words = None
        elif name in {"incomingServer", "outgoingServer", "setupServer"}:
            self._finish(server)
            self._server = None

    def _take(self, server: _Server, name: str, text: str) -> None:
        if name != "authentication":
            server.texts.setdefault(name, text)
            return
        word = text.upper() if self._system == "sasl" else _MECHANISMS.get(text, "")
        if word and word not in server.mechanisms and len(server.mechanisms) < MAX_MECHANISMS:
            server.mechanisms.append(word)

    def _finish(self, server: _Server) -> None:
        host = server.texts.get("hostname", "").replace("%EMAILDOMAIN%", self._domain)
        mode = _MODES.get(server.texts.get("socketType", ""))
        try:
            endpoint = Endpoint(
                server.protocol,
                read_host(host),
                read_port(server.texts.get("port", "")),
                mode or TlsMode.NONE,
                tuple(server.mechanisms),
            )
        except SettingsProblem:
            return  # one that names the mailbox in its host, or is incomplete
        if mode is not None and len(self.endpoints) < MAX_ENDPOINTS:
            self.endpoints.append(endpoint)
