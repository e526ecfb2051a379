"""What a server said to a name and a password, as a finding.

RFC 4954 §6 (reply codes), RFC 5248 (enhanced status codes), RFC 5530 (IMAP response codes).
Comes in: the reply of an untrusted server.  Goes out: a ``Found``.  Nobody's words for it are a
standard: what is not known is told as a wrong password, with their own words beside it.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from mailclad.mail.endpoint import Endpoint
from mailclad.services.diagnose.found import Found, Level

_OWN_PASSWORD = re.compile(
    r"app(lication)?[ -]?(specific )?password|app-specific|web ?(log|sign)[ -]?in required"
    r"|multi-?factor|two-?(factor|step)|basic authentication is disabled",
    re.IGNORECASE,
)
_TOO_MANY = re.compile(
    r"too many|try again later|temporarily|locked|\brate\b|blocked|\[(UNAVAILABLE|LIMIT)\]",
    re.IGNORECASE,
)
_STATUS_OWN_PASSWORD = "5.7.9"  # noqa: S105 - a status
"""RFC 4954 §6: this mechanism is too weak; large providers say it to the main password."""


def refused(endpoint: Endpoint, address: str, code: int, status: str, reply: str) -> Found:
    """``code`` is SMTP's, or 0 where the protocol has none."""
    if _OWN_PASSWORD.search(reply) or status == _STATUS_OWN_PASSWORD:
        return _found("AUTH-502", endpoint, address, reply=reply)
    if 0 < code < 500 or _TOO_MANY.search(reply):
        return _found("AUTH-505", endpoint, address, reply=reply, until="")
    return _found("AUTH-501", endpoint, address, reply=reply)


def wants_short_name(found: Found) -> Found:
    """The whole address was refused, and the part before the @ is taken."""
    return replace(found, id="AUTH-503", values={**found.values, "form": "short"})


def without_method(endpoint: Endpoint, address: str, offered: Iterable[str]) -> Found:
    mechanisms = ", ".join(sorted(offered)) or "none"
    return _found("AUTH-504", endpoint, address, mechanisms=mechanisms)


def untried(endpoint: Endpoint, address: str) -> Found:
    """The server could not be reached again, or did not prove who it is."""
    return replace(_found("AUTH-501", endpoint, address), level=Level.CANNOT_CHECK)


def _found(entry: str, endpoint: Endpoint, address: str, **values: str) -> Found:
    return Found(entry, "sign-in", endpoint.host, address, endpoint, values=values)
