"""Commands that are malformed, too long, out of order or in the wrong state, on real ports.

Each has its protocol's proper answer; the connection ends where it must and lives on where it
may; whoever else connects meanwhile is greeted at once.
"""

import pytest

from tests.faults.client import Client
from tests.faults.serving import House

pytestmark = pytest.mark.slow

NO_END = b"a" * 1_000_000


# --- IMAP ---


@pytest.mark.parametrize(
    "command",
    [
        b"",
        b"a",
        b"a ",
        b"a NOSUCH",
        b"a LOGIN",
        b"a LOGIN x",
        b'a LOGIN "x y',
        b"a LOGIN x y z",
        b"(((((((",
        b"{5}",
        b"* OK hello",
        b"+ NOOP",
        b"a\x00 NOOP",
        b"a NOOP\x00",
        b'a LOGIN "\x00" y',
        b'a LOGIN "\xff\xfe" y',
        b"\xff\xfe NOOP",
        b"a LOGIN {5 y",
        b"a LOGIN {x} y",
        b"a AUTHENTICATE",
        b"a CAPABILITY " + b"x" * 9_000,
        b"a" * 9_000,
        b"a SELECT INBOX",
        b"a FETCH 1 FLAGS",
        b"a IDLE",
        b"a STARTTLS",
        b"DONE",
        b"a APPEND INBOX {4294967295}",
        b"a LOGIN {4294967295}",
        b"a LOGIN {99999999999999999999999999}",
    ],
)
def test_imap_before_login(house: House, command: bytes) -> None:
    with Client(house, "imap") as client:
        answer = client.ask(command)
        assert answer.startswith((b"* BAD", b"a BAD")), answer
        client.others_are_served()
        client.lives_on()


@pytest.mark.parametrize(
    "command",
    [
        b"a FETCH 1 FLAGS",
        b"a STORE 1 FLAGS ()",
        b"a EXPUNGE",
        b"a LOGIN x y",
        b"a AUTHENTICATE PLAIN",
        b"a STARTTLS",
        b"a SELECT",
        b'a SELECT "\x00"',
        b"a SELECT \xff",
        b'a SELECT "x',
        b"a LIST",
        b"a UID",
        b"a UID NOOP",
        b"a SELECT " + b"x" * 70_000,
        b"a SELECT {4294967295}",
        b"a LIST " + b"(" * 10_000,
        b"a STATUS INBOX (" + b"MESSAGES " * 5_000,
    ],
)
def test_imap_after_login(house: House, command: bytes) -> None:
    with Client(house, "imap") as client:
        client.log_in()
        answer = client.ask(command)
        assert answer.startswith((b"a BAD", b"a NO")), answer
        client.others_are_served()
        client.lives_on()


@pytest.mark.parametrize(
    "command",
    [
        b"a FETCH 0 FLAGS",
        b"a FETCH 4294967296 FLAGS",
        b"a FETCH 1:99999999999999999999 FLAGS",
        b"a FETCH , FLAGS",
        b"a FETCH 1 (FLAGS",
        b"a FETCH 1 BODY[",
        b"a FETCH 1 BODY[99999999999.1]",
        b"a FETCH 1 BODY[]<5",
        b"a FETCH 2000000 FLAGS",
        b"a STORE 1 FLAGS (\\NoSuchFlag)",
        b"a SEARCH " + b"NOT " * 3_000 + b"ALL",
        b"a SEARCH " + b"(" * 3_000,
        b"a SEARCH CHARSET KLINGON TEXT x",
        b"a SEARCH BEFORE 99-Xyz-2026",
        b"a COPY 1",
        b"a COPY 1 \x80",
    ],
)
def test_imap_in_a_mailbox(house: House, command: bytes) -> None:
    with Client(house, "imap") as client:
        client.log_in()
        client.tagged(b"s SELECT Shelf")
        answer = client.ask(command)
        assert answer.startswith((b"a BAD", b"a NO")), answer
        client.others_are_served()
        client.lives_on()


def test_imap_message_of_4_gib_is_refused_before_it_is_sent(house: House) -> None:
    with Client(house, "imap") as client:
        client.log_in()
        assert client.ask(b"a APPEND INBOX {4294967295}").startswith(b"a NO [TOOBIG]")
        client.lives_on()


