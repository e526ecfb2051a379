"""What ends when, as a calendar that programs can subscribe to (RFC 5545).

Comes in: events with their beginning and end, the time of writing.  Goes out: iCalendar text.
Alarms stand at fractions of the lifetime, never "30 days before".  Pure.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mailclad.services.certificates.plan import PROBLEM_AT, WATCH_AT

LINE_OCTETS = 75
"""RFC 5545 §3.1: longer lines are folded."""


@dataclass(frozen=True, slots=True)
class Ends:
    """``what`` ends at ``ends``; ``key`` tells it from others for ever; times are Unix seconds."""

    key: str
    what: str
    why: str
    begins: int
    ends: int


def write_calendar(events: Iterable[Ends], now: int) -> str:
    """RFC 5545 §3.4; lines end in CRLF."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Mailclad//certificates//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
    ]
    for event in events:
        lines += _event(event, now)
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(event: Ends, now: int) -> Iterator[str]:
    uid = hashlib.sha256(event.key.encode()).hexdigest()[:32]
    yield "BEGIN:VEVENT"
    yield f"UID:{uid}@mailclad"
    yield f"DTSTAMP:{_moment(now)}"
    yield f"DTSTART:{_moment(event.ends)}"
    yield f"SUMMARY:{_escaped(event.what)}"
    yield f"DESCRIPTION:{_escaped(event.why)}"
    yield "TRANSP:TRANSPARENT"
    for used in (WATCH_AT, PROBLEM_AT):
        at = event.begins + int((event.ends - event.begins) * used)
        yield "BEGIN:VALARM"
        yield "ACTION:DISPLAY"
        yield f"TRIGGER;VALUE=DATE-TIME:{_moment(at)}"
        yield f"DESCRIPTION:{_escaped(f'{event.what} ({used:.0%} of its time is over)')}"
        yield "END:VALARM"
    yield "END:VEVENT"


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """RFC 5545 §3.3.11."""
    for character in ("\\", ";", ","):
        text = text.replace(character, f"\\{character}")
    return "\\n".join(text.splitlines())


def _folded(line: str) -> str:
    """RFC 5545 §3.1: at most 75 octets, and never within a character."""
    pieces, piece, octets = [], "", 0
    for character in line:
        size = len(character.encode())
        if octets + size > LINE_OCTETS:
            pieces.append(piece)
            piece, octets = "", 1  # the space in front
        piece += character
        octets += size
    return "\r\n ".join([*pieces, piece])
