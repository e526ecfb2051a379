"""Texts of QR codes as mail programs on telephones read them: Thunderbird's array, ``dclogin:``.

Limits: characters of a text; a QR code holds fewer than 3,000 octets.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.settings import SettingsProblem, read_host, read_port
from mailclad.mail.endpoint import Endpoint, MailProtocol

MAX_QR_OCTETS = 2953
"""What the largest code holds (ISO/IEC 18004, version 40, the weakest correction)."""

_INCOMING: Mapping[int, MailProtocol] = {0: MailProtocol.IMAP, 1: MailProtocol.POP3}
_OUTGOING: Mapping[int, MailProtocol] = {0: MailProtocol.SUBMISSION}
_SECURITY: Mapping[int, TlsMode] = {0: TlsMode.NONE, 2: TlsMode.STARTTLS, 3: TlsMode.IMPLICIT}
_MODES: Mapping[str, TlsMode] = {
    "plain": TlsMode.NONE,
    "starttls": TlsMode.STARTTLS,
    "ssl": TlsMode.IMPLICIT,
}


def parse_qr_thunderbird(octets: bytes) -> tuple[Endpoint, ...]:
    """Raises SettingsProblem."""
    _check_length(octets)
    try:
        version, _part, *accounts = msgspec.json.decode(octets, type=list[Any])
        if version != 1:
            raise SettingsProblem(f"version {version} of the code is not known")
        found = []
        for incoming, sending in zip(accounts[::2], accounts[1::2], strict=True):
            found.append(_server(incoming, _INCOMING))
            found += [_server(server, _OUTGOING) for server, *_ in sending]
        return tuple(found)
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, RecursionError) as problem:
        if isinstance(problem, SettingsProblem):
            raise
        raise SettingsProblem("it is not the text of Thunderbird's QR code") from None


def _server(value: Sequence[Any], kinds: Mapping[int, MailProtocol]) -> Endpoint:
    kind, host, port, security, *_ = value
    return Endpoint(kinds[kind], read_host(str(host)), read_port(str(port)), _SECURITY[security])


def parse_dclogin(octets: bytes) -> tuple[str, tuple[Endpoint, ...]]:
    """The address, and IMAP and SMTP; raises SettingsProblem."""
    _check_length(octets)
    scheme, _, rest = octets.decode("utf-8", "replace").partition(":")
    address, _, query = rest.partition("?")
    if scheme.lower() != "dclogin":
        raise SettingsProblem("it is not a login for Delta Chat")
    values = {name: found[0] for name, found in parse_qs(query, max_num_fields=32).items()}
    try:
        endpoints = [
            Endpoint(
                protocol,
                read_host(values.get(f"{letter}h", "")),
                read_port(values.get(f"{letter}p", "")),
                _MODES[values.get(f"{letter}s", "")],
            )
            for letter, protocol in (("i", MailProtocol.IMAP), ("s", MailProtocol.SUBMISSION))
        ]
    except KeyError as problem:
        raise SettingsProblem(f"{problem} is no encryption") from None
    return unquote(address.removeprefix("//")), tuple(endpoints)


def _check_length(octets: bytes) -> None:
    if len(octets) > MAX_QR_OCTETS:
        raise SettingsProblem("the text is longer than a QR code")
