"""A message as signatures see it: fields by name, their canonical forms, where the body begins.

RFC 6376 §3.4, §5.4.2.  Comes in: octets with CRLF or bare LF; the fields are those that every
reader of this server sees (``mail.headers``).  What a signature covers is taken from below.
Limits: the header's of ``mail.headers``; a message beyond them is not judged at all, since a
field that nobody looked at could be the one that is shown.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from mailclad.base.octets import Octets
from mailclad.mail.dkim.canonical import (
    empty_signature,
    end_lines,
    relax_field,
    relax_usual_field,
)
from mailclad.mail.headers import (
    MAX_FIELDS,
    MAX_HEADER_OCTETS,
    Field,
    find_body,
    has_bare_cr,
    split_fields,
)

_SINGLE = frozenset(
    b"from sender reply-to to cc subject date message-id in-reply-to references mime-version"
    b" content-type content-transfer-encoding".split()
)
"""Fields that a message may have once (RFC 5322 §3.6, RFC 2045 §3)."""


class HeaderTooLong(Exception):
    """More fields or octets than are looked at."""


class SignedMessage:
    """Raises HeaderTooLong when made of a message beyond the limits."""

    __slots__ = ("_places", "_relax", "_relaxed", "body_start", "fields", "octets")

    def __init__(self, octets: Octets) -> None:
        self.octets = octets
        self.body_start = find_body(octets)
        if self.body_start > MAX_HEADER_OCTETS:
            raise HeaderTooLong
        header = end_lines(octets[: self.body_start])
        self.fields: Sequence[Field] = split_fields(header, MAX_FIELDS + 1)
        if len(self.fields) > MAX_FIELDS:
            raise HeaderTooLong
        self._relax = relax_usual_field if _is_usual(header) else relax_field
        self._relaxed: dict[int, bytes] = {}
        self._places: dict[bytes, list[int]] = {}
        for place, (_, name, _) in enumerate(self.fields):
            self._places.setdefault(name.lower(), []).append(place)

    def places(self, name: bytes) -> Sequence[int]:
        """Where the fields of this lower-case name stand among all, from above."""
        return self._places.get(name, ())

    def canonical_fields(self, names: Iterable[bytes], relaxed: bool, own: int = -1) -> bytes:
        """Each name's lowest field that was not yet taken, never the one at ``own``."""
        canonical = self.relaxed_field if relaxed else self._simple_field
        left: dict[bytes, list[int]] = {}
        found = []
        for name in names:
            if name not in left:
                left[name] = [place for place in self.places(name) if place != own]
            if left[name]:
                found.append(canonical(left[name].pop()))
        return b"".join(found)

    def canonical_signature(self, place: int, relaxed: bool) -> bytes:
        """A signature field as it is signed itself: ``b=`` empty, without its line end."""
        field, name, value = self.fields[place]
        empty = empty_signature(value)
        if relaxed:
            return self._relax(name, empty).removesuffix(b"\r\n")
        return (field.removesuffix(value) + empty).removesuffix(b"\r\n")

    def relaxed_field(self, place: int) -> bytes:
        if place not in self._relaxed:
            _, name, value = self.fields[place]
            self._relaxed[place] = self._relax(name, value)
        return self._relaxed[place]

    def added(self, names: Iterable[bytes]) -> tuple[str, ...]:
        """Fields that may stand once, are among ``names``, and that there are more of."""
        covered = Counter(names)
        return tuple(
            name.decode()
            for name, times in covered.items()
            if name in _SINGLE and len(self.places(name)) > times
        )

    def _simple_field(self, place: int) -> bytes:
        field = self.fields[place][0]
        return field if field.endswith(b"\r\n") else field + b"\r\n"


def _is_usual(header: bytes) -> bool:
    """Whether Python's blanks are DKIM's in it; lines end in CRLF."""
    return b"\v" not in header and b"\f" not in header and not has_bare_cr(header)
