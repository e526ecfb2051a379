"""Modified UTF-7, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.imap.utf7 import Utf7Problem, decode, encode

NAMES = st.text(st.characters(exclude_categories=["Cs"])) | st.text("&-é日/ a")


@given(NAMES)
def test_every_name_survives(name: str) -> None:
    assert decode(encode(name)) == name


@pytest.mark.slow
@given(st.binary(max_size=20) | st.text("&-,AZaz09+/Ñ ").map(str.encode))
def test_a_name_has_one_spelling(octets: bytes) -> None:
    try:
        name = decode(octets)
    except Utf7Problem:
        return
    assert encode(name) == octets


@pytest.mark.rfc("3501", "5.1.3")
@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("Entwürfe", b"Entw&APw-rfe"),
        ("A & B", b"A &- B"),
        ("INBOX", b"INBOX"),
        ("📬", b"&2D3c7A-"),
    ],
)
def test_examples(name: str, octets: bytes) -> None:
    assert encode(name) == octets
    assert decode(octets) == name


@pytest.mark.rfc("3501", "5.1.3")
@pytest.mark.parametrize(
    "octets",
    [b"A & B", b"&", b"&AOk", b"&Jjo!", b"&U,BTFw-&ZeVnLIqe-", b"&AGE-", b"&2D0-", b"&A-",
     b"\xc3\xa9", b"a\tb", b"&AOkA-"],
)  # fmt: skip
def test_not_utf_7(octets: bytes) -> None:
    """Unfinished, superfluous, of half a character, or above ASCII."""
    with pytest.raises(Utf7Problem):
        decode(octets)
