"""Dates: RFC 5322 §3.3 and §4.3 to seconds since 1970 UTC, and back for mail and IMAP.

In comes the value of a Date field, lenient: comments, two-digit years, named zones, a missing
zone, hyphens between day, month and year, the order of ``asctime``.  None where no date can
be read; never raises.  Out go the forms of RFC 5322 and of INTERNALDATE (RFC 9051 §9
``date-time``), always UTC.
"""

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from mailclad.mail.parameters import without_comments

MAX_DATE_OCTETS = 1_000
"""A date takes some 40; comments and folding may add to it."""

_MONTHS = tuple(b"jan feb mar apr may jun jul aug sep oct nov dec".split())
_MONTH_NUMBER = {name: number for number, name in enumerate(_MONTHS, 1)}
_WEEKDAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY_SECONDS = 86_400

_ZONES = {
    b"est": -5, b"edt": -4, b"cst": -6, b"cdt": -5, b"mst": -7, b"mdt": -6, b"pst": -8, b"pdt": -7,
    b"cet": 1, b"cest": 2, b"met": 1, b"mest": 2, b"bst": 1, b"eet": 2, b"eest": 3, b"jst": 9,
}  # fmt: skip
"""Hours east; RFC 5322 §4.3 and what senders add; any other name counts as UTC."""

_DATE = re.compile(
    rb"\s*+(?:[a-z]{3,9}[,.]?\s*+)?(\d{1,2})[\s-]++([a-z]{3})[a-z]*+\.?[\s,-]*+(\d{2,4})"
    rb"[\s,]++(\d{1,2})\s*+[:.]\s*+(\d{1,2})(?:\s*+[:.]\s*+(\d{1,2}))?(?:[.,]\d++)?\s*+([+-]\d{4}|[a-z]{1,5}|)",
    re.IGNORECASE,
)
_ASCTIME = re.compile(
    rb"\s*+[a-z]{3,9},?\s++([a-z]{3})[a-z]*+\s++(\d{1,2}),?\s++(\d{1,2}):(\d{2})(?::(\d{2}))?"
    rb"\s++(?:([+-]\d{4}|[a-z]{1,5})\s++)?(\d{4})",
    re.IGNORECASE,
)
_ISO = re.compile(
    rb"\s*+(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:\.\d++)?\s*+"
    rb"(?:(Z)|([+-]\d{2}):?(\d{2}))?",
    re.IGNORECASE,
)


class SentDate(NamedTuple):
    """``at`` in seconds since 1970 UTC; ``day`` is the day as it stands there, whatever the
    zone, told by its first second (RFC 9051 §6.4.4 SENTON searches by that)."""

    at: int
    day: int


def parse_date(value: bytes) -> int | None:
    """Seconds since 1970 UTC; a leap second counts as the one before it."""
    found = parse_sent_date(value)
    return None if found is None else found.at


def parse_sent_date(value: bytes) -> SentDate | None:
    """A Date field's moment and day."""
    value = value[:MAX_DATE_OCTETS]
    match = _DATE.match(value)
    if match is None and b"(" in value:
        value = without_comments(value)
        match = _DATE.match(value)
    if match is not None:
        day, month, year, hour, minute, second, zone = match.groups()
        return _sent_date(year, month, day, (hour, minute, second), zone)
    if (match := _ASCTIME.match(value)) is not None:
        month, day, hour, minute, second, zone, year = match.groups()
        return _sent_date(year, month, day, (hour, minute, second), zone or b"")
    if (match := _ISO.match(value)) is not None:
        year, month, day, hour, minute, second, _utc, zone, zone_minute = match.groups()
        name = _MONTHS[(int(month) - 1) % 12]
        return _sent_date(
            year, name, day, (hour, minute, second), (zone or b"") + (zone_minute or b"")
        )
    return None


def _sent_date(
    year: bytes, month: bytes, day: bytes, clock: tuple[bytes, bytes, bytes | None], zone: bytes
) -> SentDate | None:
    number = _MONTH_NUMBER.get(month.lower())
    if number is None:
        return None
    hour, minute, second = int(clock[0]), int(clock[1]), min(int(clock[2] or 0), 59)
    if hour > 23 or minute > 59:
        return None
    try:
        days = date(_full_year(year), number, int(day)).toordinal() - _EPOCH_ORDINAL
    except ValueError:  # 31 June, or the year 0
        return None
    day_start = days * _DAY_SECONDS
    clock_seconds = hour * 3600 + minute * 60 + second
    return SentDate(day_start + clock_seconds - _zone_seconds(zone), day_start)


def _full_year(year: bytes) -> int:
    """RFC 5322 §4.3: two digits below 50 are this century; three are counted from 1900."""
    number = int(year)
    if len(year) == 2:
        return number + (2000 if number < 50 else 1900)
    return number + 1900 if len(year) == 3 else number


def _zone_seconds(zone: bytes) -> int:
    if zone[:1] in (b"+", b"-"):
        offset = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
        return -offset if zone[:1] == b"-" else offset
    return _ZONES.get(zone.lower(), 0) * 3600


def format_date(seconds: int) -> bytes:
    """``Mon, 01 Jan 2024 12:00:00 +0000`` for Date and Received."""
    days, rest = divmod(seconds, _DAY_SECONDS)
    return b"%b%02d:%02d:%02d +0000" % (_day(days), rest // 3600, rest // 60 % 60, rest % 60)


@lru_cache(maxsize=4_096)  # eleven years of days: a list of a mailbox asks for the same again
def _day(days: int) -> bytes:
    when = date.fromordinal(days + _EPOCH_ORDINAL)
    month = _MONTHS[when.month - 1].capitalize()
    return b"%b, %02d %b %04d " % (_WEEKDAYS[when.weekday()], when.day, month, when.year)
