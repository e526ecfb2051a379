"""The client that asks and leaves: each protocol's answers, cut anywhere, and what has no end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.endpoint import MailProtocol
from mailclad.protocols.probe import dialogue as limits
from mailclad.protocols.probe.dialogue import Answer, Dialogue, DialogueProblem
from mailclad.protocols.probe.grammar import GRAMMARS, Question

SMTP, IMAP, POP3 = MailProtocol.SMTP, MailProtocol.IMAP, MailProtocol.POP3
SIEVE, HTTPS = MailProtocol.SIEVE, MailProtocol.HTTPS

EHLO = (
    b"250-mx.test at your service\r\n250-SIZE 1000\r\n250-AUTH PLAIN login\r\n"
    b"250-AUTH=PLAIN\r\n250-starttls\r\n250 8BITMIME\r\n"
)
SIEVE_CAPABILITIES = (
    b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n"SIEVE" "fileinto"\r\n"SASL" "PLAIN LOGIN"\r\n'
    b'"STARTTLS"\r\nOK "ready"\r\n'
)

ANSWERS = [
    (SMTP, Question.GREETING, b"220 mx.test ESMTP\r\n", Answer(True, "220 mx.test ESMTP")),
    (SMTP, Question.GREETING, b"220-wait\r\n220 go\r\n", Answer(True, "220 go")),
    (SMTP, Question.GREETING, b"554 no\r\n", Answer(False, "554 no")),
    (SMTP, Question.GREETING, b"220\r\n", Answer(True, "220")),
    (
        SMTP,
        Question.CAPABILITIES,
        EHLO,
        Answer(
            True,
            "250 8BITMIME",
            ("SIZE=1000", "AUTH=PLAIN", "AUTH=LOGIN", "STARTTLS", "8BITMIME"),
        ),
    ),
    (SMTP, Question.CAPABILITIES, b"502 what?\r\n", Answer(False, "502 what?")),
    (SMTP, Question.UPGRADE, b"454 not now\r\n", Answer(False, "454 not now")),
    (IMAP, Question.GREETING, b"* OK hello\r\n", Answer(True, "* OK hello")),
    (IMAP, Question.GREETING, b"* preauth in\r\n", Answer(True, "* preauth in")),
    (IMAP, Question.GREETING, b"* BYE busy\r\n", Answer(False, "* BYE busy")),
    (
        IMAP,
        Question.GREETING,
        b"* OK [CAPABILITY IMAP4rev1 starttls AUTH=PLAIN] hi\r\n",
        Answer(
            True,
            "* OK [CAPABILITY IMAP4rev1 starttls AUTH=PLAIN] hi",
            ("IMAP4REV1", "STARTTLS", "AUTH=PLAIN"),
        ),
    ),
    (
        IMAP,
        Question.CAPABILITIES,
        b"* OK still here\r\n* CAPABILITY IMAP4rev2 LOGINDISABLED\r\np1 OK done\r\n",
        Answer(True, "p1 OK done", ("IMAP4REV2", "LOGINDISABLED")),
    ),
    (IMAP, Question.UPGRADE, b"p1 BAD what?\r\n", Answer(False, "p1 BAD what?")),
    (IMAP, Question.LEAVE, b"* BYE bye\r\np1 OK bye\r\n", Answer(True, "p1 OK bye")),
    (POP3, Question.GREETING, b"+OK hi <1.2@x>\r\n", Answer(True, "+OK hi <1.2@x>")),
    (
        POP3,
        Question.CAPABILITIES,
        b"+OK\r\nSTLS\r\nUSER\r\nSASL PLAIN\r\n.\r\n",
        Answer(True, "+OK", ("STARTTLS", "USER", "AUTH=PLAIN")),
    ),
    (POP3, Question.CAPABILITIES, b"-ERR no\r\n", Answer(False, "-ERR no")),
    (
        SIEVE,
        Question.GREETING,
        SIEVE_CAPABILITIES,
        Answer(
            True,
            'OK "ready"',
            (
                "IMPLEMENTATION=DOVECOT",
                "IMPLEMENTATION=PIGEONHOLE",
                "SIEVE=FILEINTO",
                "AUTH=PLAIN",
                "AUTH=LOGIN",
                "STARTTLS",
            ),
        ),
    ),
    (SIEVE, Question.UPGRADE, b"NO {5}\r\na\r\nbc\r\n", Answer(False, "NO {5}  a  bc")),
    (
        HTTPS,
        Question.CAPABILITIES,
        b"HTTP/1.1 404 no\r\nServer: x\r\n\r\n",
        Answer(True, "HTTP/1.1 404 no"),
    ),
]


@pytest.mark.parametrize(("protocol", "question", "octets", "answer"), ANSWERS)
def test_an_answer_is_the_same_however_it_is_cut(
    protocol: MailProtocol, question: Question, octets: bytes, answer: Answer
) -> None:
    for cut in range(len(octets)):
        dialogue = Dialogue(protocol)
        dialogue.ask(question)
        assert dialogue.receive(octets[:cut]) is None
        assert dialogue.receive(octets[cut:] + b"more") == answer


def test_every_protocol_asks_in_its_own_words() -> None:
    assert Dialogue(SMTP, "me.test").ask(Question.CAPABILITIES) == b"EHLO me.test\r\n"
    assert Dialogue(IMAP).ask(Question.UPGRADE) == b"p1 STARTTLS\r\n"
    assert Dialogue(POP3).ask(Question.UPGRADE) == b"STLS\r\n"
    assert Dialogue(SIEVE).ask(Question.LEAVE) == b"LOGOUT\r\n"
    assert (
        Dialogue(HTTPS, "x.test").ask(Question.CAPABILITIES).startswith(b"HEAD / HTTP/1.1\r\nHo")
    )
    for protocol in MailProtocol:
        assert Dialogue(protocol).ask(Question.GREETING) == b""


def test_no_question_carries_a_password_or_a_message() -> None:
    said = " ".join(
        command for grammar in GRAMMARS.values() for command in grammar.commands.values()
    )
    assert not {"AUTH", "LOGIN", "USER", "PASS", "APOP", "MAIL", "AUTHENTICATE"} & set(
        said.split()
    )


def test_what_came_in_clear_is_forgotten_under_tls() -> None:
    dialogue = Dialogue(SMTP)
    dialogue.ask(Question.UPGRADE)
    assert dialogue.receive(b"220 go\r\n250-AUTH PLAIN\r\n250 ok\r\n") == Answer(True, "220 go")
    dialogue.tls_started()
    dialogue.ask(Question.CAPABILITIES)
    assert dialogue.receive(b"") is None


@pytest.mark.parametrize(
    ("protocol", "question", "octets"),
    [
        (SMTP, Question.GREETING, b"* OK imap\r\n"),
        (SMTP, Question.CAPABILITIES, b"100 no such class\r\n"),
        (IMAP, Question.GREETING, b"220 smtp\r\n"),
        (IMAP, Question.CAPABILITIES, b"+OK pop\r\n"),
        (POP3, Question.GREETING, b"SSH-2.0-x\r\n"),
        (SIEVE, Question.GREETING, b"* OK imap\r\n"),
        (HTTPS, Question.CAPABILITIES, b"<html>\r\n"),
        (SMTP, Question.GREETING, b"2" * (limits.LINE_OCTETS + 1)),
        (IMAP, Question.GREETING, b"* OK {9000}\r\n" + b"x" * 9000),
        (IMAP, Question.GREETING, b"* OK" + b" {0}\r\n" * (limits.LITERALS + 1)),
        (SMTP, Question.CAPABILITIES, b"250-x\r\n" * (limits.ANSWER_LINES + 1)),
        (IMAP, Question.CAPABILITIES, (b"* " + b"x" * 8000 + b"\r\n") * 9),
    ],
)
def test_what_is_no_answer_or_has_no_end_is_a_problem(
    protocol: MailProtocol, question: Question, octets: bytes
) -> None:
    dialogue = Dialogue(protocol)
    dialogue.ask(question)
    with pytest.raises(DialogueProblem):
        dialogue.receive(octets)


def test_a_flood_of_capabilities_is_cut() -> None:
    dialogue = Dialogue(IMAP)
    dialogue.ask(Question.CAPABILITIES)
    flood = b" ".join(b"X%d" % n for n in range(300)) + b" " + b"y" * 300
    answer = dialogue.receive(b"* CAPABILITY " + flood + b"\r\np1 OK\r\n")
    assert answer is not None
    assert answer.words is not None
    assert len(answer.words) == limits.WORDS
    assert max(map(len, answer.words)) <= limits.WORD_CHARACTERS


def test_control_characters_do_not_come_out() -> None:
    dialogue = Dialogue(SMTP)
    dialogue.ask(Question.CAPABILITIES)
    answer = dialogue.receive(b"250-x\r\n250-\x1b[31mRED\r\n250 \x07\xff\r\n")
    assert answer == Answer(True, "250  \ufffd", ("[31MRED", "\ufffd"))


@given(
    st.sampled_from(list(MailProtocol)),
    st.sampled_from([Question.GREETING, Question.CAPABILITIES, Question.UPGRADE]),
    st.lists(
        st.sampled_from(
            [b"\r\n", b"* ", b"OK", b"+OK ", b"220-", b"250 ", b'"A" "b"', b"{3}", b"."]
        )
        | st.binary(max_size=12)
    ),
)
def test_whatever_comes_it_is_an_answer_a_problem_or_not_yet(
    protocol: MailProtocol, question: Question, pieces: list[bytes]
) -> None:
    dialogue = Dialogue(protocol)
    if question in {Question.GREETING, *GRAMMARS[protocol].commands}:
        dialogue.ask(question)
    try:
        for piece in pieces:
            answer = dialogue.receive(piece)
            if answer is not None:
                assert answer.text.isprintable() or not answer.text
                return
    except DialogueProblem:
        pass
