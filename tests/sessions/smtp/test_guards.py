"""Guards see every stage of a conversation, and their word counts."""

from dataclasses import dataclass, field

import pytest

from mailclad.mail.address import Address
from mailclad.protocols.smtp.command import Mail
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.guard import (
    NO_OPINION,
    Arrived,
    Client,
    MailFrom,
    Opinion,
    Refused,
    Visit,
)
from mailclad.services.receive.incoming import Incoming
from mailclad.store.errors import OverQuota, StoreUnavailable
from mailclad.store.model import Resolved
from tests.sessions.smtp.talk import FakeStore, Talk, strip_trace

HELLO = b"EHLO client.example\r\n"
MAIL = b"MAIL FROM:<bob@elsewhere.example>\r\n"
ADA = b"RCPT TO:<ada@example.org>\r\n"
GRACE = b"RCPT TO:<grace@example.org>\r\n"
MESSAGE = b"DATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n"
NO = Reply(550, "5.7.1", "Not today")


@dataclass
class Watch(Visit):
    """Writes down what it is shown; says ``opinion``, or no at the stage ``refuses``."""

    refuses: str = ""
    close_with_it: bool = False
    opinion: Opinion = NO_OPINION
    seen: list[str] = field(default_factory=list)
    shown: list[bytes] = field(default_factory=list)
    taken: str = ""

    def _stage(self, name: str) -> None:
        self.seen.append(name)
        if name == self.refuses:
            raise Refused(NO, close=self.close_with_it)

    async def hello(self, client: Client) -> None:
        self._stage("hello")

    async def mail(self, sender: MailFrom) -> None:
        self._stage("mail")

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        self._stage("recipient")

    def takes(self, recipient: Address) -> bool:
        return recipient.local_part == self.taken

    def refused(self, sender: MailFrom, recipient: Address) -> None:
        self._stage("refused")

    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        self.shown.append(message.octets[message.start :])
        self._stage("message")
        return self.opinion

    def reset(self) -> None:
        self._stage("reset")

    def close(self) -> None:
        self._stage("close")


@dataclass
class Watching:
    visit: Watch

    def meet(self, client: Client) -> Visit:
        return self.visit


def talk_with(*visits: Watch, role: Role = Role.MX) -> Talk:
    return Talk(role=role, guards=tuple(Watching(visit) for visit in visits))


def codes(said: bytes) -> list[bytes]:
    return [line[:3] for line in said.splitlines() if line[3:4] == b" "]


def test_each_stage_is_shown_once_and_a_message_ends_the_transaction() -> None:
    watch = Watch()
    talk = talk_with(watch)
    talk.feed(HELLO + MAIL + ADA + b"RCPT TO:<who@example.org>\r\n" + MESSAGE + b"QUIT\r\n")
    talk.session.leave()
    assert watch.seen == ["hello", "mail", "recipient", "refused", "message", "close"]
    assert watch.shown == [b"Subject: x\r\n\r\nhello\r\n"]


@pytest.mark.parametrize("end", [b"RSET\r\n", HELLO, b"QUIT\r\n"])
def test_a_transaction_without_a_message_is_reset(end: bytes) -> None:
    watch = Watch()
    talk_with(watch).feed(HELLO + MAIL + ADA + end)
    assert watch.seen.count("reset") == 1


def test_a_spoilt_message_is_not_shown() -> None:
    watch = Watch()
    talk_with(watch).feed(HELLO + MAIL + ADA + b"DATA\r\na\nb\r\n.\r\n")
    assert watch.seen == ["hello", "mail", "recipient", "reset"]


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("hello", [b"550", b"503", b"503", b"503"]),
        ("mail", [b"250", b"550", b"503", b"503"]),
        ("recipient", [b"250", b"250", b"550", b"554"]),
        ("message", [b"250", b"250", b"250", b"354", b"550"]),
    ],
)
def test_a_guards_no_is_the_answer(stage: str, expected: list[bytes]) -> None:
    talk = talk_with(Watch(refuses=stage))
    last = MESSAGE if stage == "message" else b"DATA\r\n"
    assert codes(talk.feed(HELLO + MAIL + ADA + last)) == expected
    assert talk.messages() == []


@pytest.mark.parametrize("role", [Role.MX, Role.LMTP])
def test_a_guard_may_be_who_gets_the_mail(role: Role) -> None:
    hello = b"LHLO client.example\r\n" if role is Role.LMTP else HELLO
    robot = b"RCPT TO:<robot@example.org>\r\n"
    alone = Watch(taken="robot", opinion=Opinion(discard=True, recipients=()))
    talk = talk_with(alone, role=role)
    assert codes(talk.feed(hello + MAIL + robot + MESSAGE))[-3:] == [b"250", b"354", b"250"]
    assert talk.messages() == []
    assert alone.seen == ["hello", "mail", "recipient", "message"]
    ada = Address("ada", "example.org")
    both = talk_with(Watch(taken="robot", opinion=Opinion(recipients=(ada,))), role=role)
    both.feed(hello + MAIL + robot + ADA + MESSAGE)
    assert [numbers for numbers, _ in both.store.kept] == [(1,)]
    elsewhere = talk_with(Watch(taken="robot"), role=role)
    assert b"550" in elsewhere.feed(hello + MAIL + robot.replace(b"example.org", b"other.example"))


