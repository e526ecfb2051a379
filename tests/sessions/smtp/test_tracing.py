"""What was refused, and what was taken, is told to the trace."""

from dataclasses import dataclass, field

from mailclad.protocols.smtp.conversation import Role
from mailclad.services.receive.guard import NO_OPINION, Opinion
from mailclad.store.errors import OverQuota
from mailclad.store.trace import Happening, TraceEvent
from tests.sessions.smtp.talk import Talk
from tests.sessions.smtp.test_guards import ADA, GRACE, HELLO, MAIL, Watch


@dataclass
class ListTrace:
    events: list[TraceEvent] = field(default_factory=list)

    def note(self, event: TraceEvent) -> None:
        self.events.append(event)


@dataclass
class Guarding:
    watch: Watch

    def meet(self, _client: object) -> Watch:
        return self.watch


MESSAGE = b"DATA\r\nMessage-ID: <m1@x.example>\r\n\r\nhello\r\n.\r\n"


def told(*commands: bytes, refuses: str = "", opinion: Opinion = NO_OPINION) -> list[TraceEvent]:
    trace = ListTrace()
    talk = Talk(trace=trace, guards=(Guarding(Watch(refuses, opinion=opinion)),))
    talk.feed(b"".join(commands))
    return trace.events


def test_a_message_that_was_taken_is_one_event() -> None:
    (event,) = told(HELLO, MAIL, ADA, MESSAGE)
    assert (event.happening, event.message_id) == (Happening.RECEIVED, "m1@x.example")
    assert event.addresses == ("bob@elsewhere.example", "ada@example.org")
    assert event.text.startswith("from bob@elsewhere.example, ")
    assert event.text.endswith(" octets; in INBOX for ada@example.org")


def test_a_recipient_that_was_refused() -> None:
    (event,) = told(HELLO, MAIL, b"RCPT TO:<Nobody@example.org>\r\n")
    assert event.happening is Happening.REFUSED
    assert event.addresses == ("bob@elsewhere.example", "nobody@example.org")
    assert event.text == (
        "from bob@elsewhere.example at 192.0.2.7 for Nobody@example.org:"
        " 550 5.1.1 Nobody has this address here"
    )


def test_a_sender_that_was_refused_has_no_identity_yet() -> None:
    (event,) = told(HELLO, MAIL, refuses="mail")
    assert (event.identity, event.addresses) == ("", ("bob@elsewhere.example",))


def test_a_message_that_was_refused_is_found_by_its_id_and_all_it_was_for() -> None:
    (event,) = told(HELLO, MAIL, ADA, GRACE, MESSAGE, refuses="message")
    assert event.happening is Happening.REFUSED
    assert event.message_id == "m1@x.example"
    assert event.addresses[1:] == ("ada@example.org", "grace@example.org")


def test_a_message_that_nobody_gets_is_not_forgotten() -> None:
    (event,) = told(HELLO, MAIL, ADA, MESSAGE, opinion=Opinion(discard=True))
    assert event.happening is Happening.DISCARDED
    assert event.message_id == "m1@x.example"
    assert "for ada@example.org: as a rule says" in event.text


def test_a_message_that_is_spoilt_is_refused() -> None:
    (event,) = told(HELLO, MAIL, ADA, b"DATA\r\nbare\nnewline\r\n.\r\n")
    assert event.text.endswith("550 5.6.0 A line of the message ends with CR or LF alone;"
                               " nothing was kept")  # fmt: skip


def test_over_lmtp_only_those_who_did_not_get_it_are_named() -> None:
    talk = Talk(role=Role.LMTP, trace=(trace := ListTrace()))
    talk.store.problem, talk.store.full = OverQuota(), frozenset({2})
    talk.feed(b"LHLO x.example\r\n" + MAIL + ADA + GRACE + MESSAGE)
    taken, refused = sorted(trace.events, key=lambda event: event.happening)
    assert taken.addresses[1:] == ("ada@example.org",)
    assert refused.addresses[1:] == ("grace@example.org",)


def test_other_commands_leave_no_trace() -> None:
    assert told(b"NONSENSE\r\n", HELLO, b"AUTH PLAIN x\r\n", b"DATA\r\n", b"QUIT\r\n") == []
