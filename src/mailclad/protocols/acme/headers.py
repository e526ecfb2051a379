"""Header fields of an authority's answers: nonces, links, when to ask again.

RFC 8555 §6.5.1 (Replay-Nonce), §7.4.2 (links of the relation "alternate"); RFC 8288 §3 (Link);
RFC 9110 §10.2.3 (Retry-After).

Comes in: values of header fields, untrusted.  Goes out: values; what cannot be read is None or
left out.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from mailclad.protocols.acme.jws import is_base64url

MAX_NONCE = 1024
"""Characters; real ones have some 50, and each goes back in a request."""

MAX_LINKS = 16
"""Of one answer; real ones have three."""

MAX_RETRY_SECONDS = 8 * 24 * 3600
"""Limits are counted by the week: what lies further away was not meant, or overflows a date."""

_LINK = re.compile(r'<([^<>"\s]*)>((?:\s*;\s*[A-Za-z*-]+\s*=\s*(?:"[^"]*"|[^",;\s]*))*)')
_RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^",;\s]*))', re.IGNORECASE)
_MOMENT = re.compile(
    r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?: ?(?:Z|UTC))", re.IGNORECASE | re.ASCII
)


def read_nonce(value: str | None) -> str | None:
    """RFC 8555 §6.5.1: an invalid one is ignored."""
    if value is None or len(value) > MAX_NONCE or not is_base64url(value):
        return None
    return value


def read_links(values: Iterable[str], relation: str) -> tuple[str, ...]:
    """Targets of this relation, in order."""
    found = [
        target
        for value in values
        for target, parameters in _LINK.findall(value)
        if relation in _relations(parameters)
    ]
    return tuple(found[:MAX_LINKS])


def _relations(parameters: str) -> list[str]:
    match = _RELATION.search(parameters)
    return (match[1] or match[2] or "").lower().split() if match else []


def read_retry_after(value: str | None, now: datetime) -> datetime | None:
    """Seconds or a date; never before ``now``."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        seconds = min(int(text[:12]), MAX_RETRY_SECONDS)
        return now + timedelta(seconds=seconds)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return min(max(moment, now), now + timedelta(seconds=MAX_RETRY_SECONDS))
    except (TypeError, ValueError, OverflowError):
        return None


def read_moment(detail: str, now: datetime) -> datetime | None:
    """Of a problem's text, as Let's Encrypt writes it: “retry after 2026-03-04 05:06:07 UTC”."""
    match = _MOMENT.search(detail)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
    except ValueError:
        return None
    return min(max(moment, now), now + timedelta(seconds=MAX_RETRY_SECONDS))
