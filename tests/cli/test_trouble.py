"""Expected trouble is a sentence, and says where to look."""

import pytest

from mailclad.cli.trouble import Trouble, in_plain_words
from mailclad.store.errors import AliasNotFound, DomainInUse, MailboxNotFound, StoreProblem


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (
            AliasNotFound("there is no alias a@b.test"),
            "There is no alias a@b.test. See: mailclad alias list",
        ),
        (DomainInUse("b.test still has accounts"), "b.test still has accounts"),
        (MailboxNotFound(), "Mailbox not found"),
    ],
)
def test_what_the_store_says_becomes_a_sentence(problem: StoreProblem, said: str) -> None:
    with pytest.raises(Trouble) as caught, in_plain_words():
        raise problem
    assert caught.value.message == said


def test_a_bug_stays_one() -> None:
    with pytest.raises(KeyError), in_plain_words():
        raise KeyError("x")
