"""Apple's configuration profiles as devices read them: mail payloads → endpoints.

``…UseSSL`` is off where it is not written, and then a port may mean anything: such servers count
as plain.  Limits: octets, endpoints.
"""

import plistlib
from collections.abc import Iterator, Mapping
from typing import Any

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.settings import (
    MAX_ENDPOINTS,
    MAX_SETTINGS_OCTETS,
    SettingsProblem,
    read_host,
    read_port,
)
from mailclad.mail.endpoint import Endpoint, MailProtocol

_ACCOUNT_TYPES: Mapping[str, MailProtocol] = {
    "EmailTypeIMAP": MailProtocol.IMAP,
    "EmailTypePOP": MailProtocol.POP3,
}


def parse_mobileconfig(octets: bytes) -> tuple[Endpoint, ...]:
    """An unsigned profile; raises SettingsProblem."""
    if len(octets) > MAX_SETTINGS_OCTETS or b"<!ENTITY" in octets:
        raise SettingsProblem("the profile is too long, or declares entities")
    try:
        profile = plistlib.loads(octets, fmt=plistlib.FMT_XML)
    except Exception as problem:  # plistlib names no error of its own for bad input
        raise SettingsProblem(f"it is not a profile: {problem}") from None
    content = profile.get("PayloadContent") if isinstance(profile, dict) else None
    if not isinstance(content, list):
        raise SettingsProblem("the profile has no content")
    found = [one for part in content if isinstance(part, dict) for one in _of_payload(part)]
    return tuple(found[:MAX_ENDPOINTS])


def _of_payload(payload: Mapping[str, Any]) -> Iterator[Endpoint]:
    incoming = _ACCOUNT_TYPES.get(str(payload.get("EmailAccountType")))
    if payload.get("PayloadType") == "com.apple.mail.managed" and incoming is not None:
        yield _endpoint(payload, "Incoming", incoming)
        yield _endpoint(payload, "Outgoing", MailProtocol.SUBMISSION)


def _endpoint(payload: Mapping[str, Any], way: str, protocol: MailProtocol) -> Endpoint:
    return Endpoint(
        protocol,
        read_host(str(payload.get(f"{way}MailServerHostName"))),
        read_port(str(payload.get(f"{way}MailServerPortNumber"))),
        TlsMode.IMPLICIT if payload.get(f"{way}MailServerUseSSL") is True else TlsMode.NONE,
    )
