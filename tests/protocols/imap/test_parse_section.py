"""Sections: what is asked for, and how the answer names it."""

import pytest

from mailclad.protocols.imap.commands import Fetch, FetchItem
from mailclad.protocols.imap.parse_section import HEADER_FIELDS, SECTION_DEPTH
from mailclad.protocols.imap.sections import BinarySize, Section, What
from tests.protocols.imap.parsed import parsed, refused


def item(text: str) -> FetchItem:
    fetch = parsed("FETCH 1 " + text)
    assert isinstance(fetch, Fetch)
    [item] = fetch.items
    return item


@pytest.mark.rfc("9051", "6.4.5.1")
@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("BODY[]", Section(b"BODY[]")),
        ("body.peek[]<0.10>", Section(b"BODY[]<0>", partial=(0, 10), peek=True)),
        ("BODY[header]", Section(b"BODY[HEADER]", what=What.HEADER)),
        ("BODY[1]", Section(b"BODY[1]", (1,))),
        ("BODY[1.2.MIME]", Section(b"BODY[1.2.MIME]", (1, 2), What.MIME)),
        ("BODY[3.TEXT]<5.6>", Section(b"BODY[3.TEXT]<5>", (3,), What.TEXT, partial=(5, 6))),
        (
            'BODY.PEEK[HEADER.FIELDS (To "cC" TO)]',
            Section(
                b"BODY[HEADER.FIELDS (To cC TO)]", (), What.HEADER_FIELDS, (b"to", b"cc"),
                peek=True,
            ),
        ),
        (
            "BODY[1.HEADER.FIELDS.NOT (x)]",
            Section(b"BODY[1.HEADER.FIELDS.NOT (x)]", (1,), What.HEADER_FIELDS_NOT, (b"x",)),
        ),
    ],
)  # fmt: skip
def test_body(text: str, section: Section) -> None:
    assert item(text) == section


@pytest.mark.rfc("3516", "4")
def test_binary() -> None:
    assert item("BINARY[1.2]<0.5>") == Section(
        b"BINARY[1.2]<0>", (1, 2), partial=(0, 5), binary=True
    )
    assert item("BINARY.PEEK[]") == Section(b"BINARY[]", peek=True, binary=True)
    assert item("BINARY.SIZE[2]") == BinarySize(b"BINARY.SIZE[2]", (2,))


@pytest.mark.parametrize(
    "text",
    ["BODY[", "BODY[MIME]", "BODY[0]", "BODY[1.]", "BODY[.1]", "BODY[1.HEADERS]", "BODY[1HEADER]",
     "BODY[HEADER.FIELDS]", "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS (a:b)]",
     'BODY[HEADER.FIELDS ("a b")]', "BODY[]<0>", "BODY[]<0.0>", "BODY[]<1.2", "BODY[]<-1.2>",
     "BINARY[TEXT]", "BINARY[1.MIME]", "BINARY.SIZE[1]<0.1>", "BODY[9999999999]",
     "BODY[]<9223372036854775808.1>"],
)  # fmt: skip
def test_sections_that_are_none(text: str) -> None:
    assert refused("FETCH 1 " + text).text


def test_depth_and_fields_are_bounded() -> None:
    assert isinstance(item(f"BODY[{'.'.join('1' * SECTION_DEPTH)}]"), Section)
    assert refused(f"FETCH 1 BODY[{'.'.join('1' * (SECTION_DEPTH + 1))}]").code == "LIMIT"
    names = " ".join("x" * HEADER_FIELDS)
    assert isinstance(item(f"BODY[HEADER.FIELDS ({names})]"), Section)
    assert refused(f"FETCH 1 BODY[HEADER.FIELDS ({names} x)]").code == "LIMIT"
