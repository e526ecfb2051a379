"""Bodies without their encoding."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.transfer import decode_base64, decode_transfer, is_known


@given(st.binary())
def test_what_was_encoded_comes_back(octets: bytes) -> None:
    wrapped = base64.encodebytes(octets).replace(b"\n", b"\r\n")

    assert decode_transfer(wrapped, "base64") == octets
    assert decode_transfer(quopri.encodestring(octets), "quoted-printable") == octets
    assert decode_transfer(octets, "8bit") == octets


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (b"aGVsbG8", b"hello"),
        (b"aGVs bG8=\r\n!", b"hello"),
        (b"aGk=aGk=", b"hihi"),
        (b"aGVsbG8=====", b"hello"),
        (b"a", b""),
        (b"====", b""),
        (b"", b""),
    ],
)
def test_broken_base64_gives_what_it_holds(given: bytes, wanted: bytes) -> None:
    assert decode_base64(given) == wanted


def test_broken_quoted_printable_stays_as_it_is() -> None:
    assert decode_transfer(b"a=zz=3D=\r\nb=", "quoted-printable") == b"a=zz=b"


def test_an_unknown_encoding_is_said_to_be_unknown() -> None:
    assert not is_known("x-uuencode")
    assert is_known("7bit")
    assert decode_transfer(b"x", "x-uuencode") == b"x"


@given(st.binary(), st.sampled_from(["base64", "quoted-printable", "7bit", "x", ""]))
def test_nothing_makes_it_fail(octets: bytes, encoding: str) -> None:
    decode_transfer(octets, encoding)