@pytest.mark.parametrize("logged_in", [False, True])
@pytest.mark.parametrize("size", [b"4294967295", b"99999999999999999999999999"])
def test_imap_literal_of_4_gib_that_waits_for_nothing(
    house: House, size: bytes, logged_in: bool
) -> None:
    """Its octets cannot be told from commands if they are not read: only the end is left."""
    with Client(house, "imap") as client:
        if logged_in:
            client.log_in()
        command = b"a APPEND INBOX {%b+}\r\nz NOOP\r\n" if logged_in else b"a LOGIN {%b+}\r\n"
        client.send(command % size)
        rest = client.rest()
        assert b"* BYE" in rest
        assert b"z OK" not in rest
        client.others_are_served()


def test_imap_message_with_nul_comes_back_as_it_was(house: House) -> None:
    """RFC 9051 §4.3 allows it in a literal8 only; what people have in their archives, we keep."""
    octets = b"Subject: nul\r\n\r\na\x00b\r\n"
    with Client(house, "imap") as client:
        client.log_in()
        assert client.append(b"INBOX", octets).startswith(b"a OK")
        client.tagged(b"s SELECT INBOX")
        assert octets in b"".join(client.tagged(b"f UID FETCH * BODY.PEEK[]"))
        client.lives_on()


def test_imap_idle_is_ended_by_anything_but_done(house: House) -> None:
    with Client(house, "imap") as client:
        client.log_in()
        assert client.ask(b"i IDLE").startswith(b"+")
        assert client.ask(b"a NOOP").startswith(b"i BAD")
        client.lives_on()


# --- POP3 ---


@pytest.mark.parametrize(
    "command",
    [
        b"",
        b" ",
        b"NOSUCH",
        b"PASS x",
        b"USER",
        b"STAT",
        b"RETR 1",
        b"DELE 1",
        b"STLS",
        b"APOP x y",
        b"AUTH NOSUCH",
        b"AUTH PLAIN ===",
        b"US\x00ER x",
        b"USER \xff\xfe",
        b"\xff\xff",
        b"USER " + b"x" * 300,
        b"NOOP" + b" " * 5_000,
    ],
)
def test_pop3_before_login(house: House, command: bytes) -> None:
    with Client(house, "pop3") as client:
        answer = client.ask(command)
        if command == b"USER \xff\xfe":
            assert answer.startswith((b"-ERR", b"+OK")), "a name may be anything until PASS"
        else:
            assert answer.startswith(b"-ERR"), answer
        client.others_are_served()
        client.lives_on()


@pytest.mark.parametrize(
    "command",
    [
        b"RETR",
        b"RETR 0",
        b"RETR -1",
        b"RETR 4294967296",
        b"RETR 99999999999999999999999999",
        b"RETR 1 2",
        b"RETR x",
        b"RETR \xb2",
        b"TOP 1",
        b"TOP 1 -1",
        b"DELE 99",
        b"LIST 99",
        b"UIDL 0",
        b"USER x",
        b"STLS",
        b"AUTH PLAIN",
        b"NOOP\x00",
        b"LIST " + b"1" * 4_000,
    ],
)
def test_pop3_in_the_maildrop(house: House, command: bytes) -> None:
    with Client(house, "pop3") as client:
        client.log_in("other")
        answer = client.ask(command)
        assert answer.startswith(b"-ERR"), answer
        client.others_are_served()
        client.lives_on()


# --- SMTP ---


@pytest.mark.parametrize(
    "command",
    [
        b"",
        b"NOSUCH",
        b"EHLO",
        b"EHLO a b",
        b"MAIL",
        b"MAIL FROM:x",
        b"MAIL FROM:<x",
        b"MAIL FROM:<a@b> SIZE=-1",
        b"MAIL FROM:<a@b> NOSUCH=1",
        b"MAIL FROM:<a@b> SIZE=99999999999999999999",
        b"MAIL FROM:<\xff@b.test>",
        b"MAIL FROM:<\x00@b.test>",
        b"MAIL FROM:<" + b"x" * 3_000 + b"@b.test>",
        b"RCPT TO:<reader0@example.test>",
        b"DATA",
        b"RSET now",
        b"AUTH PLAIN",
        b"EXPN staff",
        b"EH\x00LO x",
        b"\xff\xfe",
        b"NOOP " + b"x" * 5_000,
    ],
)
@pytest.mark.parametrize("service", ["smtp", "lmtp"])
def test_smtp_out_of_order_or_malformed(house: House, service: str, command: bytes) -> None:
    tls = "none" if service == "lmtp" else "starttls"
    with Client(house, service, tls) as client:
        client.hello()
        answer = client.ask(command)
        assert answer.startswith((b"50", b"55")), answer
        client.others_are_served()
        client.lives_on()


