"""SEARCH: keys, return options, bounds."""

from time import process_time

import pytest

from mailclad.protocols.imap.commands import Search, SearchReturn
from mailclad.protocols.imap.parse_search import DEPTH, KEYS
from mailclad.protocols.imap.responses import Condition
from mailclad.protocols.imap.search_keys import (
    AllKey,
    AndKey,
    DateKey,
    DateKind,
    DateTest,
    FlagKey,
    HeaderKey,
    NotKey,
    NumbersKey,
    OrKey,
    SearchKey,
    SizeKey,
    TextKey,
    TextPlace,
)
from mailclad.protocols.imap.sequence_set import SequenceSet
from tests.protocols.imap.parsed import parsed, refused


def key(text: str) -> SearchKey:
    search = parsed("SEARCH " + text)
    assert isinstance(search, Search)
    return search.key


SEEN, FLAGGED = FlagKey("\\Seen"), FlagKey("\\Flagged")


@pytest.mark.rfc("9051", "6.4.4")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ALL", AllKey()),
        ("seen", SEEN),
        ("UNSEEN", NotKey(SEEN)),
        ("SEEN FLAGGED", AndKey((SEEN, FLAGGED))),
        ("(SEEN)", SEEN),
        ("(SEEN (FLAGGED))", AndKey((SEEN, FLAGGED))),
        ("OR SEEN NOT FLAGGED", OrKey(SEEN, NotKey(FLAGGED))),
        ("1:3", NumbersKey(SequenceSet(((1, 3),)), by_uid=False)),
        ("UID 1:*", NumbersKey(SequenceSet(((1, 0),)), by_uid=True)),
        ("$", NumbersKey(SequenceSet((), saved=True), by_uid=False)),
        ("FROM jo", TextKey(TextPlace.FROM, "jo")),
        ('BODY "a \\"b"', TextKey(TextPlace.BODY, 'a "b')),
        ('SUBJECT "é"', TextKey(TextPlace.SUBJECT, "é")),
        ('HEADER X-Foo ""', HeaderKey("x-foo", "")),
        ("KEYWORD $Junk", FlagKey("$Junk")),
        ("UNKEYWORD x", NotKey(FlagKey("x"))),
        ("LARGER 5", SizeKey(5, larger=True)),
        ("SMALLER 9223372036854775807", SizeKey(2**63 - 1, larger=False)),
        ("SINCE 2-Jan-1970", DateKey(DateKind.INTERNAL, DateTest.SINCE, 86_400)),
        ('SENTON "2-Jan-1970"', DateKey(DateKind.SENT, DateTest.ON, 86_400)),
        ("BEFORE 2-Jan-1970", DateKey(DateKind.INTERNAL, DateTest.BEFORE, 86_400)),
        ("NEW", NotKey(AllKey())),
        ("OLD", AllKey()),
    ],
)
def test_keys(text: str, value: SearchKey) -> None:
    assert key(text) == value


@pytest.mark.parametrize("place", TextPlace)
def test_every_place_of_a_text(place: TextPlace) -> None:
    assert key(f"{place.name} x") == TextKey(place, "x")


@pytest.mark.parametrize(
    "text",
    ["", "FOO", "FROM", "()", "(SEEN", "SEEN)", "NOT", "OR SEEN", "LARGER x", "ON 31-Apr-2020",
     "KEYWORD \\Seen", "SEEN  FLAGGED", "0", "RETURN (MIN)", "RETURN (FOO) ALL", "RETURN MIN ALL"],
)  # fmt: skip
def test_searches_that_are_none(text: str) -> None:
    assert refused("SEARCH " + text).condition is Condition.BAD


@pytest.mark.rfc("9051", "6.4.4")
def test_charsets() -> None:
    for charset in ("utf-8", '"US-ASCII"'):
        assert key(f"CHARSET {charset} SEEN") == SEEN
    reply = refused("SEARCH CHARSET KOI8-R TEXT x")
    assert (reply.condition, reply.code) == (Condition.NO, "BADCHARSET (US-ASCII UTF-8)")


@pytest.mark.rfc("4731", "3.1")
@pytest.mark.parametrize(
    ("text", "rev2", "returns"),
    [
        ("ALL", False, None),
        ("ALL", True, {SearchReturn.ALL}),
        ("RETURN () ALL", False, {SearchReturn.ALL}),
        ("RETURN (min COUNT) ALL", False, {SearchReturn.MIN, SearchReturn.COUNT}),
        ("RETURN (SAVE) ALL", True, {SearchReturn.SAVE}),
        ("RETURN (MAX) CHARSET UTF-8 ALL", False, {SearchReturn.MAX}),
    ],
)
def test_returns(text: str, rev2: bool, returns: set[SearchReturn] | None) -> None:
    search = parsed("UID SEARCH " + text, rev2=rev2)

    assert isinstance(search, Search)
    assert search.by_uid
    assert search.returns == returns


@pytest.mark.parametrize("nest", ["(", "NOT ", "OR ALL ", "OR "])
def test_depth_is_bounded(nest: str) -> None:
    """T-AU3, T-IM2: no recursion without end, and no time either."""
    fits = nest.replace("OR ALL ", "NOT ").replace("OR ", "NOT ")
    assert key(fits * DEPTH + "ALL" + ")" * (DEPTH if nest == "(" else 0)) is not None
    began = process_time()

    assert refused("SEARCH " + nest * (60_000 // len(nest)) + "ALL").code == "LIMIT"
    assert process_time() - began < 1


def test_keys_are_bounded() -> None:
    assert key(" ".join(["SEEN"] * KEYS)) is not None
    assert refused("SEARCH " + " ".join(["SEEN"] * (KEYS + 1))).code == "LIMIT"
