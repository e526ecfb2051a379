"""Whose name the reader sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address_list import MAX_ADDRESSES, MAX_FIELD_OCTETS
from mailclad.mail.dmarc.author import MAX_AUTHOR_DOMAINS, Author, AuthorFault, find_author
from mailclad.mail.headers import MAX_FIELDS, split_fields


def author(header: bytes) -> Author:
    return find_author(split_fields(header))


@pytest.mark.rfc("7489", "6.6.1")
@pytest.mark.parametrize(
    ("value", "domains"),
    [
        (b"sender@example.com", ("example.com",)),
        (b'"ceo@victim.example" <a@Example.COM>', ("example.com",)),
        (
            b"A <a@one.example>,\r\n B <b@two.example>, c@one.example",
            ("one.example", "two.example"),
        ),
        (b"A <a@one.example> <b@two.example>", ("one.example", "two.example")),
        (b"Team: a@one.example, b@two.example;", ("one.example", "two.example")),
        (b"(comment) a@(x)b.example", ("b.example",)),
        ("ä <ü@müller.example>".encode(), ("xn--mller-kva.example",)),
        (b"nobody, a@one.example", ("one.example",)),
    ],
)
def test_domains_of_from(value: bytes, domains: tuple[str, ...]) -> None:
    assert author(b"To: x@y.example\r\nfrom : " + value + b"\r\n") == Author(domains)


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (b"To: a@b.example\r\n", AuthorFault.NO_FROM),
        (b"From: a@b.example\r\nFROM: a@b.example\r\n", AuthorFault.SEVERAL_FROM),
        (b"From: \r\n", AuthorFault.NO_DOMAIN),
        (b"From: undisclosed:;\r\n", AuthorFault.NO_DOMAIN),
        (b"From: The Boss\r\n", AuthorFault.NO_DOMAIN),
        (b"From: a@[192.0.2.1]\r\n", AuthorFault.NO_DOMAIN),
        (b"From: =?utf-8?q?a=40b.example?=\r\n", AuthorFault.NO_DOMAIN),
        (b"From: a@b.example@c.example\r\n", AuthorFault.AMBIGUOUS),
        (b'From: "a@b.example"@c.example\r\n', AuthorFault.AMBIGUOUS),
        (b"From: <@b.example:a@c.example>\r\n", AuthorFault.AMBIGUOUS),
        (b"From: a@b.example\x00.c.example\r\n", AuthorFault.AMBIGUOUS),
        (b"From: a@b_c.example, x@y.example\r\n", AuthorFault.AMBIGUOUS),
        (b"From: a@\xff.example\r\n", AuthorFault.AMBIGUOUS),
        (b"From: a@" + b"x" * MAX_FIELD_OCTETS + b".example\r\n", AuthorFault.TOO_MUCH),
        (b"From: " + b"a@b.example," * MAX_ADDRESSES + b"x@y.example\r\n", AuthorFault.TOO_MUCH),
        (b"From: a@b.example\r\n" + b"x:\n" * MAX_FIELDS, AuthorFault.TOO_MUCH),
    ],
)
def test_what_names_no_one_author_is_a_fault(header: bytes, fault: AuthorFault) -> None:
    assert author(header) == Author((), fault)


def test_several_authors_up_to_a_limit() -> None:
    names = [f"a@d{number}.example" for number in range(MAX_AUTHOR_DOMAINS + 1)]
    assert len(author(f"From: {','.join(names[:-1])}\n".encode()).domains) == MAX_AUTHOR_DOMAINS
    assert author(f"From: {','.join(names)}\n".encode()) == Author((), AuthorFault.TOO_MUCH)


@given(
    st.lists(
        st.sampled_from(
            [
                b"a",
                b"@",
                b"b.example",
                b"<",
                b">",
                b",",
                b":",
                b";",
                b'"',
                b"(",
                b")",
                b"\\",
                b" ",
                b"\xc3",
                b"[",
                b"]",
                b"\r\n ",
            ]
        )
    )
)
def test_there_is_a_domain_or_a_fault(pieces: list[bytes]) -> None:
    found = author(b"From: " + b"".join(pieces) + b"\r\n")
    assert bool(found.domains) is (found.fault is None)
