"""PACC, settings as JSON with a digest in the DNS (draft-ietf-mailmaint-pacc).

Comes in: a document from a stranger's web server, and TXT records.  Goes out: endpoints on
standard ports with implicit TLS, which the format implies (ManageSieve has STARTTLS only), or
whether the digest agrees.
Limits: octets of the document, records looked at.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable

import msgspec

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.settings import MAX_SETTINGS_OCTETS, SettingsProblem, read_host
from mailclad.mail.endpoint import STANDARD, Endpoint, MailProtocol

MAX_DIGESTS = 16
"""Records looked at; two stand there during a change."""

_NAMES = {
    "imap": MailProtocol.IMAP,
    "pop3": MailProtocol.POP3,
    "smtp": MailProtocol.SUBMISSION,
    "managesieve": MailProtocol.SIEVE,
}
_IMPLIED = {
    protocol: (port, tls)
    for protocol, port, tls in STANDARD
    if tls is TlsMode.IMPLICIT or protocol is MailProtocol.SIEVE
}
_RECORD = re.compile(rb"\s*v\s*=\s*UAAC1\s*;(.*)", re.DOTALL)


class _Protocol(msgspec.Struct):
    host: str | None = None


class _Document(msgspec.Struct):
    protocols: dict[str, _Protocol]


def host_name(domain: str) -> str:
    return f"ua-auto-config.{domain}"


def url(domain: str) -> str:
    return f"https://{host_name(domain)}/.well-known/user-agent-configuration.json"


def record_name(domain: str) -> str:
    return f"_ua-auto-config.{domain}"


def parse_pacc(octets: bytes) -> tuple[Endpoint, ...]:
    """Raises SettingsProblem; protocols that are not known are passed over."""
    if len(octets) > MAX_SETTINGS_OCTETS:
        raise SettingsProblem(f"the settings are longer than {MAX_SETTINGS_OCTETS} octets")
    try:
        document = msgspec.json.decode(octets, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise SettingsProblem(f"the settings are not in the form of PACC: {problem}") from None
    found = []
    for name, protocol in _NAMES.items():
        offered = document.protocols.get(name)
        if offered is not None and offered.host is not None:
            found.append(Endpoint(protocol, read_host(offered.host), *_IMPLIED[protocol]))
    return tuple(found)


def has_digest(octets: bytes, answers: Iterable[bytes]) -> bool | None:
    """Whether one of the TXT records is the document's; None where there is no such record."""
    digests = [found for found in map(_digest, list(answers)[:MAX_DIGESTS]) if found is not None]
    return hashlib.sha256(octets).digest() in digests if digests else None


def _digest(answer: bytes) -> bytes | None:
    """What a record says; empty where it is one of these but says nothing usable."""
    found = _RECORD.fullmatch(answer)
    if found is None:
        return None
    tags = dict(_tag(piece) for piece in found[1].split(b";"))
    if tags.get(b"a") != b"sha256":
        return b""
    try:
        return base64.b64decode(tags.get(b"d", b""), validate=True)
    except binascii.Error:
        return b""


def _tag(piece: bytes) -> tuple[bytes, bytes]:
    name, _, value = piece.partition(b"=")
    return name.strip().lower(), value.strip()