def test_a_no_may_end_the_connection() -> None:
    talk = talk_with(Watch(refuses="mail", close_with_it=True))
    assert codes(talk.feed(HELLO + MAIL + ADA)) == [b"250", b"550"]
    assert talk.closed == "Not today"


def test_a_refused_hello_leaves_the_message_as_it_was() -> None:
    class OnlyOnce(Watch):
        async def hello(self, client: Client) -> None:
            self.refuses = "hello" if "hello" in self.seen else ""
            await super().hello(client)

    watch = OnlyOnce()
    talk = talk_with(watch)
    assert codes(talk.feed(HELLO + MAIL + ADA + HELLO + MESSAGE))[-2:] == [b"354", b"250"]
    assert watch.seen == ["hello", "mail", "recipient", "hello", "message"]


def test_a_no_to_a_message_may_end_the_connection() -> None:
    talk = talk_with(Watch(refuses="message", close_with_it=True))
    talk.feed(HELLO + MAIL + ADA + MESSAGE)
    assert talk.closed == "Not today"


def test_a_recipient_that_a_guard_adds_and_nobody_has_is_left_out() -> None:
    who, there = Address("who", "example.org"), Address("x", "elsewhere.example")
    grace = Address("grace", "example.org")
    talk = talk_with(Watch(opinion=Opinion(recipients=(who, grace, there))))
    assert codes(talk.feed(HELLO + MAIL + ADA + MESSAGE))[-1] == b"250"
    ((accounts, _),) = talk.store.kept
    assert accounts == (2,)
    talk = talk_with(Watch(opinion=Opinion(recipients=(who,))))
    assert codes(talk.feed(HELLO + MAIL + ADA + MESSAGE))[-1] == b"550"


def test_fields_of_all_guards_stand_before_ours_the_last_guards_first() -> None:
    first, second = (Watch(opinion=Opinion(fields=b"X-%d: y\r\n" % n)) for n in (1, 2))
    talk = talk_with(first, second)
    talk.feed(HELLO + MAIL + ADA + MESSAGE)
    ((_, octets),) = talk.store.kept
    assert octets.startswith(
        b"Return-Path: <bob@elsewhere.example>\r\nX-2: y\r\nX-1: y\r\nDelivered-To: ada@"
    )


def test_junk_goes_where_the_account_keeps_it() -> None:
    talk = talk_with(Watch(opinion=Opinion(junk="a list knows the sender")))
    talk.feed(HELLO + MAIL + ADA + GRACE + MESSAGE)
    assert talk.store.mailboxes_used == ["Spam", "Spam"]


def test_what_is_discarded_is_said_to_be_taken() -> None:
    talk = talk_with(Watch(opinion=Opinion(discard=True)))
    assert codes(talk.feed(HELLO + MAIL + ADA + MESSAGE))[-1] == b"250"
    assert talk.store.kept == []


def test_a_later_guard_sees_and_recipients_get_what_an_earlier_one_made_of_it() -> None:
    grace = (Address("grace", "example.org"),)
    first = Watch(opinion=Opinion(replaced=b"Subject: y\r\n\r\nbye\r\n", recipients=grace))
    second = Watch()
    talk = talk_with(first, second)
    talk.feed(HELLO + MAIL + ADA + MESSAGE)
    assert second.shown == [b"Subject: y\r\n\r\nbye\r\n"]
    ((accounts, octets),) = talk.store.kept
    assert accounts == (2,)
    assert strip_trace(octets) == b"Subject: y\r\n\r\nbye\r\n"


def test_guards_behind_a_no_are_told_that_the_transaction_is_over() -> None:
    first, second = Watch(refuses="message"), Watch()
    talk_with(first, second).feed(HELLO + MAIL + ADA + MESSAGE)
    assert second.seen == ["hello", "mail", "recipient", "reset"]


def test_a_refused_message_is_kept_where_the_guard_says_so() -> None:
    class Plausible(Watch):
        async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
            raise Refused(NO, keep=True)

    talk = talk_with(Plausible())
    kept: list[bytes] = []

    async def keep_rejected(message: Incoming) -> None:
        kept.append(message.octets[message.start :])

    talk.session.site.reception.keep_rejected = keep_rejected  # type: ignore[method-assign]
    assert codes(talk.feed(HELLO + MAIL + ADA + MESSAGE))[-1] == b"550"
    assert kept == [b"Subject: x\r\n\r\nhello\r\n"]
    assert talk.messages() == []


