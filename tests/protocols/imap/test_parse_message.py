"""FETCH, STORE, COPY, MOVE, UID EXPUNGE."""

import pytest

from mailclad.protocols.imap.commands import (
    Attribute,
    Copy,
    Expunge,
    Fetch,
    Move,
    Store,
    StoreAction,
)
from mailclad.protocols.imap.flags import KEYWORD_OCTETS
from mailclad.protocols.imap.parse_message import FETCH_ITEMS
from mailclad.protocols.imap.sections import Section, What
from mailclad.protocols.imap.sequence_set import SequenceSet
from tests.protocols.imap.parsed import parsed, refused

ONE = SequenceSet(((1, 1),))
A = Attribute


def items(text: str) -> tuple[object, ...]:
    fetch = parsed("FETCH 1 " + text)
    assert isinstance(fetch, Fetch)
    return fetch.items


@pytest.mark.rfc("9051", "6.4.5")
def test_macros() -> None:
    assert items("fast") == (A.FLAGS, A.INTERNALDATE, A.RFC822_SIZE)
    assert items("ALL") == (A.FLAGS, A.INTERNALDATE, A.RFC822_SIZE, A.ENVELOPE)
    assert items("FULL") == (A.FLAGS, A.INTERNALDATE, A.RFC822_SIZE, A.ENVELOPE, A.BODY)
    assert refused("FETCH 1 (ALL)").text
    assert refused("FETCH 1 (FLAGS FAST)").text


def test_items() -> None:
    assert items("(uid Flags BODYSTRUCTURE body)") == (A.UID, A.FLAGS, A.BODYSTRUCTURE, A.BODY)
    assert items("(FLAGS FLAGS)") == (A.FLAGS,)
    assert items("RFC822") == (Section(b"RFC822"),)
    assert items("(RFC822.HEADER RFC822.TEXT)") == (
        Section(b"RFC822.HEADER", what=What.HEADER, peek=True),
        Section(b"RFC822.TEXT", what=What.TEXT),
    )
    for text in ("", "()", "FLAGS UID", "(FLAGS  UID)", "BODY.PEEK", "FOO", "FLAGS[]", "RFC822[]"):
        assert refused("FETCH 1 " + text).text
    assert refused("FETCH (FLAGS)").text


def test_uid_fetch_always_tells_the_uid_first() -> None:
    assert parsed("UID FETCH 1 (FLAGS UID)") == Fetch("a", ONE, (A.UID, A.FLAGS), by_uid=True)


def test_items_are_bounded() -> None:
    assert refused(f"FETCH 1 ({' '.join(['FLAGS'] * (FETCH_ITEMS + 1))})").code == "LIMIT"


@pytest.mark.rfc("9051", "6.4.6")
@pytest.mark.parametrize(
    ("text", "action", "flags", "silent"),
    [
        ("FLAGS (\\seen $Junk)", StoreAction.REPLACE, ("\\Seen", "$Junk"), False),
        ("+flags.silent \\DELETED", StoreAction.ADD, ("\\Deleted",), True),
        ("-FLAGS x y x", StoreAction.REMOVE, ("x", "y"), False),
        ("FLAGS ()", StoreAction.REPLACE, (), False),
        ("FLAGS (\\Recent)", StoreAction.REPLACE, (), False),
    ],
)
def test_store(text: str, action: StoreAction, flags: tuple[str, ...], silent: bool) -> None:
    assert parsed("STORE 1 " + text) == Store("a", ONE, action, flags, silent, by_uid=False)
    assert parsed("UID STORE 1 " + text) == Store("a", ONE, action, flags, silent, by_uid=True)


def test_stores_that_are_none() -> None:
    for text in ("FLAGS", "FLAGS (\\Foo)", "FLAGS (a", "FLAGS \\*", "*FLAGS a", "FLAGS.LOUD a"):
        assert refused("STORE 1 " + text).text
    assert parsed("STORE 1 FLAGS " + "k" * KEYWORD_OCTETS).tag
    assert refused("STORE 1 FLAGS " + "k" * (KEYWORD_OCTETS + 1)).code == "LIMIT"


def test_copy_move_expunge() -> None:
    assert parsed("COPY 1 inbox") == Copy("a", ONE, "INBOX", by_uid=False)
    assert parsed("UID MOVE $ x") == Move("a", SequenceSet((), saved=True), "x", by_uid=True)
    assert parsed("UID EXPUNGE 1") == Expunge("a", ONE)
    assert refused("UID EXPUNGE").text
    assert refused("COPY 1").text
