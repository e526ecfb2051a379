"""Texts are not decoded where it is plain that they cannot be there; that is never wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.engines.sqlite.matching import Needle
from mailclad.mail.encoded_word import decode_text, fold_text
from mailclad.mail.headers import split_fields

PIECES = st.sampled_from(
    ["a", "B", ":", " ", "\r\n ", "\t", "\x01", "ab", "=?utf-8?q?a=62?=", "ü", "=", "\r\nX-Y :"]
)
HEADERS = st.lists(PIECES, max_size=12).map(lambda pieces: "S: " + "".join(pieces) + "\r\n")


@given(header=HEADERS.map(str.encode), text=st.text("abx:-y ü", max_size=4))
def test_what_is_called_missing_is_in_no_field(header: bytes, text: str) -> None:
    needle = Needle(text)
    found = any(
        needle.text in fold_text(f"{name.decode()}: {decode_text(value)}")
        for _, name, value in split_fields(header)
    )
    assert not (found and needle.is_missing(header))


@pytest.mark.parametrize("text", ["green apple", "APPLE", "x:green", "zz"])
def test_only_words_that_are_not_there_are_missing(text: str) -> None:
    assert Needle(text).is_missing(b"X: green\r\n\tapple\r\n") is (text == "zz")
