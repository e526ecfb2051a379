"""The client's engine against servers good and bad; the bytes are what counts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.secret import Secret
from mailclad.protocols.smtp.client.connection import WINDOW, ClientConnection
from mailclad.protocols.smtp.client.envelope import Envelope
from mailclad.protocols.smtp.client.event import (
    Ended,
    Event,
    LoggedIn,
    LoginRefused,
    MessageDone,
    Ready,
    SendBody,
    StartTlsRefused,
)
from mailclad.protocols.smtp.client.login import Login
from mailclad.protocols.smtp.client.outcome import Fate, MessageOutcome, Stage, Unsendable, Verdict
from mailclad.protocols.smtp.command import Body, Mail, UpgradeToTls
from tests.protocols.smtp.client.fake_server import (
    EHLO,
    GREETING,
    PIPELINING,
    FakeServer,
    by_octets,
    deliver,
    envelope,
    exchange,
    opened,
)

BODY = b"Subject: x\r\n\r\n.hi\r\n"
TO = envelope("b@x.net").recipients
LOGIN = Login("me", Secret(b"geheim"))


def fates(outcome: MessageOutcome) -> list[tuple[Fate, int, Stage]]:
    return [(r.fate, r.verdict.code, r.verdict.stage) for r in outcome.recipients]


def problem(events: list[Event]) -> Verdict:
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.problem is not None
    return ended.problem


# --- as it should be ---


@pytest.mark.rfc("5321", "3.3")
@pytest.mark.parametrize("ehlo", [EHLO, PIPELINING])
def test_messages_one_after_the_other(ehlo: bytes) -> None:
    server = FakeServer({"EHLO": ehlo})
    connection = opened(server)
    for _ in range(2):
        outcome, others = deliver(connection, server, envelope("b@x.net", "c@x.net"), [BODY])
        assert fates(outcome) == [(Fate.DELIVERED, 250, Stage.MESSAGE)] * 2
        assert outcome.reports_passed_on
        assert not others
    connection.quit()
    assert exchange(connection, server) == [Ended(None)]
    assert server.messages == [BODY] * 2
    assert server.lines == [
        "EHLO client.example.org",
        *["MAIL FROM:<a@example.org> SIZE=100", "RCPT TO:<b@x.net>", "RCPT TO:<c@x.net>",
          "DATA", "."] * 2,
        "QUIT",
    ]  # fmt: skip


def test_without_pipelining_each_command_waits_for_its_reply() -> None:
    connection = opened(FakeServer())
    connection.send(envelope("b@x.net", "c@x.net"))
    for start in (b"MAIL", b"RCPT", b"RCPT", b"DATA"):
        line = connection.data_to_send()
        assert line.startswith(start)
        assert line.count(b"\n") == 1
        connection.receive_data(b"354 go\r\n" if start == b"DATA" else b"250 ok\r\n")
    assert connection.next_event() == SendBody()
    assert connection.waiting_for is None
    assert connection.is_taking_body


@pytest.mark.rfc("2920", "3.1")
def test_with_pipelining_the_envelope_goes_at_once_but_not_without_bound() -> None:
    connection = opened(FakeServer({"EHLO": PIPELINING}))
    connection.send(envelope("b@x.net"))
    assert connection.data_to_send().count(b"\n") == 3
    connection = opened(FakeServer({"EHLO": PIPELINING}))
    connection.send(envelope(*(f"u{i}@x.net" for i in range(1000))))
    assert connection.data_to_send().count(b"\n") == WINDOW
    connection.receive_data(b"250 ok\r\n" * 10)
    assert connection.data_to_send().count(b"\n") == 10


def test_helo_where_ehlo_is_unknown() -> None:
    server = FakeServer({"EHLO": b"502 what\r\n"})
    connection = ClientConnection("client.example.org")
    connection.receive_data(b"220-mx\r\n220 \r\n")
    (ready,) = exchange(connection, server)
    assert isinstance(ready, Ready)
    assert not ready.capabilities.extended
    outcome, _ = deliver(connection, server, envelope("b@x.net"), [BODY])
    assert fates(outcome) == [(Fate.DELIVERED, 250, Stage.MESSAGE)]
    assert not outcome.reports_passed_on
    assert server.lines[1:3] == ["HELO client.example.org", "MAIL FROM:<a@example.org>"]


# --- refusals ---


@pytest.mark.parametrize("ehlo", [EHLO, PIPELINING])
@pytest.mark.parametrize(("reply", "fate"), [(b"450", Fate.DEFERRED), (b"550", Fate.REFUSED)])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.MESSAGE])
def test_a_refusal_at_each_stage_and_the_next_message(
    ehlo: bytes, reply: bytes, fate: Fate, stage: Stage
) -> None:
    where = "." if stage is Stage.MESSAGE else str(stage)
    server = FakeServer({"EHLO": ehlo, where: reply + b" no\r\n"})
    connection = opened(server)
    outcome, others = deliver(connection, server, envelope("b@x.net", "c@x.net"))
    assert fates(outcome) == [(fate, int(reply), stage)] * 2
    assert not others
    del server.answers[where]
    outcome, _ = deliver(connection, server, envelope("b@x.net"), [BODY])
    assert fates(outcome) == [(Fate.DELIVERED, 250, Stage.MESSAGE)]
    assert server.messages[-1] == BODY


@pytest.mark.parametrize("ehlo", [EHLO, PIPELINING])
def test_each_recipient_has_a_fate_of_its_own(ehlo: bytes) -> None:
    server = FakeServer(
        {
            "EHLO": ehlo,
            "RCPT TO:<b@x.net>": b"550 5.1.1 nobody\r\n",
            "RCPT TO:<c@x.net>": b"450 4.2.0 later\r\n",
            "RCPT TO:<d@x.net>": b"251 forwarded\r\n",
        }
    )
    outcome, _ = deliver(opened(server), server, envelope("b@x.net", "c@x.net", "d@x.net"))
    assert fates(outcome) == [
        (Fate.REFUSED, 550, Stage.RCPT),
        (Fate.DEFERRED, 450, Stage.RCPT),
        (Fate.DELIVERED, 250, Stage.MESSAGE),
    ]
    assert outcome.recipients[0].verdict.status == "5.1.1"
    assert len(server.messages) == 1


@pytest.mark.rfc("2920", "3.1")
def test_data_accepted_with_nobody_to_send_to_ends_empty() -> None:
    server = FakeServer({"EHLO": PIPELINING, "RCPT": b"550 no\r\n"})
    connection = opened(server)
    outcome, _ = deliver(connection, server, envelope("b@x.net"))
    assert fates(outcome) == [(Fate.REFUSED, 550, Stage.RCPT)]
    assert server.messages == [b""]
    assert connection.is_idle


@pytest.mark.parametrize("ehlo", [EHLO, PIPELINING])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "."])
def test_421_at_each_stage_ends_the_connection_and_defers(ehlo: bytes, stage: str) -> None:
    server = FakeServer({"EHLO": ehlo, stage: b"421 4.3.2 going down\r\n"})
    connection = opened(server)
    outcome, others = deliver(connection, server, envelope("b@x.net", "c@x.net"))
    assert {(r.fate, r.verdict.code) for r in outcome.recipients} == {(Fate.DEFERRED, 421)}
    assert problem(others).code == 421
    outcome, _ = deliver(connection, server, envelope("b@x.net"))
    assert {r.fate for r in outcome.recipients} == {Fate.DEFERRED}
    assert connection.data_to_send() == b""


@pytest.mark.parametrize(
    ("greeting", "fate"),
    [
        (b"421 busy\r\n", Fate.DEFERRED),
        (b"450 busy\r\n", Fate.DEFERRED),
        (b"554 no mail here\r\n", Fate.REFUSED),
        (b"354 go\r\n", Fate.DEFERRED),
        (b"hello\r\n", Fate.DEFERRED),
    ],
)
def test_greetings_that_are_none(greeting: bytes, fate: Fate) -> None:
    connection = ClientConnection("client.example.org")
    connection.receive_data(greeting)
    ended = connection.next_event()
    assert isinstance(ended, Ended)
    assert ended.problem is not None
    assert (ended.problem.fate, ended.problem.stage) == (fate, Stage.GREETING)
    assert connection.data_to_send() == b""


def test_a_refused_rset_refuses_no_message_for_ever() -> None:
    server = FakeServer({"RCPT": b"550 no\r\n", "RSET": b"554 no\r\n"})
    connection = opened(server)
    deliver(connection, server, envelope("b@x.net"))
    outcome, _ = deliver(connection, server, envelope("b@x.net"))
    assert fates(outcome) == [(Fate.DEFERRED, 554, Stage.RSET)]


@pytest.mark.rfc("9422", "4")
def test_more_recipients_than_the_server_takes() -> None:
    server = FakeServer({"EHLO": b"250-x\r\n250 LIMITS RCPTMAX=1\r\n"})
    outcome, _ = deliver(opened(server), server, envelope("b@x.net", "c@x.net"))
    assert [r.fate for r in outcome.recipients] == [Fate.DELIVERED, Fate.DEFERRED]


# --- what is not even tried ---


@pytest.mark.parametrize(
    ("what", "lacking"),
    [
        (Envelope(Mail(None, body=Body.EIGHT_BIT), TO), Unsendable.EIGHT_BIT),
        (envelope("b@x.net", sender="jörg@x.org"), Unsendable.SMTPUTF8),
        (Envelope(Mail(None), TO, require_tls=True), Unsendable.REQUIRETLS),
    ],
)  # fmt: skip
def test_what_the_server_cannot_take_is_a_value(what: Envelope, lacking: Unsendable) -> None:
    server = FakeServer({"EHLO": b"250 x\r\n"})
    outcome, _ = deliver(opened(server), server, what)
    assert outcome.unsendable is lacking
    assert [r.fate for r in outcome.recipients] == [Fate.REFUSED]
    assert server.lines == ["EHLO client.example.org"]


def test_one_recipient_that_needs_smtputf8_does_not_stop_the_others() -> None:
    server = FakeServer({"EHLO": b"250 x\r\n"})
    outcome, _ = deliver(opened(server), server, envelope("jörg@x.net", "b@x.net"))
    assert [(r.fate, r.verdict.code) for r in outcome.recipients] == [
        (Fate.REFUSED, 0),
        (Fate.DELIVERED, 250),
    ]
    assert outcome.recipients[0].verdict.status == "5.6.7"


def test_nul_gives_the_message_up_and_never_ends_it() -> None:
    server = FakeServer()
    connection = opened(server)
    outcome, others = deliver(connection, server, envelope("b@x.net"), [b"a", b"b\0c", b"d"])
    assert outcome.unsendable is Unsendable.NUL
    assert [r.fate for r in outcome.recipients] == [Fate.REFUSED]
    assert problem(others).fate is Fate.DEFERRED
    assert not server.messages


# --- TLS ---


def clear(server: FakeServer) -> ClientConnection:
    server.answers["EHLO"] = b"250-x\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"
    return opened(server)


@pytest.mark.rfc("3207", "4.2")
def test_starttls_forgets_what_was_said_in_the_clear() -> None:
    server = FakeServer()
    connection = clear(server)
    connection.start_tls()
    assert exchange(connection, server) == [UpgradeToTls()]
    connection.tls_started()
    server.answers["EHLO"] = b"250-x\r\n250 SIZE 7\r\n"
    (ready,) = exchange(connection, server)
    assert isinstance(ready, Ready)
    assert set(ready.capabilities.keywords) == {"SIZE"}


@pytest.mark.parametrize("behind", [b"250", b"250-AUTH PLAIN\r\n250 ok\r\n", b"\x16\x03\x01"])
def test_octets_behind_the_consent_end_the_connection(behind: bytes) -> None:
    """T-NS2: response injection."""
    server = FakeServer()
    connection = clear(server)
    connection.start_tls()
    connection.data_to_send()
    connection.receive_data(b"220 go\r\n" + behind)
    (ended,) = exchange(connection, server)
    assert problem([ended]).stage is Stage.STARTTLS
    connection = clear(server)
    connection.start_tls()
    connection.data_to_send()
    connection.receive_data(b"220 go\r\n")
    connection.receive_data(behind)
    assert [type(event) for event in exchange(connection, server)] == [UpgradeToTls, Ended]


@pytest.mark.parametrize("answer", [b"454 not now\r\n", b"502 what\r\n", b"554 no\r\n"])
def test_starttls_refused_is_told_and_the_caller_decides(answer: bytes) -> None:
    """T-NS3."""
    server = FakeServer({"STARTTLS": answer})
    connection = clear(server)
    connection.start_tls()
    (event,) = exchange(connection, server)
    assert isinstance(event, StartTlsRefused)
    assert connection.is_idle


@pytest.mark.parametrize("answer", [b"250 ok\r\n", b"354 go\r\n", b"220-\r\n250 \r\n", b"yes\r\n"])
def test_starttls_answered_with_an_invalid_code_ends_the_connection(answer: bytes) -> None:
    server = FakeServer({"STARTTLS": answer})
    connection = clear(server)
    connection.start_tls()
    assert problem(exchange(connection, server)).fate is Fate.DEFERRED


def test_no_password_without_tls() -> None:
    server = FakeServer()
    connection = clear(server)
    connection.log_in(LOGIN)
    (event,) = exchange(connection, server)
    assert isinstance(event, LoginRefused)
    assert server.lines == ["EHLO client.example.org"]


@pytest.mark.rfc("4954", "4")
@pytest.mark.parametrize(
    ("offer", "answers", "said"),
    [
        (b"PLAIN", {"AUTH": b"235 ok\r\n"}, ["AUTH PLAIN AG1lAGdlaGVpbQ=="]),
        (
            b"LOGIN",
            {"AUTH": b"334 VXNlcm5hbWU6\r\n", "bWU=": b"334 UGFzc3dvcmQ6\r\n",
             "Z2VoZWlt": b"235 ok\r\n"},
            ["AUTH LOGIN", "bWU=", "Z2VoZWlt"],
        ),
    ],
)  # fmt: skip
def test_log_in(offer: bytes, answers: dict[str, bytes], said: list[str]) -> None:
    server = FakeServer({"EHLO": b"250-x\r\n250 AUTH " + offer + b"\r\n", **answers})
    connection = opened(server, encrypted=True)
    connection.log_in(LOGIN)
    assert exchange(connection, server) == [LoggedIn()]
    assert server.lines[1:] == said


def test_log_in_refused_and_endless() -> None:
    server = FakeServer({"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n", "AUTH": b"535 5.7.8 no\r\n"})
    connection = opened(server, encrypted=True)
    connection.log_in(LOGIN)
    (event,) = exchange(connection, server)
    assert isinstance(event, LoginRefused)
    assert event.verdict.code == 535
    server.answers |= {"AUTH": b"334 \r\n", "*": b"501 cancelled\r\n"}
    connection.log_in(LOGIN)
    (event,) = exchange(connection, server)
    assert isinstance(event, LoginRefused)
    assert server.lines[-1] == "*"


# --- servers that keep to nothing ---


def test_an_answer_that_nobody_asked_for() -> None:
    connection = opened(FakeServer())
    connection.receive_data(b"250 ok\r\n")
    assert problem(exchange(connection, FakeServer())).code == 0
    connection = opened(FakeServer())
    connection.receive_data(b"451 you were silent\r\n")
    assert problem(exchange(connection, FakeServer())).code == 451


@pytest.mark.parametrize(
    ("early", "fate"),
    [(b"552 5.3.4 too big\r\n", Fate.REFUSED), (b"451 x\r\n", Fate.DEFERRED),
     (b"421 x\r\n", Fate.DEFERRED), (b"250 ok\r\n", Fate.DEFERRED), (b"x\r\n", Fate.DEFERRED)],
)  # fmt: skip
def test_an_answer_before_the_message_ends(early: bytes, fate: Fate) -> None:
    connection = opened(FakeServer())
    server = FakeServer()
    connection.send(envelope("b@x.net"))
    assert exchange(connection, server) == [SendBody()]
    connection.send_body(b"a\r\n")
    connection.data_to_send()
    connection.receive_data(early)
    assert not connection.is_taking_body
    connection.send_body(b"b\r\n")
    connection.end_body()
    assert connection.data_to_send() == b""
    done, ended = exchange(connection, server)
    assert isinstance(done, MessageDone)
    assert [r.fate for r in done.outcome.recipients] == [fate]
    assert problem([ended]).fate is Fate.DEFERRED


@pytest.mark.parametrize("wrong", [b"354 go\r\n", b"x\r\n", b"999 ?\r\n"])
@pytest.mark.parametrize("where", ["EHLO", "MAIL", "RCPT", "."])
def test_answers_that_mean_nothing_there(where: str, wrong: bytes) -> None:
    server = FakeServer()
    server.answers[where] = wrong
    connection = ClientConnection("client.example.org")
    connection.receive_data(GREETING)
    events = exchange(connection, server)
    if where != "EHLO":
        outcome, events = deliver(connection, server, envelope("b@x.net"))
        assert {r.fate for r in outcome.recipients} == {Fate.DEFERRED}
    assert problem(events).fate is Fate.DEFERRED


def test_the_server_closes_at_every_stage() -> None:
    for replies in range(6):
        connection = ClientConnection("client.example.org")
        lines = [GREETING, EHLO, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"][:replies]
        events: list[Event] = []
        for line in lines:
            connection.receive_data(line)
            while (event := connection.next_event()) is not None:
                if isinstance(event, Ready):
                    connection.send(envelope("b@x.net"))
                elif isinstance(event, SendBody):
                    connection.end_body()
            connection.data_to_send()
        connection.receive_eof()
        events = exchange(connection, FakeServer())
        assert problem(events).fate is Fate.DEFERRED
        if replies >= 2:
            assert isinstance(events[0], MessageDone)
            assert [r.fate for r in events[0].outcome.recipients] == [Fate.DEFERRED]
        connection.receive_eof()
        connection.receive_data(b"220 x\r\n")
        assert connection.next_event() is None


def test_the_end_after_quit_is_no_problem() -> None:
    connection = opened(FakeServer())
    connection.quit()
    connection.receive_eof()
    assert exchange(connection, FakeServer()) == [Ended(None)]


def test_names_that_would_carry_a_command() -> None:
    with pytest.raises(ValueError, match="host name"):
        ClientConnection("x\r\nDATA")


# --- cuts and spoils ---

ENVELOPE = envelope("b@x.net", "c@x.net", "d@x.net")


def conversation(ehlo: bytes, cuts: list[int] | None) -> tuple[list[object], list[bytes]]:
    """Two messages and QUIT; everything that came out."""
    server = FakeServer({"EHLO": ehlo, "RCPT TO:<c@x.net>": b"550-5.1.1 no\r\n550 5.1.1 body\r\n"})
    sizes = iter(cuts or [])

    def cut(data: bytes) -> list[bytes]:
        pieces = []
        while data:
            size = len(data) if cuts is None else next(sizes, 3)
            pieces.append(data[:size])
            data = data[size:]
        return pieces

    connection = opened(server, cut)
    found: list[object] = []
    for _ in range(2):
        found += deliver(connection, server, ENVELOPE, [BODY], cut)
    connection.quit()
    found += exchange(connection, server, cut)
    return found, server.messages


@given(st.sampled_from([EHLO, PIPELINING]), st.lists(st.integers(1, 40)))
def test_cuts_do_not_matter(ehlo: bytes, cuts: list[int]) -> None:
    assert conversation(ehlo, cuts) == conversation(ehlo, None)


def test_every_octet_of_every_reply_spoiled() -> None:
    """The engine never raises, every message has an outcome, and nobody is refused for it."""
    replies = [
        GREETING,
        PIPELINING,
        b"250 ok\r\n",
        b"250 2.1.5 ok\r\n",
        b"354 go\r\n",
        b"250 ok\r\n",
    ]
    for number, reply in enumerate(replies):
        for place in range(len(reply)):
            for octet in b"\0\x80\n2459 -":
                bad = reply[:place] + bytes((octet,)) + reply[place + 1 :]
                spoiled_conversation([*replies[:number], bad, *replies[number + 1 :]])


def spoiled_conversation(replies: list[bytes]) -> None:
    connection = ClientConnection("client.example.org")
    asked = done = 0
    for piece in [*replies, b""]:
        connection.receive_data(piece)
        connection.data_to_send()
        while (event := connection.next_event()) is not None:
            if isinstance(event, Ready) and not asked:
                asked += 1
                connection.send(envelope("b@x.net"))
            elif isinstance(event, SendBody):
                connection.end_body()
            done += isinstance(event, MessageDone)
    connection.receive_eof()
    while (event := connection.next_event()) is not None:
        done += isinstance(event, MessageDone)
    assert done == asked
    assert connection.data_to_send() == b""


def test_a_reply_octet_by_octet() -> None:
    server = FakeServer({"EHLO": PIPELINING})
    connection = opened(server, by_octets)
    outcome, _ = deliver(connection, server, ENVELOPE, [BODY], by_octets)
    assert {r.fate for r in outcome.recipients} == {Fate.DELIVERED}
    assert re.fullmatch(rb"(?s)Subject: x\r\n.*", server.messages[0])
