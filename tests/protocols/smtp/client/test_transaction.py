"""The order of commands, and that each fate is decided once."""

from mailclad.protocols.smtp.client import outcome
from mailclad.protocols.smtp.client.capabilities import Capabilities
from mailclad.protocols.smtp.client.outcome import Fate, Stage
from mailclad.protocols.smtp.client.server_reply import ServerReply
from mailclad.protocols.smtp.client.transaction import State, Transaction
from tests.protocols.smtp.client.fake_server import envelope

NONE = Capabilities()


def test_order_and_untidiness() -> None:
    transaction = Transaction(envelope("b@x.net", "c@x.net"), NONE)
    steps = [transaction.next_step() for _ in range(5)]
    assert steps == [(Stage.MAIL, 0), (Stage.RCPT, 0), (Stage.RCPT, 1), (Stage.DATA, 0), None]
    assert not transaction.is_untidy
    transaction.take((Stage.MAIL, 0), ServerReply(250, ("",)))
    assert transaction.is_untidy
    transaction.take((Stage.RCPT, 0), ServerReply(250, ("",)))
    transaction.take((Stage.RCPT, 1), ServerReply(550, ("",)))
    transaction.take((Stage.DATA, 0), ServerReply(354, ("",)))
    assert transaction.state is State.BODY
    transaction.decide(outcome.ours(Fate.DEFERRED, "4.4.2", "gone", Stage.MESSAGE))
    transaction.decide(outcome.ours(Fate.DELIVERED, "2.0.0", "late", Stage.MESSAGE))
    found = [one.fate for one in transaction.finished().recipients]
    assert found == [Fate.DEFERRED, Fate.REFUSED]


def test_nothing_more_after_a_refused_sender() -> None:
    transaction = Transaction(envelope("b@x.net"), NONE)
    assert transaction.next_step() == (Stage.MAIL, 0)
    transaction.take((Stage.MAIL, 0), ServerReply(550, ("no",)))
    assert transaction.next_step() is None
    assert not transaction.is_untidy


def test_no_data_where_everybody_was_refused() -> None:
    transaction = Transaction(envelope("b@x.net"), NONE)
    transaction.next_step()
    transaction.next_step()
    transaction.take((Stage.MAIL, 0), ServerReply(250, ("",)))
    transaction.take((Stage.RCPT, 0), ServerReply(450, ("",)))
    assert transaction.next_step() is None


def test_nobody_at_all() -> None:
    transaction = Transaction(envelope(), NONE)
    assert transaction.next_step() is None
    assert transaction.finished().recipients == ()
