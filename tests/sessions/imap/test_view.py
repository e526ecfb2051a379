"""Sequence numbers as one client knows them, whatever others do meanwhile."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.sessions.imap.view import MailboxView
from mailclad.store.model import Changes, FlagsNow, MailboxId, MailboxStat, uid_set


@dataclass
class Mailbox:
    """What the store would know: UIDs, and the mod-sequence of every change."""

    uids: list[int] = field(default_factory=list)
    uid_next: int = 1
    mod_seq: int = 0
    changed: dict[int, int] = field(default_factory=dict)
    expunged: dict[int, int] = field(default_factory=dict)

    def arrive(self, count: int = 1) -> None:
        self.mod_seq += 1
        for _ in range(count):
            self.uids.append(self.uid_next)
            self.changed[self.uid_next] = self.mod_seq
            self.uid_next += 1

    def flag(self, uid: int) -> int:
        self.mod_seq += 1
        self.changed[uid] = self.mod_seq
        return self.mod_seq

    def expunge(self, uids: Iterable[int]) -> None:
        self.mod_seq += 1
        for uid in uids:
            self.uids.remove(uid)
            del self.changed[uid]
            self.expunged[uid] = self.mod_seq

    def stat(self) -> MailboxStat:
        return MailboxStat(
            MailboxId(1), "INBOX", len(self.uids), 0, 0, 0, self.uid_next, 1, self.mod_seq
        )

    def array(self) -> "array[int]":
        return array("I", self.uids)

    def since(self, mod_seq: int) -> Changes:
        return Changes(
            self.mod_seq,
            self.uid_next,
            uid_set(uid for uid, at in self.expunged.items() if at > mod_seq),
            tuple(
                FlagsNow(uid, 0, at) for uid, at in sorted(self.changed.items()) if at > mod_seq
            ),
        )


class Client:
    """Believes only what it is told."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.view = MailboxView(mailbox.stat(), 0)
        self.known: list[int | None] = list(mailbox.uids)

    def ask(self, *, hold: bool) -> list[tuple[int, int]]:
        changes = self.mailbox.since(self.view.mod_seq)
        if not self.view.loaded and self.view.needs_uids(changes):
            self.load()
        news = self.view.take(changes, hold_expunged=hold)
        for numbers in news.expunged:
            for number in numbers:
                del self.known[number - 1]
        if news.exists is not None:
            assert news.exists > len(self.known)
            self.known += [None] * (news.exists - len(self.known))
        self.load()
        return [(self.view.number(row.uid), row.uid) for row in news.flags]

    def load(self) -> None:
        if not self.view.loaded:
            uids = self.mailbox.array()
            self.view.load(uids, self.mailbox.since(self.view.mod_seq))


def mailbox_of(count: int) -> Mailbox:
    mailbox = Mailbox()
    mailbox.arrive(count)
    return mailbox


@pytest.mark.parametrize("loaded_first", [True, False])
def test_an_expunge_by_another_keeps_its_number_until_told(loaded_first: bool) -> None:
    client = Client(mailbox_of(5))
    if loaded_first:
        client.load()
    client.mailbox.expunge([2, 3])
    client.load()

    assert client.view.number(4) == 4
    client.ask(hold=True)
    assert client.view.number(4) == 4
    assert client.view.owes_expunges
    client.ask(hold=False)
    assert client.view.number(4) == 2
    assert not client.view.owes_expunges
    assert client.known == [1, 4, 5]


def test_messages_that_came_and_went_unseen_are_never_told() -> None:
    client = Client(mailbox_of(2))
    client.mailbox.arrive(3)
    client.mailbox.expunge([3, 4])

    client.ask(hold=False)

    assert client.known == [1, 2, None]
    assert list(client.view.uids) == [1, 2, 5]


def test_own_changes_are_not_echoed_but_a_later_one_by_another_is() -> None:
    client = Client(mailbox_of(3))
    client.mailbox.flag(3)
    client.view.expect(client.mailbox.flag(1), certain=True)
    client.view.expect(client.mailbox.flag(2), certain=True)
    client.mailbox.flag(2)

    assert client.ask(hold=True) == [(2, 2), (3, 3)]


def test_an_own_change_that_may_hide_anothers_is_told() -> None:
    client = Client(mailbox_of(3))
    client.mailbox.flag(1)
    client.view.expect(client.mailbox.flag(1), certain=False)

    assert client.ask(hold=True) == [(1, 1)]


def test_a_single_own_change_leaves_nothing_to_ask() -> None:
    client = Client(mailbox_of(3))
    client.view.expect(client.mailbox.flag(1), certain=False)

    assert client.view.mod_seq == client.mailbox.mod_seq


def test_the_stores_array_is_never_changed() -> None:
    client = Client(mailbox_of(3))
    shared = client.mailbox.array()
    client.view.load(shared, client.mailbox.since(client.view.mod_seq))
    client.mailbox.arrive()
    client.mailbox.expunge([1])

    client.ask(hold=False)

    assert list(shared) == [1, 2, 3]
    assert list(client.view.uids) == [2, 3, 4]


def test_numbers_of_a_run_are_a_range_and_of_scattered_messages_a_list() -> None:
    client = Client(mailbox_of(6))
    client.mailbox.expunge([3])
    client.ask(hold=False)
    client.load()

    assert client.view.numbers([2, 4, 5]) == range(2, 5)
    assert client.view.numbers([2, 5, 6]) == [2, 4, 5]
    assert client.view.numbers([]) == ()


@given(st.data())
def test_client_and_mailbox_agree_whenever_everything_is_told(data: st.DataObject) -> None:
    """After any history a client that was told all knows as many messages as there are."""
    client = Client(mailbox_of(data.draw(st.integers(0, 6))))
    mailbox = client.mailbox
    for step in data.draw(st.lists(st.sampled_from("afehnl"), max_size=30)):
        match step:
            case "a":
                mailbox.arrive(data.draw(st.integers(1, 3)))
            case "f" if mailbox.uids:
                mailbox.flag(data.draw(st.sampled_from(mailbox.uids)))
            case "e" if mailbox.uids:
                mailbox.expunge(data.draw(st.sets(st.sampled_from(mailbox.uids), min_size=1)))
            case "h" | "n":
                client.ask(hold=step == "h")
            case "l":
                client.load()
            case _:
                pass  # nothing to flag or expunge
    client.ask(hold=False)
    client.load()

    assert len(client.known) == len(mailbox.uids)
    assert all(known in {None, uid} for known, uid in zip(client.known, mailbox.uids, strict=True))
    assert list(client.view.uids) == mailbox.uids


def test_a_view_holds_the_stores_own_array_again_after_a_change() -> None:
    client = Client(mailbox_of(3))
    client.load()
    client.mailbox.arrive()
    client.mailbox.expunge([2])

    client.view.take(client.mailbox.since(client.view.mod_seq), hold_expunged=False)
    assert not client.view.loaded
    shared = client.mailbox.array()
    client.view.load(shared, client.mailbox.since(client.view.mod_seq))

    assert client.view.uids is shared