def test_a_later_guard_sees_what_earlier_ones_put_above() -> None:
    above: list[bytes] = []

    class Reads(Watch):
        async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
            above.append(message.fields)
            return NO_OPINION

    first, second = (Watch(opinion=Opinion(fields=b"X-%d: y\r\n" % n)) for n in (1, 2))
    talk_with(first, second, Reads()).feed(HELLO + MAIL + ADA + MESSAGE)
    assert above == [b"X-2: y\r\nX-1: y\r\n"]


def test_a_later_refusal_keeps_what_earlier_guards_found_out() -> None:
    class Plausible(Watch):
        async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
            raise Refused(NO, keep=True, opinion=Opinion(fields=b"X-2: y\r\n"))

    talk = talk_with(Watch(opinion=Opinion(fields=b"X-1: y\r\n")), Plausible())
    kept: list[bytes] = []

    async def keep_rejected(message: Incoming) -> None:
        kept.append(message.octets[:])

    talk.session.site.reception.keep_rejected = keep_rejected  # type: ignore[method-assign]
    assert codes(talk.feed(HELLO + MAIL + ADA + MESSAGE))[-1] == b"550"
    assert kept[0].startswith(b"Return-Path: <bob@elsewhere.example>\r\nX-2: y\r\nX-1: y\r\n")


def test_what_one_guard_discards_no_other_is_asked_about() -> None:
    first, second = Watch(opinion=Opinion(discard=True)), Watch()
    talk_with(first, second).feed(HELLO + MAIL + ADA + MESSAGE)
    assert second.seen == ["hello", "mail", "recipient", "reset"]


def test_a_changed_sender_is_the_sender_from_then_on() -> None:
    senders: list[Mail] = []

    class Reads(Watch):
        async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
            senders.append(sender.mail)
            return NO_OPINION

    nobody = Mail(None)
    talk = talk_with(Watch(opinion=Opinion(mail=nobody)), Reads())
    talk.feed(HELLO + MAIL + ADA + MESSAGE)
    assert senders == [nobody]
    ((_, octets),) = talk.store.kept
    assert octets.startswith(b"Return-Path: <>\r\n")


def test_without_a_recipient_left_nobody_gets_it() -> None:
    talk = talk_with(Watch(opinion=Opinion(recipients=())))
    assert codes(talk.feed(HELLO + MAIL + ADA + MESSAGE))[-1] == b"250"
    assert talk.store.kept == []


def test_lmtp_tells_of_those_too_whom_a_guard_took_out() -> None:
    """One reply for each recipient, in their order (RFC 2033 §4.2)."""
    left = (Address("ada", "example.org"), Address("grace", "example.org"))
    talk = talk_with(Watch(taken="robot", opinion=Opinion(recipients=left)), role=Role.LMTP)
    talk.store.problem = OverQuota()
    talk.store.full = frozenset({2})
    robot = b"RCPT TO:<robot@example.org>\r\n"
    said = talk.feed(b"LHLO client.example\r\n" + MAIL + ADA + robot + GRACE + MESSAGE)

    assert codes(said)[-4:] == [b"354", b"250", b"250", b"552"]
    assert [accounts for accounts, _ in talk.store.kept] == [(1,)]


@pytest.mark.parametrize("problem", [StoreUnavailable(), OSError(28, "No space left")])
def test_a_copy_of_refused_mail_that_cannot_be_made_changes_no_answer(problem: Exception) -> None:
    class Failing(FakeStore):
        async def resolve(self, address: str) -> Resolved:
            if address == "list@example.org":
                raise problem
            return await super().resolve(address)

    class Plausible(Watch):
        async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
            raise Refused(NO, keep=True, opinion=self.opinion)

    added = Plausible(opinion=Opinion(recipients=(Address("list", "example.org"),)))
    talk = Talk(Role.LMTP, store=Failing(), guards=(Watching(added),))
    said = talk.feed(b"LHLO client.example\r\n" + MAIL + ADA + GRACE + MESSAGE)
    assert codes(said)[-3:] == [b"354", b"550", b"550"]


def test_recipients_for_another_message_are_no_errors() -> None:
    """However many: the connection goes on, or nobody ever got it (RFC 5321 §4.5.3.1.10)."""

    class OneOnly(Watch):
        async def recipient(self, sender: MailFrom, recipient: Address) -> None:
            if sender.recipients:
                raise Refused(Reply(452, "4.5.3", "another message"))

    talk = talk_with(OneOnly())
    talk.feed(HELLO + MAIL + ADA + GRACE * 30 + MESSAGE)
    assert talk.closed is None
    assert [accounts for accounts, _ in talk.store.kept] == [(1,)]
