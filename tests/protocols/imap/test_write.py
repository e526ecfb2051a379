"""What is written can be read back: the reader is the writer's inverse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.imap.grammar import Reader
from mailclad.protocols.imap.write import (
    literal8_start,
    literal_start,
    write_astring,
    write_mailbox,
    write_nstring,
    write_string,
)

OCTETS = st.binary().map(lambda octets: octets.replace(b"\0", b"0")) | st.sampled_from(
    [b"", b'a"b', b"a\\b", b"a b", b"{3}", b"NIL", b"nil", b"x" * 2_000, b"]", b"\r\n", b"%"]
)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def reader(written: bytes, *, rev2: bool = False) -> Reader:
    """A reader for a line, or for a line, a literal and the rest."""
    if not written.startswith(b"{"):
        return Reader((written,), rev2=rev2)
    line, _, octets = written.partition(b"\r\n")
    return Reader((line, octets, b""), rev2=rev2)


@pytest.mark.slow
@given(OCTETS)
def test_strings(octets: bytes) -> None:
    for write in (write_string, write_astring):
        read = reader(write(octets))
        assert read.astring() == octets
        read.end()
    read = reader(write_nstring(octets))
    assert read.nstring() == octets


def test_nil_is_nothing_and_a_string_of_that_name_is_quoted() -> None:
    assert write_nstring(None) == b"NIL"
    assert write_nstring(b"NIL") == b'"NIL"'
    assert write_astring(b"nil") == b'"nil"'
    assert Reader((b"nil",)).nstring() is None


@pytest.mark.slow
@pytest.mark.rfc("9051", "5.1")
@given(NAMES, st.booleans())
def test_mailbox_names(name: str, rev2: bool) -> None:
    read = reader(write_mailbox(name, rev2), rev2=rev2)

    assert read.mailbox() == ("INBOX" if name.upper() == "INBOX" else name)
    read.end()


def test_text_is_utf_8() -> None:
    assert write_string("a") == b'"a"'
    assert write_string("é") == b"{2}\r\n\xc3\xa9"


def test_literal_starts() -> None:
    assert literal_start(5) == b"{5}\r\n"
    assert literal8_start(5) == b"~{5}\r\n"
