"""What is turned away is noted, with the words that the client was told."""

from dataclasses import dataclass, field

from mailclad.mail.address import Address
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.guard import Client, MailFrom, Refused, Visit
from mailclad.store.errors import OverQuota
from mailclad.store.trace import Happening, TraceEvent
from tests.sessions.smtp.talk import Talk

HELLO = b"EHLO client.example\r\n"
MAIL = b"MAIL FROM:<Bob@Elsewhere.example>\r\n"
ADA = b"RCPT TO:<ada@example.org>\r\n"
GRACE = b"RCPT TO:<grace@example.org>\r\n"
BOB = "bob@elsewhere.example"


@dataclass
class Seen:
    events: list[TraceEvent] = field(default_factory=list)

    def note(self, event: TraceEvent) -> None:
        self.events.append(event)

    @property
    def told(self) -> list[tuple[Happening, str, tuple[str, ...]]]:
        return [(event.happening, event.text, event.addresses) for event in self.events]


class NotYet(Visit):
    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        raise Refused(Reply(450, "4.7.1", "Not yet"))


class Doorkeeper:
    def meet(self, client: Client) -> Visit:
        return NotYet()


def test_a_recipient_that_nobody_is() -> None:
    seen = Seen()
    Talk(trace=seen).feed(HELLO + MAIL + b"RCPT TO:<nobody@example.org>\r\n")
    assert seen.told == [
        (
            Happening.REFUSED,
            "Refused: Nobody has this address here",
            (BOB, "nobody@example.org"),
        )
    ]
    assert seen.events[0].identity == "id1"


def test_a_message_that_is_spoilt() -> None:
    seen = Seen()
    Talk(trace=seen).feed(HELLO + MAIL + ADA + GRACE + b"DATA\r\nbare\nline\r\n.\r\n")
    ((happening, text, addresses),) = seen.told
    assert happening is Happening.REFUSED
    assert text.startswith("Refused: A line of the message ends with CR or LF alone")
    assert addresses == (BOB, "ada@example.org", "grace@example.org")


def test_lmtp_notes_each_recipient_by_himself() -> None:
    seen = Seen()
    talk = Talk(Role.LMTP, trace=seen)
    talk.store.problem = OverQuota()
    talk.store.full = frozenset({2})
    talk.feed(b"LHLO x\r\n" + MAIL + ADA + GRACE + b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n")
    assert seen.told[-1] == (
        Happening.REFUSED,
        "Refused: The mailbox is full",
        (BOB, "grace@example.org"),
    )
    assert [happening for happening, _, _ in seen.told] == [
        Happening.RECEIVED,
        Happening.STORED,
        Happening.REFUSED,
    ]


def test_a_recipient_whom_a_guard_turns_away() -> None:
    seen = Seen()
    talk = Talk(trace=seen, guards=(Doorkeeper(),))
    said = talk.feed(HELLO + MAIL + ADA)
    assert said.endswith(b"450 4.7.1 Not yet\r\n")
    assert seen.told == [(Happening.REFUSED, "Refused: Not yet", (BOB, "ada@example.org"))]
