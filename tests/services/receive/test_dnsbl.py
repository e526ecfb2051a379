import asyncio

import pytest

from mailclad.base.resolver import DnsProblem
from mailclad.services.receive.dnsbl import (
    MAX_REASON,
    DnsList,
    Listings,
    ListState,
    check_lists,
    list_name,
)
from tests.dns.fake import FakeResolver, Known

BL = DnsList("bad.example.com")
NAME = "99.2.0.192.bad.example.com"


def check(
    known: dict[tuple[str, str], Known], *lists: DnsList, address: str = "192.0.2.99"
) -> Listings:
    return asyncio.run(check_lists(FakeResolver(known), address, lists or (BL,)))


@pytest.mark.rfc("5782", "2.1")
def test_an_ipv4_address_as_in_the_standard() -> None:
    text = b"Dynamic address, see http://bad.example.com?192.0.2.99"
    (answer,) = check({(NAME, "A"): ["127.0.0.2"], (NAME, "TXT"): [text]}).answers
    assert (answer.state, answer.codes) == (ListState.LISTED, ("127.0.0.2",))
    assert answer.reason == text.decode()


@pytest.mark.rfc("5782", "2.4")
def test_names_as_in_the_standard() -> None:
    assert list_name("192.0.2.99") == "99.2.0.192"
    assert list_name("::ffff:192.0.2.99") == "99.2.0.192"
    assert (
        list_name("2001:db8:1:2:3:4:567:89ab")
        == "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"
    )


def test_not_listed_and_no_reason_asked_for() -> None:
    resolver = FakeResolver({(NAME, "TXT"): [b"never asked for"]})
    listings = asyncio.run(check_lists(resolver, "192.0.2.99", [BL]))
    assert listings.answers[0].state is ListState.NOT_LISTED
    assert resolver.asked == [(NAME, "A")]


@pytest.mark.parametrize(
    ("records", "state", "codes"),
    [
        (["127.0.0.2"], ListState.LISTED, ("127.0.0.2",)),
        (["127.0.1.1", "127.0.1.2"], ListState.LISTED, ("127.0.1.1", "127.0.1.2")),
        (["127.255.254.255"], ListState.LISTED, ("127.255.254.255",)),
        (["127.255.255.0"], ListState.WRONG, ()),
        (["127.255.255.252"], ListState.WRONG, ()),
        (["127.255.255.254"], ListState.WRONG, ()),
        (["127.255.255.255"], ListState.WRONG, ()),
        (["127.0.0.1"], ListState.WRONG, ()),
        (["126.255.255.255"], ListState.WRONG, ()),
        (["128.0.0.0"], ListState.WRONG, ()),
        (["203.0.113.80"], ListState.WRONG, ()),
        (["203.0.113.80", "127.0.0.4"], ListState.LISTED, ("127.0.0.4",)),
        ([], ListState.NOT_LISTED, ()),
    ],
)
def test_how_codes_are_read(records: list[str], state: ListState, codes: tuple[str, ...]) -> None:
    (answer,) = check({(NAME, "A"): records}).answers
    assert (answer.state, answer.codes) == (state, codes)


def test_wrong_use_says_what_to_do() -> None:
    assert "own resolver" in check({(NAME, "A"): ["127.255.255.254"]}).answers[0].reason
    assert "remove it" in check({(NAME, "A"): ["203.0.113.80"]}).answers[0].reason


def test_several_lists_with_weights() -> None:
    lists = [
        DnsList("a.test", 3),
        DnsList("b.test", 5),
        DnsList("c.test", 7),
        DnsList("d.test", -2),
    ]
    listings = check(
        {
            ("99.2.0.192.a.test", "A"): ["127.0.0.2"],
            ("99.2.0.192.b.test", "A"): DnsProblem("nobody answered"),
            ("99.2.0.192.d.test", "A"): ["127.0.0.3"],
            ("99.2.0.192.d.test", "TXT"): DnsProblem("nobody answered"),
        },
        *lists,
    )
    states = [answer.state for answer in listings.answers]
    assert states == [
        ListState.LISTED,
        ListState.UNKNOWN,
        ListState.NOT_LISTED,
        ListState.LISTED,
    ]
    assert listings.answers[1].reason == "nobody answered"
    assert listings.weight == 3 - 2
    assert check({}, *lists).weight == 0


def test_a_hostile_reason_is_cut_and_printable() -> None:
    known: dict[tuple[str, str], Known] = {
        (NAME, "A"): ["127.0.0.2"],
        (NAME, "TXT"): [b"no\r\n250 ok\x1b[2J\xff\0" + b"x" * 60_000, b"second"],
    }
    reason = check(known).answers[0].reason
    assert reason.startswith("no??250 ok?[2J??xx")
    assert len(reason) == MAX_REASON