@pytest.mark.parametrize("announced", [b"4294967295", b"18446744073709551616", b"1" * 20])
def test_smtp_chunk_of_4_gib_ends_the_connection(house: House, announced: bytes) -> None:
    with Client(house, "smtp", "starttls") as client:
        client.hello()
        client.ask(b"MAIL FROM:<a@there.test>")
        client.ask(b"RCPT TO:<reader0@example.test>")
        client.send(b"BDAT %b LAST\r\nQUIT\r\n" % announced)
        answer = client.rest()
        assert answer.startswith(b"552 5.3.4"), answer
        assert b"221" not in answer
        client.others_are_served()


def test_smtp_message_over_the_limit(house: House) -> None:
    with Client(house, "smtp", "starttls") as client:
        client.hello()
        assert client.ask(b"MAIL FROM:<a@there.test> SIZE=1000001").startswith(b"552 5.3.4")
        client.ask(b"MAIL FROM:<a@there.test>")
        client.ask(b"RCPT TO:<reader0@example.test>")
        client.ask(b"DATA")
        client.send(b"x: y\r\n\r\n" + b"0123456\r\n" * 120_000)
        client.others_are_served()
        assert client.ask(b".").startswith(b"552 5.3.4")
        client.lives_on()


@pytest.mark.parametrize("octets", [b"a\x00b", b"a\nb", b"a\rb"])
def test_smtp_message_with_what_it_may_not_have(house: House, octets: bytes) -> None:
    with Client(house, "smtp", "starttls") as client:
        client.hello()
        client.ask(b"MAIL FROM:<a@there.test>")
        client.ask(b"RCPT TO:<reader0@example.test>")
        client.ask(b"DATA")
        client.send(b"Subject: x\r\n\r\n" + octets + b"\r\n.\r\nNOOP\r\n")
        answer = client.rest()
        assert answer.startswith(b"550 5.6.0"), answer
        assert answer.count(b"\n") == 1, "what stands behind it is not obeyed"


def test_smtp_login_that_is_none(house: House) -> None:
    with Client(house, "submission") as client:
        client.hello()
        assert client.ask(b"AUTH PLAIN " + b"=" * 13_000).startswith(b"500 5.5.6")
        assert client.ask(b"AUTH PLAIN ====").startswith(b"501 5.5.2")
        assert client.ask(b"AUTH NOSUCH").startswith(b"504 5.5.4")
        assert client.ask(b"AUTH PLAIN").startswith(b"334")
        assert client.ask(b"*").startswith(b"501 5.7.0")
        assert client.ask(b"MAIL FROM:<reader0@example.test>").startswith(b"530 5.7.0")
        client.others_are_served()
        client.lives_on()


# --- all of them ---

EVERY = [
    ("imap", "implicit"),
    ("imap", "starttls"),
    ("pop3", "implicit"),
    ("pop3", "starttls"),
    ("submission", "implicit"),
    ("submission", "starttls"),
    ("smtp", "starttls"),
]


@pytest.mark.parametrize(("service", "tls"), EVERY)
def test_a_line_without_end_ends_the_connection(house: House, service: str, tls: str) -> None:
    with Client(house, service, tls) as client:
        client.send_as_far_as_possible(NO_END)
        client.others_are_served()
        answer = client.rest()
        assert b"aaaa" not in answer


@pytest.mark.parametrize(("service", "tls"), EVERY)
def test_words_that_are_no_commands_end_the_connection(
    house: House, service: str, tls: str
) -> None:
    with Client(house, service, tls) as client:
        client.send_as_far_as_possible(b"x frobnicate <script>\r\n" * 100)
        answer = client.rest()
        assert answer.count(b"\n") < 10
        assert b"script" not in answer
        assert b"frobnicate" not in answer
        client.others_are_served()


@pytest.mark.parametrize(("service", "tls"), [*EVERY, ("lmtp", "none")])
def test_a_client_that_goes_in_the_middle_of_a_word(house: House, service: str, tls: str) -> None:
    with Client(house, service, tls) as client:
        client.send(b"a")
        client.others_are_served()


@pytest.mark.parametrize(("service", "tls"), EVERY)
def test_thousands_of_commands_at_once_leave_room_for_others(
    house: House, service: str, tls: str
) -> None:
    command = {"imap": b"a NOOP\r\n", "pop3": b"CAPA\r\n"}.get(service, b"NOOP\r\n")
    with Client(house, service, tls) as client:
        client.send(command * 2_000)
        client.others_are_served()
        lines = [client.line() for _ in range(2_000)]
        assert all(lines), "each was answered"
