"""Reports as strangers send them: gzip, zip or plain octets, unpacked within a limit.

RFC 1952 for gzip; of zip only what report senders write: one member, stored or deflated, not
encrypted, without zip64.  The sizes that a file declares are not believed: output stops at
the limit that the caller gives, and what zlib was not fed costs nothing.  More than one
member, a damaged one or a checksum that does not agree is ``PackedProblem``, the only
exception.  A report inside a report is not unpacked again.
"""

import gzip
import re
import zlib

_GZIP = b"\x1f\x8b"
_LOCAL_HEADER = b"PK\x03\x04"
_CENTRAL_HEADER = b"PK\x01\x02"
_LOCAL_OCTETS = 30
_ENCRYPTED = 1
_SIZES_BEHIND = 8
_STORED, _DEFLATED = 0, 8
_END = re.compile(rb"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00.{10}", re.DOTALL)
"""The end of a directory with exactly one entry; a comment may follow."""


class PackedProblem(ValueError):
    """Says in plain words why the octets were not unpacked."""


def unpack(octets: bytes, most: int) -> bytes:
    """At most ``most`` octets come out; raises PackedProblem."""
    if octets.startswith(_GZIP):
        plain, rest = _inflate(octets, 16 + zlib.MAX_WBITS, most)
        if rest.strip(b"\0"):
            raise PackedProblem("the gzip file has something behind its end")
        return plain
    if octets.startswith(_LOCAL_HEADER):
        return _unzip(octets, most)
    if len(octets) > most:
        raise PackedProblem(f"the report is larger than {most} octets")
    return octets


def pack(octets: bytes) -> bytes:
    """gzip without name and time: the same report is the same file."""
    return gzip.compress(octets, mtime=0)


def _inflate(octets: bytes, window_bits: int, most: int) -> tuple[bytes, bytes]:
    inflater = zlib.decompressobj(window_bits)
    try:
        plain = inflater.decompress(octets, most + 1)
    except zlib.error:
        raise PackedProblem("the compressed file is damaged") from None
    if len(plain) > most:
        raise PackedProblem(f"the report is larger than {most} octets when unpacked")
    if not inflater.eof:
        raise PackedProblem("the compressed file is cut off")
    return plain, inflater.unused_data


def _unzip(octets: bytes, most: int) -> bytes:
    flags = int.from_bytes(octets[6:8], "little")
    method = int.from_bytes(octets[8:10], "little")
    checksum = int.from_bytes(octets[14:18], "little")
    declared = int.from_bytes(octets[18:22], "little")
    start = _LOCAL_OCTETS + sum(
        int.from_bytes(octets[at : at + 2], "little") for at in (26, 28)
    )  # the lengths of name and extra field
    if flags & _ENCRYPTED:
        raise PackedProblem("the zip file is encrypted")
    if method == _DEFLATED:
        plain, rest = _inflate(octets[start:], -zlib.MAX_WBITS, most)
    elif method == _STORED and not flags & _SIZES_BEHIND:
        plain, rest = octets[start : start + declared], octets[start + declared :]
    else:
        raise PackedProblem("the zip file uses a method that reports do not use")
    if len(plain) > most:
        raise PackedProblem(f"the report is larger than {most} octets")
    _check_directory(rest)
    if flags & _SIZES_BEHIND:
        checksum = int.from_bytes(rest[4:8] if rest[:2] == b"PK" else rest[:4], "little")
    if zlib.crc32(plain) != checksum:
        raise PackedProblem("the zip file is damaged")
    return plain


def _check_directory(rest: bytes) -> None:
    """Behind the only member: sizes or nothing, its one entry, the end."""
    entry = rest.find(_CENTRAL_HEADER, 0, 24)
    end = _END.search(rest, entry) if entry >= 0 else None
    if end is None or rest.count(_CENTRAL_HEADER) != 1 or _LOCAL_HEADER in rest:
        raise PackedProblem("the zip file has other than one member")
