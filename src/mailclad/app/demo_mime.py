"""Putting sample messages together: texts, attachments and generated files, as octets with CRLF.

Writes what the samples need, odd forms included, byte for byte; nothing here is for real mail.
"""

import base64
import binascii
import quopri
import random
import struct
import zlib
from collections.abc import Sequence

Header = tuple[str, str]

_WORD_CHARACTERS = 12
"""Of an encoded word: 12 characters of four octets in base64 stay under RFC 2047's 75."""


def encode_words(text: str, charset: str = "utf-8") -> str:
    """A header text as encoded words where it needs them (RFC 2047 §2)."""
    if text.isascii():
        return text
    step = _WORD_CHARACTERS
    words = [text[at : at + step].encode(charset) for at in range(0, len(text), step)]
    return "\r\n ".join(f"=?{charset}?B?{base64.b64encode(word).decode()}?=" for word in words)


def person(name: str, address: str) -> str:
    """``name <address>`` for a header."""
    shown = f'"{name}"' if name.isascii() else encode_words(name)
    return f"{shown} <{address}>"


def entity(headers: Sequence[Header], body: bytes) -> bytes:
    """Header fields, a blank line, the body."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n" + body


def text(
    words: str,
    *,
    subtype: str = "plain",
    charset: str = "utf-8",
    encoding: str = "",
    more: str = "",
) -> bytes:
    """A text part; the encoding is 7bit or quoted-printable unless it is said."""
    octets = words.replace("\n", "\r\n").encode(charset)
    chosen = encoding or ("7bit" if octets.isascii() else "quoted-printable")
    if chosen == "quoted-printable":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    elif chosen == "base64":
        octets = wrapped(octets)
    headers = [
        ("Content-Type", f"text/{subtype}; charset={charset}{more}"),
        ("Content-Transfer-Encoding", chosen),
    ]
    return entity(headers, octets)


def wrapped(octets: bytes) -> bytes:
    """Base64 in lines of 76."""
    digits = binascii.b2a_base64(octets, newline=False)
    return b"".join([digits[at : at + 76] + b"\r\n" for at in range(0, len(digits), 76)])


def attachment(
    media_type: str, name: str, octets: bytes, *, disposition: str = "attachment"
) -> bytes:
    """A file, in base64."""
    headers = [
        ("Content-Type", f'{media_type}; name="{name}"'),
        ("Content-Disposition", f'{disposition}; filename="{name}"'),
        ("Content-Transfer-Encoding", "base64"),
    ]
    return entity(headers, wrapped(octets))


def multipart(subtype: str, boundary: str, *parts: bytes) -> bytes:
    """Parts between boundaries; ``subtype`` may bring further parameters."""
    line = b"--" + boundary.encode()
    body = b"".join([line + b"\r\n" + part + b"\r\n" for part in parts]) + line + b"--\r\n"
    kind, _, rest = subtype.partition(";")
    more = f";{rest}" if rest else ""
    return entity([("Content-Type", f'multipart/{kind}; boundary="{boundary}"{more}')], body)


def png(width: int, height: int, seed: int) -> bytes:
    """A picture of coloured stripes."""
    colours = random.Random(seed)  # noqa: S311 - colours, not secrets
    stripe = [bytes(colours.randrange(256) for _ in range(3)) for _ in range(8)]
    row = b"\0" + b"".join([stripe[x * 8 // width] for x in range(width)])
    return _png(width, height, row * height, 9)


def noise_png(width: int, height: int, seed: int) -> bytes:
    """A picture that no compression makes smaller: three octets a point."""
    points = random.Random(seed).randbytes(width * height * 3)  # noqa: S311 - a picture
    rows = [b"\0" + points[y * width * 3 : (y + 1) * width * 3] for y in range(height)]
    return _png(width, height, b"".join(rows), 0)


def _png(width: int, height: int, rows: bytes, level: int) -> bytes:
    def chunk(kind: bytes, octets: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + octets))
        return struct.pack(">I", len(octets)) + kind + octets + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(rows, level)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def pdf(*lines: str) -> bytes:
    """One page of plain text; ASCII only."""
    shown = "".join(f"({line}) Tj 0 -18 Td " for line in lines)
    page = f"BT /F1 12 Tf 72 720 Td {shown}ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R/Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    octets = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(octets))
        octets += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join([b"%010d 00000 n \n" % place for place in places])
    return (
        octets
        + b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\n"
        % (
            len(objects) + 1,
            table,
            len(objects) + 1,
        )
        + b"startxref\n%d\n%%%%EOF\n" % len(octets)
    )


def calendar(method: str, uid: str, start: str, end: str, summary: str, status: str) -> bytes:
    """An event of RFC 5545 between the two people; times as ``20240101T120000Z``."""
    lines = [
        "BEGIN:VCALENDAR",
        "PRODID:-//Mailclad//Demo//EN",
        "VERSION:2.0",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{start}",
        f"DTSTART:{start}",
        f"DTEND:{end}",
        f"SUMMARY:{summary}",
        "LOCATION:The library\\, second floor",
        "ORGANIZER;CN=Grace Hopper:mailto:grace@demo.localhost",
        f"ATTENDEE;CN=Ada Lovelace;PARTSTAT={status};RSVP=TRUE:mailto:ada@demo.localhost",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()
