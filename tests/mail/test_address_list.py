"""Address lists of RFC 5322 and of the world."""

# ruff: noqa: E501 - a case is one line of a table

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address_list import (
    GROUP_END,
    MAX_ADDRESSES,
    MAX_FIELD_OCTETS,
    ListedAddress,
    parse_address_list,
)


def one(name: bytes | None, local_part: bytes, domain: bytes) -> ListedAddress:
    return ListedAddress(name, None, local_part, domain)


def group(name: bytes, *members: ListedAddress) -> list[ListedAddress]:
    return [ListedAddress(None, None, name, None), *members, GROUP_END]


@pytest.mark.rfc("5322", "A.1")
@pytest.mark.rfc("5322", "A.5")
@pytest.mark.rfc("5322", "A.6.1")
@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b' "Joe Q. Public" <john.q.public@example.com>', [one(b"Joe Q. Public", b"john.q.public", b"example.com")]),
        (b"Mary Smith <mary@x.test>, jdoe@example.org,\r\n Who? <one@y.test>",
         [one(b"Mary Smith", b"mary", b"x.test"), one(None, b"jdoe", b"example.org"), one(b"Who?", b"one", b"y.test")]),
        (b'<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
         [one(None, b"boss", b"nil.test"), one(b'Giant; "Big" Box', b"sysservices", b"example.net")]),
        (b"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
         group(b"A Group", one(b"Ed Jones", b"c", b"a.test"), one(None, b"joe", b"where.test"), one(b"John", b"jdoe", b"one.test"))),
        (b"Undisclosed recipients:;", group(b"Undisclosed recipients")),
        (b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [one(b"Pete", b"pete", b"silly.test")]),
        (b"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
         group(b"A Group", one(b"Chris Jones", b"c", b"public.example"), one(None, b"joe", b"example.org"), one(b"John", b"jdoe", b"one.test"))),
        (b"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", group(b"Hidden recipients")),
        (b"Joe Q. Public <john.q.public@example.com>", [one(b"Joe Q. Public", b"john.q.public", b"example.com")]),
        (b"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
         [ListedAddress(b"Mary Smith", b"@node.test", b"mary", b"example.net"), one(None, b"jdoe", b"test.example")]),
        (b"<@a.test,@b.test:c@d.test>", [ListedAddress(None, b"@a.test,@b.test", b"c", b"d.test")]),
    ],
)  # fmt: skip
def test_lists_of_the_standard(value: bytes, wanted: list[ListedAddress]) -> None:
    assert parse_address_list(value) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"gray@cac.washington.edu (Terry Gray)", [one(b"Terry Gray", b"gray", b"cac.washington.edu")]),
        (b"=?utf-8?Q?a,b?= <x@y.test>", [one(b"=?utf-8?Q?a,b?=", b"x", b"y.test")]),
        (b"J\xc3\xbcrgen <j\xc3\xb6@b\xc3\xbc.test>", [one(b"J\xc3\xbcrgen", b"j\xc3\xb6", b"b\xc3\xbc.test")]),
        (b'"a b"@c.test, x@[192.0.2.1]', [one(None, b"a b", b"c.test"), one(None, b"x", b"[192.0.2.1]")]),
        (b"MAILER-DAEMON <>", [one(b"MAILER-DAEMON", b"", b"")]),
        (b"root", [one(None, b"root", b"")]),
        (b"<root>", [one(None, b"root", b"")]),
        (b"Undisclosed recipients", [one(b"Undisclosed recipients", b"", b"")]),
        (b"John Doe jd@x.test", [one(b"John Doe", b"jd", b"x.test")]),
        (b"a@b.test <c@d.test>", [one(b"a@b.test", b"c", b"d.test")]),
        (b"<a@b.test> Foo <c@d.test>", [one(None, b"a", b"b.test"), one(b"Foo", b"c", b"d.test")]),
        (b"a@b.test; c@d.test;", [one(None, b"a", b"b.test"), one(None, b"c", b"d.test")]),
        (b"Joe <a@b.test", [one(b"Joe", b"a", b"b.test")]),
        (b"a@b@c.test", [one(None, b"a@b", b"c.test")]),
        (b'"never closed <a@b.test>', [one(b"never closed <a@b.test>", b"", b"")]),
        (b"Team: a@b.test", group(b"Team", one(None, b"a", b"b.test"))),
        (b'"" <a@b.test>', [one(None, b"a", b"b.test")]),
        (b", ,,", []),
        (b"", []),
        (b"(only a comment)", []),
    ],
)  # fmt: skip
def test_lists_of_the_world(value: bytes, wanted: list[ListedAddress]) -> None:
    assert parse_address_list(value) == wanted


@pytest.mark.parametrize("one_of_many", [b"user@example.com,", b"(c) u@e.org,", b"a,"])
def test_addresses_beyond_the_limit_are_not_read(one_of_many: bytes) -> None:
    assert len(parse_address_list(one_of_many * (MAX_ADDRESSES + 1))) == MAX_ADDRESSES


def test_a_group_cut_by_the_limit_is_closed() -> None:
    found = parse_address_list(b"G: " + b"(c) u@e.org," * (MAX_ADDRESSES + 1))

    assert len(found) == MAX_ADDRESSES + 1
    assert found[-1] == GROUP_END


def test_octets_beyond_the_limit_are_not_read() -> None:
    assert parse_address_list(b" " * MAX_FIELD_OCTETS + b"a@b.test") == []


def test_comments_nest_to_any_depth() -> None:
    assert parse_address_list(b"(" * 30_000 + b")" * 30_000 + b"a@b.test")[0][2:] == (
        b"a",
        b"b.test",
    )


PIECES = [
    b"a",
    b" ",
    b"<",
    b">",
    b"@",
    b",",
    b";",
    b":",
    b"(",
    b")",
    b'"',
    b"\\",
    b"[",
    b"]",
    b"=?",
    b"?q?",
    b"?=",
    b".",
    b"\r\n",
    b"\xff",
    b"\0",
]


@pytest.mark.slow
@given(st.lists(st.sampled_from(PIECES)).map(b"".join) | st.binary())
def test_groups_are_paired_whatever_comes(value: bytes) -> None:
    open_groups = 0
    for address in parse_address_list(value):
        if address.domain is None:
            open_groups += 1 if address.local_part is not None else -1
        assert open_groups in {0, 1}
    assert open_groups == 0


NAMES = (
    st.text(
        st.characters(codec="ascii", exclude_characters='"\\\r\n', exclude_categories=["Cc"]),
        min_size=1,
    )
    .map(str.strip)
    .filter(bool)
)
ATOMS = st.text("abc019!#$%&'*+/=?^_`{|}~-", min_size=1)


@pytest.mark.slow
@given(st.lists(st.tuples(NAMES, ATOMS, st.text("abc.-", min_size=1)), min_size=1, max_size=5))
def test_what_is_written_can_be_read(people: list[tuple[str, str, str]]) -> None:
    value = ",\r\n ".join(f'"{name}" <{local}@{domain}>' for name, local, domain in people)

    assert parse_address_list(value.encode()) == [
        one(name.encode(), local.encode(), domain.encode()) for name, local, domain in people
    ]
