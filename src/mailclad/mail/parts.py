"""A message's parts: where each lies and what it says it is (RFC 2045, RFC 2046).

``Part`` is what one scan found (``mail.mime.scan``); ``PartMap`` is the compact share of it
that is stored with the message, so that ``FETCH BODY[2.1]`` reads one slice of the octets.
All offsets count from the message's first octet.  A part's header, with its blank line, is
``[header_start, body_start)``, its body ``[body_start, body_end)``; the line end before
a boundary belongs to the boundary.  ``lines`` counts the LFs of the body.

``unpack_parts`` trusts its input: it reads back what ``pack_parts`` wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(slots=True)
class Part:
    """One entity: the message itself, a part of a multipart, or a message in a message.

    ``media_type`` (``text/plain``), ``transfer_encoding`` (``7bit`` where it is not given)
    and ``charset`` (empty where it is not given) are lower case.  Where the type is
    message/rfc822 or message/global, ``children`` is the inner message alone.
    ``values`` is the first value of each header field, by lower-case name; ``parameters``
    are those of Content-Type, decoded as ``mail.parameters`` tells.
    """

    header_start: int
    body_start: int
    body_end: int
    lines: int
    media_type: str
    transfer_encoding: str
    charset: str
    children: tuple[Part, ...]
    values: dict[bytes, bytes]
    parameters: list[tuple[bytes, bytes]]

    @property
    def octets(self) -> int:
        """Of the body, as it lies there."""
        return self.body_end - self.body_start

    @property
    def is_multipart(self) -> bool:
        return self.media_type.startswith("multipart/")

    @property
    def is_message(self) -> bool:
        """Whether it holds a whole message, its only child."""
        return bool(self.children) and not self.is_multipart


class PartMap(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is stored of a ``Part``; the same words."""

    header_start: int
    body_start: int
    body_end: int
    lines: int
    media_type: str
    transfer_encoding: str
    charset: str
    children: tuple[PartMap, ...] = ()

    @property
    def octets(self) -> int:
        return self.body_end - self.body_start

    @property
    def is_multipart(self) -> bool:
        return self.media_type.startswith("multipart/")

    @property
    def is_message(self) -> bool:
        """Whether it holds a whole message, ``children[0]``."""
        return bool(self.children) and not self.is_multipart

    def find(self, numbers: tuple[int, ...]) -> PartMap | None:
        """The part with this number, from the message itself (RFC 9051 §6.4.5.1).

        No numbers: the message.  A message that is not a multipart has one part, 1, which
        is the message itself seen as a part.
        """
        part, entered = self, True  # entered: the next number counts the parts of its body
        for number in numbers:
            if not entered and part.is_message:
                part, entered = part.children[0], True
            if part.is_multipart:
                if not 0 < number <= len(part.children):
                    return None
                part = part.children[number - 1]
            elif not entered or number != 1:
                return None
            entered = False
        return part


_Packed = tuple[int, int, int, int, str, str, str, tuple["_Packed", ...]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PartMap).decode


def pack_parts(part: Part) -> bytes:
    """For ``Prepared.parts``."""
    return _encode(_packed(part))


def unpack_parts(data: bytes) -> PartMap:
    """The inverse of ``pack_parts``."""
    return _decode(data)


def _packed(part: Part) -> _Packed:
    return (
        part.header_start,
        part.body_start,
        part.body_end,
        part.lines,
        part.media_type,
        part.transfer_encoding,
        part.charset,
        tuple([_packed(child) for child in part.children]),
    )
