"""Commands about mailboxes."""

import pytest

from mailclad.protocols.imap.commands import (
    Create,
    Delete,
    List,
    ListReturn,
    ListSelect,
    Lsub,
    Rename,
    Select,
    Status,
    StatusItem,
)
from mailclad.protocols.imap.parse_mailbox import PATTERNS
from mailclad.protocols.imap.responses import Condition
from tests.protocols.imap.parsed import parsed, refused


def test_select_and_examine() -> None:
    assert parsed("SELECT inbox") == Select("a", "INBOX", read_only=False)
    assert parsed('EXAMINE "a b"') == Select("a", "a b", read_only=True)
    assert refused("SELECT").text
    assert refused("SELECT a b").text
    assert refused("SELECT a (CONDSTORE)").text


@pytest.mark.rfc("9051", "6.3.4")
def test_create_ignores_a_delimiter_at_the_end() -> None:
    assert parsed("CREATE a/b/") == Create("a", "a/b", None)
    assert parsed("RENAME a b/") == Rename("a", "a", "b")
    assert parsed("DELETE a/") == Delete("a", "a/")


@pytest.mark.rfc("6154", "3")
def test_create_with_a_special_use() -> None:
    assert parsed("CREATE a (USE (\\sent))") == Create("a", "a", "\\Sent")
    for uses in ("\\Foo", "\\Sent \\Trash"):
        reply = refused(f"CREATE a (USE ({uses}))")
        assert (reply.condition, reply.code) == (Condition.NO, "USEATTR")
    assert refused("CREATE a (USE ())").condition is Condition.BAD
    assert refused("CREATE a (FOO)").condition is Condition.BAD


@pytest.mark.rfc("9051", "6.3.11")
def test_status() -> None:
    items = (StatusItem.MESSAGES, StatusItem.SIZE)
    assert parsed("STATUS x (messages SIZE MESSAGES)") == Status("a", "x", items)
    for text in ("STATUS x", "STATUS x ()", "STATUS x (BEANS)", "STATUS x MESSAGES"):
        assert refused(text).condition is Condition.BAD


@pytest.mark.rfc("9051", "6.3.9")
def test_list() -> None:
    assert parsed('LIST "" %') == List("a", "", ("%",))
    assert parsed('LSUB a/ "*"') == Lsub("a", "a/", "*")
    extended = 'LIST (Subscribed recursivematch) "" (a "b c") RETURN (children Status (SIZE))'
    assert parsed(extended) == List(
        "a", "", ("a", "b c"),
        frozenset({ListSelect.SUBSCRIBED, ListSelect.RECURSIVEMATCH}),
        frozenset({ListReturn.CHILDREN}), (StatusItem.SIZE,), extended=True,
    )  # fmt: skip
    assert parsed('LIST () "" %') == List("a", "", ("%",), extended=True)
    assert parsed('LIST "" % RETURN ()') == List("a", "", ("%",), extended=True)
    special = parsed('LIST (SPECIAL-USE) "" "*" RETURN (SPECIAL-USE SUBSCRIBED)')
    assert isinstance(special, List)
    assert special.select == {ListSelect.SPECIAL_USE}


@pytest.mark.rfc("9051", "6.3.9.1")
@pytest.mark.parametrize(
    "text",
    ["(RECURSIVEMATCH) \"\" *", "(REMOTE RECURSIVEMATCH) \"\" *", "(FOO) \"\" *", '"" ()', '""',
     '"" * RETURN', '"" * RETURN (FOO)', '"" * RETURN (STATUS)', '"" * (CHILDREN)', "(SUBSCRIBED"],
)  # fmt: skip
def test_lists_that_are_none(text: str) -> None:
    assert refused("LIST " + text).condition is Condition.BAD


def test_patterns_are_bounded() -> None:
    assert parsed(f'LIST "" ({" ".join("a" * PATTERNS)})').tag
    assert refused(f'LIST "" ({" ".join("a" * (PATTERNS + 1))})').code == "LIMIT"
