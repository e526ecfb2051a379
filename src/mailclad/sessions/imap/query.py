"""SEARCH keys → the store's ``Query`` (RFC 9051 §6.4.4).

In: a key as parsed, the view (for sequence numbers, already loaded where that takes it) and
the account's keywords.  Out: a query without anything of IMAP in it.
"""

from collections.abc import Sequence

from mailclad.protocols.imap import search_keys as keys
from mailclad.protocols.imap.search_keys import DateKind, DateTest, SearchKey, TextPlace
from mailclad.sessions.imap.flags import SYSTEM_BITS
from mailclad.sessions.imap.view import MailboxView
from mailclad.store import model
from mailclad.store.model import FIRST_KEYWORD_BIT, DateOf, Query, TextOf

_DAY = 86_400
_DATES = {DateKind.INTERNAL: DateOf.INTERNAL, DateKind.SENT: DateOf.SENT}
_FIELDS = {
    TextPlace.BCC: TextOf.BCC,
    TextPlace.CC: TextOf.CC,
    TextPlace.FROM: TextOf.FROM,
    TextPlace.SUBJECT: TextOf.SUBJECT,
    TextPlace.TO: TextOf.TO,
}
_NOTHING = model.Not(model.All())


def query_of(key: SearchKey, view: MailboxView, keywords: Sequence[str]) -> Query:  # noqa: C901, PLR0911 (one case a key)
    match key:
        case keys.AllKey():
            return model.All()
        case keys.AndKey(parts):
            return model.And(tuple(query_of(part, view, keywords) for part in parts))
        case keys.OrKey(first, second):
            return model.Or(query_of(first, view, keywords), query_of(second, view, keywords))
        case keys.NotKey(inner):
            return model.Not(query_of(inner, view, keywords))
        case keys.NumbersKey(numbers, by_uid):
            return model.HasUid(view.resolve(numbers, by_uid=by_uid))
        case keys.FlagKey(flag):
            return _flag(flag, keywords)
        case keys.SizeKey(octets, larger):
            return model.Larger(octets) if larger else model.Smaller(octets)
        case keys.DateKey():
            return _date(key)
        case keys.TextKey(place, text):
            if place in _FIELDS:
                return model.Contains(_FIELDS[place], text)
            return model.BodyContains(text, headers=place is TextPlace.TEXT)
        case keys.HeaderKey(name, text):
            return model.HeaderContains(name, text)


def numbers_in(key: SearchKey) -> list[keys.NumbersKey]:
    """All sets of messages within a key."""
    match key:
        case keys.NumbersKey():
            return [key]
        case keys.AndKey(parts):
            return [found for part in parts for found in numbers_in(part)]
        case keys.OrKey(first, second):
            return numbers_in(first) + numbers_in(second)
        case keys.NotKey(inner):
            return numbers_in(inner)
        case _:
            return []


def _flag(flag: str, keywords: Sequence[str]) -> Query:
    if flag in SYSTEM_BITS:
        return model.HasFlags(SYSTEM_BITS[flag])
    folded = flag.lower()
    for bit, keyword in enumerate(keywords, FIRST_KEYWORD_BIT):
        if keyword.lower() == folded:
            return model.HasFlags(1 << bit)
    return _NOTHING


def _date(key: keys.DateKey) -> Query:
    which = _DATES[key.kind]
    match key.test:
        case DateTest.BEFORE:
            return model.Before(which, key.seconds)
        case DateTest.SINCE:
            return model.OnOrAfter(which, key.seconds)
        case DateTest.ON:
            day = (model.OnOrAfter(which, key.seconds), model.Before(which, key.seconds + _DAY))
            return model.And(day)
