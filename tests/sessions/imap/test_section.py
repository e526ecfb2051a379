"""Sections of messages, where the fast ways must agree with the slow ones."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.headers import LISTED, join_listed, select_fields, split_fields
from mailclad.mail.parts import unpack_parts
from mailclad.protocols.imap.prepare import prepare
from mailclad.protocols.imap.sections import BinarySize, Section, What
from mailclad.sessions.imap.refusals import NotDecodable
from mailclad.sessions.imap.section import binary_size, is_listed, listed_cut, section_text
from tests.sessions.imap.house import MULTIPART
from tests.sessions.imap.test_text import MemoryBody

NAMES = [*sorted(LISTED)[:6], b"x-other"]
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(NAMES).flatmap(lambda name: st.sampled_from([name, name.title()])),
        st.sampled_from([b": ", b":", b" : "]),
        st.sampled_from(
            [b"value\r\n", b"two\r\n lines\r\n", b"\r\n", b"bare\n", b"a: b\r\n\tc\r\n"]
        ),
    ).map(b"".join),
    max_size=12,
).map(b"".join)

SECOND_HEADER = (
    b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
)


@given(FIELDS, st.lists(st.sampled_from(sorted(LISTED)[:6]), min_size=1, unique=True))
def test_kept_fields_give_what_the_header_gives(header: bytes, names: list[bytes]) -> None:
    section = Section(b"BODY[HEADER.FIELDS (...)]", what=What.HEADER_FIELDS, fields=tuple(names))
    assert is_listed(section)

    kept = join_listed(split_fields(header))

    assert listed_cut(section)(kept) == select_fields(header, names) + b"\r\n"


def test_only_fields_that_were_kept_count_as_listed() -> None:
    fields = Section(b"", what=What.HEADER_FIELDS, fields=(b"subject", b"x-other"))
    inner = Section(b"", numbers=(1,), what=What.HEADER_FIELDS, fields=(b"subject",))
    others = Section(b"", what=What.HEADER_FIELDS_NOT, fields=(b"subject",))

    assert not any(map(is_listed, (fields, inner, others)))


def octets_of(message: bytes, section: Section) -> bytes | None:
    parts = unpack_parts(prepare(message).parts)
    found = section_text(section, MemoryBody(message), parts)
    return None if found is None else found.whole()


@pytest.mark.parametrize(
    ("numbers", "what", "wanted"),
    [
        ((), None, MULTIPART),
        ((), What.TEXT, MULTIPART.partition(b"\r\n\r\n")[2]),
        ((1,), None, b"gr=C3=BC=C3=9Fe"),
        ((1,), What.TEXT, None),
        ((1,), What.HEADER, None),
        ((2,), What.MIME, SECOND_HEADER),
        ((3,), What.TEXT, b"inner text"),
        ((3, 1), None, b"inner text"),
        ((3, 2), None, None),
        ((0,), None, None),
        ((4,), None, None),
    ],
)  # fmt: skip
def test_numbers_and_names(
    numbers: tuple[int, ...], what: What | None, wanted: bytes | None
) -> None:
    assert octets_of(MULTIPART, Section(b"", numbers=numbers, what=what)) == wanted


def test_binary_undoes_the_encoding() -> None:
    assert octets_of(MULTIPART, Section(b"", numbers=(2,), binary=True)) == bytes(range(8))
    parts = unpack_parts(prepare(MULTIPART).parts)
    assert binary_size(BinarySize(b"", (2,)), MemoryBody(MULTIPART), parts) == 8


def test_binary_of_an_encoding_that_nobody_knows_is_refused() -> None:
    message = MULTIPART.replace(b"base64", b"x-uuencode")

    with pytest.raises(NotDecodable):
        octets_of(message, Section(b"", numbers=(2,), binary=True))


def test_many_names_are_one_expression() -> None:
    """A client's longest list of names compiles, and special characters stay themselves."""
    names = tuple(sorted(LISTED))
    section = Section(b"", what=What.HEADER_FIELDS, fields=names)

    assert listed_cut(section)(b"X.Priority: 1\r\nX-Priority: 2\r\n") == b"X-Priority: 2\r\n\r\n"
    assert re.escape(b"x-priority") != b"x-priority"
