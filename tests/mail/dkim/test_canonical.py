"""Canonical forms (RFC 6376 §3.4), beside a plain model of the same rules."""

import base64
import hashlib
import mmap
import re
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dkim import canonical
from mailclad.mail.dkim.canonical import (
    digest_body,
    empty_signature,
    end_lines,
    relax_field,
    relax_usual_field,
)


def simple_body(body: bytes) -> bytes:
    lines = re.sub(rb"\r?\n", b"\r\n", body).split(b"\r\n")
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines) or b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    lines = re.sub(rb"\r?\n", b"\r\n", body).split(b"\r\n")
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def digest(body: bytes, relaxed: bool, length: int | None = None) -> bytes | None:
    return digest_body(body, 0, {(relaxed, length)})[relaxed].digests.get(length)


def sha256(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


BODIES = st.lists(
    st.sampled_from(
        [
            b"\r\n",
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"\t",
            b"  ",
            b"x",
            b"word",
            b" " * 20,
            b"\x0b",
            b".",
        ]
    ),
    max_size=40,
).map(b"".join)


@given(BODIES)
def test_bodies_are_as_the_rules_say(body: bytes) -> None:
    assert digest(body, relaxed=False) == sha256(simple_body(body))
    assert digest(body, relaxed=True) == sha256(relaxed_body(body))


@given(BODIES, st.integers(1, 20))
def test_pieces_make_no_difference(body: bytes, octets: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canonical, "_PIECE_OCTETS", octets)
        assert digest(body, relaxed=False) == sha256(simple_body(body))
        assert digest(body, relaxed=True) == sha256(relaxed_body(body))


@given(BODIES, st.sets(st.integers(0, 60), max_size=4))
def test_every_length_asked_for_is_found_in_one_pass(body: bytes, lengths: set[int]) -> None:
    forms = {(relaxed, length) for relaxed in (False, True) for length in (*lengths, None)}
    found = digest_body(body, 0, forms)

    for relaxed, whole in ((False, simple_body(body)), (True, relaxed_body(body))):
        assert found[relaxed].octets == len(whole)
        for length in lengths:
            expected = sha256(whole[:length]) if length <= len(whole) else None
            assert found[relaxed].digests.get(length) == expected


@pytest.mark.rfc("6376", "3.4.3")
def test_an_empty_body() -> None:
    simple, relaxed = digest(b"", relaxed=False), digest(b"", relaxed=True)
    assert simple is not None
    assert relaxed is not None
    assert base64.b64encode(simple) == b"frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="
    assert base64.b64encode(relaxed) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_a_mapped_file_is_read_alike() -> None:
    body = b"a  line \r\n" * 70_000
    with tempfile.TemporaryFile() as file:
        file.write(b"A: b\r\n\r\n" + body)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            found = digest_body(mapped, 8, {(True, None), (False, None)})
    assert found[True].digests[None] == sha256(relaxed_body(body))
    assert found[False].digests[None] == sha256(body)


@pytest.mark.parametrize(
    "body",
    [b" " * 400_000, b"\r\n" * 400_000, b"\r" * 400_000, b" \r" * 200_000, b"\n\r" * 200_000,
     b"x" + b" " * 400_000 + b"y", b"\t \r\n" * 200_000, b"\n" * 400_000 + b"x"],
)  # fmt: skip
def test_hostile_bodies_take_no_longer_than_others(body: bytes) -> None:
    assert digest(body, relaxed=True) == sha256(relaxed_body(body))
    assert digest(body, relaxed=False) == sha256(simple_body(body))


@pytest.mark.rfc("6376", "3.4.5")
def test_fields_of_the_rfc() -> None:
    assert relax_field(b"A", b" X\r\n") == b"a:X\r\n"
    assert relax_field(b"B", b" Y\t\r\n\tZ  \r\n") == b"b:Y Z\r\n"


def test_only_space_and_tab_are_blanks() -> None:
    assert relax_field(b"A", b" \x0b x\r y\r\n") == b"a:\x0b x\r y\r\n"


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n ", b"x", b"\xc3\xa9", b":"])).map(b"".join))
def test_both_ways_to_relax_a_field_agree(value: bytes) -> None:
    assert relax_field(b"To", value + b"\r\n") == relax_usual_field(b"To", value + b"\r\n")


@pytest.mark.parametrize(
    ("value", "empty"),
    [
        (b" v=1; b=abc; d=x\r\n", b" v=1; b=; d=x\r\n"),
        (b" v=1;\r\n\tb = a\r\n\tbc\r\n", b" v=1;\r\n\tb =",),
        (b"b=x;bh=b=c", b"b=;bh=b=c"),
        (b" bh=b;xb=c", b" bh=b;xb=c"),
    ],
)  # fmt: skip
def test_the_signature_is_left_out(value: bytes, empty: bytes) -> None:
    assert empty_signature(value) == empty


def test_line_ends() -> None:
    assert end_lines(b"a\nb\r\nc\r\r\n\rd") == b"a\r\nb\r\nc\r\r\n\rd"
