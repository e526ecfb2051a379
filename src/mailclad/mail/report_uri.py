"""Where reports go: the URIs of ``rua=`` and ``ruf=`` (RFC 7489 §6.2, RFC 8460 §3, RFC 6068).

In comes the comma-separated list of a DNS record, as a stranger published it; out come
``mailto:`` addresses and ``https:`` places, in their order.  ``!10m`` behind a URI is the
largest report it takes; RFC 9989 §4.8 calls it obsolete, receivers still publish it.
What is not a URI, or of another scheme, is left out.  Never raises.

Nothing here says that the receiver agreed: see ``mail.dmarc.destination``.
Limit: ``MAX_REPORT_URIS``.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from mailclad.mail.address import Address, AddressProblem, parse_address

MAX_REPORT_URIS = 10
"""Each is a message we send; RFC 7489 §6.2 asks for two, real records have one to four."""

MAX_URI_OCTETS = 1_000
"""A header line's worth; mail addresses end at 320."""

_URI = re.compile(
    r"([A-Za-z][A-Za-z0-9+.\-]*):([!-~]+?)(?:!([0-9]{1,20})([kmgt]?))?", re.IGNORECASE
)
_HTTPS = re.compile(r"//[A-Za-z0-9.\-]+(?::[0-9]{1,5})?(?:[/?][!-~]*)?")
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_LARGEST = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class ReportUri:
    """``address`` is None for https.  ``max_octets``: of the report as it is sent, encoded."""

    uri: str
    address: Address | None = None
    max_octets: int | None = None


def parse_report_uris(text: str) -> tuple[tuple[ReportUri, ...], bool]:
    """Those that we can send to, and whether there was any URI at all (RFC 7489 §6.6.3)."""
    found: list[ReportUri] = []
    any_uri = False
    for piece in text.split(",", MAX_REPORT_URIS)[:MAX_REPORT_URIS]:
        match = _URI.fullmatch(piece.strip(" \t")) if len(piece) <= MAX_URI_OCTETS else None
        if match is None or "!" in match[2]:
            continue
        limit = None if match[3] is None else int(match[3]) << _UNITS[match[4].lower()]
        if limit is not None and int(match[3]) > _LARGEST:
            continue
        any_uri = True
        uri = _usable(match[1].lower(), match[2], limit)
        if uri is not None:
            found.append(uri)
    return tuple(found), any_uri


def _usable(scheme: str, rest: str, limit: int | None) -> ReportUri | None:
    if scheme == "https" and _HTTPS.fullmatch(rest):
        return ReportUri(f"https:{rest}", None, limit)
    if scheme != "mailto":
        return None
    try:
        address = parse_address(unquote(rest.partition("?")[0], errors="strict"))
    except (AddressProblem, UnicodeDecodeError):
        return None
    return ReportUri(f"mailto:{rest}", address, limit)
