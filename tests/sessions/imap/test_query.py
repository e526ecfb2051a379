"""SEARCH keys as the store's queries; what is asked by number is asked by UID."""

from array import array

import pytest

from mailclad.protocols.imap import search_keys as keys
from mailclad.protocols.imap.search_keys import DateKind, DateTest, TextPlace
from mailclad.protocols.imap.sequence_set import SequenceSet
from mailclad.sessions.imap.query import numbers_in, query_of
from mailclad.sessions.imap.view import MailboxView
from mailclad.store import model
from mailclad.store.model import Changes, DateOf, Flag, MailboxId, MailboxStat, TextOf

DAY = 86_400 * 9_000


def view() -> MailboxView:
    """Messages 10, 20 and 30."""
    made = MailboxView(MailboxStat(MailboxId(1), "INBOX", 3, 0, 0, 0, 31, 1, 5), 0)
    made.load(array("I", [10, 20, 30]), Changes(5, 31, (), ()))
    return made


@pytest.mark.parametrize(
    ("key", "query"),
    [
        (keys.AllKey(), model.All()),
        (keys.FlagKey("\\Seen"), model.HasFlags(Flag.SEEN)),
        (keys.FlagKey("$forwarded"), model.HasFlags(1 << 6)),
        (keys.FlagKey("$Unknown"), model.Not(model.All())),
        (keys.SizeKey(9, larger=True), model.Larger(9)),
        (keys.SizeKey(9, larger=False), model.Smaller(9)),
        (keys.DateKey(DateKind.SENT, DateTest.BEFORE, DAY), model.Before(DateOf.SENT, DAY)),
        (keys.DateKey(DateKind.INTERNAL, DateTest.SINCE, DAY),
         model.OnOrAfter(DateOf.INTERNAL, DAY)),
        (keys.DateKey(DateKind.SENT, DateTest.ON, DAY),
         model.And((model.OnOrAfter(DateOf.SENT, DAY), model.Before(DateOf.SENT, DAY + 86_400)))),
        (keys.TextKey(TextPlace.CC, "x"), model.Contains(TextOf.CC, "x")),
        (keys.TextKey(TextPlace.BODY, "x"), model.BodyContains("x", headers=False)),
        (keys.TextKey(TextPlace.TEXT, "x"), model.BodyContains("x", headers=True)),
        (keys.HeaderKey("x-a", ""), model.HeaderContains("x-a", "")),
        (keys.NumbersKey(SequenceSet(((1, 2), (3, 3))), by_uid=False),
         model.HasUid(((10, 30),))),
        (keys.NumbersKey(SequenceSet(((2, 99),)), by_uid=False), model.HasUid(((20, 30),))),
        (keys.NumbersKey(SequenceSet(((99, 99),)), by_uid=False), model.HasUid(())),
        (keys.NumbersKey(SequenceSet(((5, 0),)), by_uid=True), model.HasUid(((5, 30),))),
        (keys.NumbersKey(SequenceSet(((50, 0),)), by_uid=True), model.HasUid(((30, 30),))),
        (keys.NotKey(keys.AllKey()), model.Not(model.All())),
        (keys.OrKey(keys.AllKey(), keys.AllKey()), model.Or(model.All(), model.All())),
        (keys.AndKey((keys.AllKey(),)), model.And((model.All(),))),
    ],
)  # fmt: skip
def test_each_key(key: keys.SearchKey, query: model.Query) -> None:
    assert query_of(key, view(), ("Other", "$Forwarded")) == query


def test_numbers_are_found_wherever_they_stand() -> None:
    number = keys.NumbersKey(SequenceSet(((1, 1),)), by_uid=False)
    key = keys.AndKey((keys.NotKey(number), keys.OrKey(keys.AllKey(), number)))

    assert numbers_in(key) == [number, number]
