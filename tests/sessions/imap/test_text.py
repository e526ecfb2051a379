"""Octets in steps are the same octets as in one piece."""

import base64
import quopri
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailclad.mail.transfer import decode_transfer
from mailclad.sessions.imap import text
from mailclad.sessions.imap.text import Decoded, Extent, Held, part_of


@dataclass
class MemoryBody:
    data: bytes
    largest: int = 0

    @property
    def octets(self) -> int:
        return len(self.data)

    def read(self, start: int, octets: int) -> bytes:
        self.largest = max(self.largest, octets)
        return self.data[start : start + octets]

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "STEP_OCTETS", 8)


PARTIALS = st.none() | st.tuples(st.integers(0, 80), st.integers(1, 80))


def cut(octets: bytes, partial: tuple[int, int] | None) -> bytes:
    return octets if partial is None else octets[partial[0] : sum(partial)]


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 60), PARTIALS)
def test_an_extent_is_a_slice(
    data: bytes, start: int, octets: int, partial: tuple[int, int] | None
) -> None:
    body = MemoryBody(data)
    start = min(start, len(data))
    octets = min(octets, len(data) - start)
    found = part_of(Extent(body, start, octets), partial)

    wanted = cut(data[start : start + octets], partial)
    assert b"".join(found.pieces()) == found.whole() == wanted
    assert found.octets == len(wanted)


def test_steps_end_where_the_stores_blocks_end() -> None:
    body = MemoryBody(bytes(range(30)))

    assert [len(piece) for piece in Extent(body, 3, 20).pieces()] == [5, 8, 7]


@given(
    st.lists(
        st.sampled_from([b"QUJD", b"QQ==", b"QUI=", b"=", b"!", b"\r\n", b" ", b"A", b"BC"]),
        max_size=30,
    ).map(b"".join),
    PARTIALS,
)
@example(b"=A", None)
@example(b"A=B", None)
def test_base64_in_steps(data: bytes, partial: tuple[int, int] | None) -> None:
    """Whatever else stands between the digits, and wherever padding does."""
    decoded = part_of(Decoded(Extent(MemoryBody(data), 0, len(data)), "base64"), partial)

    wanted = cut(decode_transfer(data, "base64"), partial)
    assert b"".join(decoded.pieces()) == wanted
    assert decoded.octets == len(wanted)


@given(
    st.lists(
        st.sampled_from(
            [b"=C3=BC", b"x" * 70, b"=\r\n", b"=\n", b"\r\n", b"\n", b"=", b"=zz", b"="]
        ),
        max_size=12,
    ).map(b"".join),
    PARTIALS,
)
def test_quoted_printable_in_steps(data: bytes, partial: tuple[int, int] | None) -> None:
    encoded = Extent(MemoryBody(data), 0, len(data))
    decoded = part_of(Decoded(encoded, "quoted-printable"), partial)

    wanted = cut(decode_transfer(data, "quoted-printable"), partial)
    assert b"".join(decoded.pieces()) == wanted
    assert decoded.octets == len(wanted)


def test_lines_without_end_do_not_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quoted-printable part that is one endless line is cut, and never inside ``=XX``."""
    monkeypatch.setattr(text, "STEP_OCTETS", 1_000)
    data = b"=41" * 4_000
    decoded = Decoded(Extent(MemoryBody(data), 0, len(data)), "quoted-printable")

    pieces = list(decoded.pieces())

    assert b"".join(pieces) == b"A" * 4_000
    assert max(map(len, pieces)) < 1_100


@pytest.mark.parametrize(
    ("name", "encode"), [("base64", base64.encodebytes), ("quoted-printable", quopri.encodestring)]
)
def test_real_encoders(name: str, encode: Callable[[bytes], bytes]) -> None:
    octets = bytes(range(256)) * 3
    data = encode(octets)

    assert Decoded(Extent(MemoryBody(data), 0, len(data)), name).whole() == octets


def test_a_part_of_what_is_held() -> None:
    assert part_of(Held(b"abcdef"), (2, 3)).whole() == b"cde"
    assert part_of(Held(b"abcdef"), (9, 3)).whole() == b""
