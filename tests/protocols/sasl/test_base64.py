"""Strict base64: RFC 4954 §4, RFC 5034 §4."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.sasl.base64 import Base64Problem, decode_strict, encode


@given(st.binary(max_size=200))
def test_the_decoder_is_the_inverse_of_the_encoder(octets: bytes) -> None:
    assert decode_strict(encode(octets)) == octets == base64.b64decode(encode(octets))


@pytest.mark.rfc("5034", "4")
@pytest.mark.parametrize(
    "text",
    [
        b"=AAA", b"AAA=BBB", b"AAA", b"A", b"=", b"AAAA=", b"AA==BB==", b"AAAA\tAAAA",
        b"AAAA AAAA", b"AAAA\r\n", b"*", b"AA-_", b"\x80AAA", b"AAA\0", b"AA=", b"A===",
        b"AAAA====", b"AAA=AAAA", b"AB==",
    ],
)  # fmt: skip
def test_a_foreign_character_or_misplaced_padding_is_refused(text: bytes) -> None:
    with pytest.raises(Base64Problem):
        decode_strict(text)


@given(st.binary(max_size=12))
def test_any_octets_are_decoded_or_refused(text: bytes) -> None:
    try:
        decoded = decode_strict(text)
    except Base64Problem:
        return
    assert encode(decoded) == text
