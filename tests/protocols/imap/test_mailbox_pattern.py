"""LIST patterns, against the slow and obvious matcher."""

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.imap.mailbox_pattern import MailboxPattern


def obvious(pattern: str, name: str) -> bool:
    words = {"*": ".*", "%": "[^/]*"}
    rule = "".join(words.get(c, re.escape(c)) for c in pattern)
    if name == "INBOX":
        return re.fullmatch(rule, name, re.IGNORECASE | re.DOTALL) is not None
    return re.fullmatch(rule, name, re.DOTALL) is not None


@pytest.mark.slow
@given(st.text("ab/%*", max_size=8), st.text("ab/", max_size=8))
def test_it_matches_what_the_obvious_matcher_matches(pattern: str, name: str) -> None:
    assert MailboxPattern("", pattern).matches(name) == obvious(pattern, name)


@given(st.text("iInNbBoOxX%*", max_size=7))
def test_inbox_is_inbox_in_any_case(pattern: str) -> None:
    assert MailboxPattern("", pattern).matches("INBOX") == obvious(pattern, "INBOX")


@pytest.mark.rfc("9051", "6.3.9")
@pytest.mark.parametrize(
    ("reference", "pattern", "name", "matches"),
    [
        ("", "*", "a/b/c", True),
        ("", "%", "a", True),
        ("", "%", "a/b", False),
        ("", "%/%", "a/b", True),
        ("a/", "%", "a/b", True),
        ("a/", "%", "a", False),
        ("", "inbox", "INBOX", True),
        ("", "inb%", "INBOX", True),
        ("", "*Ox", "INBOX", True),
        ("", "Inbox/x", "Inbox/x", True),
        ("", "sent", "Sent", False),
        ("", "a.c", "abc", False),
        ("", "", "", True),
        ("", "日*", "日本", True),
    ],
)
def test_examples(reference: str, pattern: str, name: str, matches: bool) -> None:
    assert MailboxPattern(reference, pattern).matches(name) is matches


def test_many_wildcards_cost_no_more() -> None:
    """T-IM2: the backtracking matcher would not end before the sun does."""
    pattern = MailboxPattern("", "%*%*%*a%*%*a%a*a%a*a%a*a%a*a%a*b")
    began = process_time()

    assert not any(pattern.matches("a" * 200 + f"/{n}") for n in range(200))
    assert process_time() - began < 2
