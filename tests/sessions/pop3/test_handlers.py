"""What transcripts cannot show: big messages, failing stores, who holds the maildrop."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.sessions.pop3.authorization import FAILURES_BEFORE_CLOSE
from mailclad.sessions.pop3.retrieve import STEP_OCTETS, start_of_message
from tests.protocols.sasl.scram_client import ScramClient
from tests.services.auth.fakes import EXPORTER
from tests.sessions.pop3.fakes import Driver, FakeMaildrops

LOG_IN = b"USER ada@example.org\r\nPASS abcdefghijklmnop\r\n"


def inside(maildrops: FakeMaildrops | None = None) -> Driver:
    driver = Driver(tls=True, maildrops=maildrops)
    assert driver.feed(LOG_IN).endswith(b"+OK maildrop open\r\n")
    return driver


def test_quit_removes_what_was_marked() -> None:
    with inside() as driver:
        assert driver.feed(b"DELE 1\r\nDELE 3\r\nQUIT\r\n").endswith(b"+OK goodbye\r\n")

        assert driver.closed == "QUIT"
        assert list(driver.maildrops.messages) == [7]
        assert not driver.maildrops.held


@pytest.mark.rfc("1939", "3")
def test_nothing_is_removed_without_quit() -> None:
    with inside() as driver:
        driver.feed(b"DELE 1\r\n")
        driver.connection.receive_eof()
        driver.feed(b"")

        assert len(driver.maildrops.messages) == 3
    assert not driver.maildrops.held, "the maildrop is free again"


def test_a_removal_that_fails_is_said() -> None:
    with inside() as driver:
        driver.feed(b"DELE 1\r\n")
        driver.maildrops.failing = True

        assert driver.feed(b"QUIT\r\n").startswith(b"-ERR [SYS/TEMP] ")
        assert driver.closed == "QUIT"
        assert not driver.maildrops.held


def test_one_reader_at_a_time() -> None:
    with inside() as first, Driver(tls=True, maildrops=first.maildrops) as second:
        assert second.feed(LOG_IN).endswith(b"Try again later.\r\n")
        first.feed(b"QUIT\r\n")
        assert second.feed(LOG_IN).endswith(b"+OK maildrop open\r\n")


def test_a_store_that_fails_at_the_login_leaves_the_maildrop_free() -> None:
    maildrops = FakeMaildrops(failing=True)
    with Driver(tls=True, maildrops=maildrops) as driver:
        assert b"-ERR [SYS/TEMP]" in driver.feed(LOG_IN)
        assert not maildrops.held
        assert driver.feed(b"PASS x\r\n") == b"-ERR not before login\r\n"
        maildrops.failing = False
        assert driver.feed(LOG_IN).endswith(b"+OK maildrop open\r\n")


def test_the_directory_fails() -> None:
    with Driver(tls=True) as driver:
        driver.setting.directory.failing = True
        try:
            said = driver.feed(LOG_IN)
        finally:
            driver.setting.directory.failing = False
        assert b"-ERR [SYS/TEMP] Logging in is not possible" in said


def test_a_message_that_went_away() -> None:
    with inside() as driver:
        del driver.maildrops.messages[7]

        assert driver.feed(b"RETR 2\r\n") == b"-ERR Another program removed that message.\r\n"
        assert driver.feed(b"STAT\r\n") == b"+OK 3 89\r\n", "the snapshot stays"


def test_a_message_damaged_at_its_start_is_refused() -> None:
    with inside() as driver:
        driver.maildrops.damaged_at = 0

        assert driver.feed(b"RETR 2\r\n").startswith(b"-ERR [SYS/PERM] That message is damaged")
        assert driver.closed is None


def test_a_message_damaged_further_on_ends_the_connection() -> None:
    """The client must not take the half for the whole."""
    body = b"Subject: long\r\n\r\n" + b"0123456789abc\r\n" * 40_000
    maildrops = FakeMaildrops(messages={4: body}, damaged_at=STEP_OCTETS + 1)
    with inside(maildrops) as driver:
        said = driver.feed(b"RETR 1\r\nNOOP\r\n")

        assert said == b"+OK %d octets\r\n" % len(body) + body[:STEP_OCTETS]
        assert driver.closed == "an answer broke off"


def test_a_message_of_many_steps_arrives_whole() -> None:
    """Lines that begin with a dot lie across the edges of the steps."""
    body = b"Subject: x\r\n\r\n" + (b"." + b"y" * 60 + b"\r\n") * 12_000
    with inside(FakeMaildrops(messages={4: body})) as driver:
        said = driver.feed(b"RETR 1\r\n")

    head, _, rest = said.partition(b"\r\n")
    assert head == b"+OK %d octets" % len(body)
    assert rest.endswith(b"\r\n.\r\n")
    assert rest[:-3].replace(b"\r\n..", b"\r\n.") == body


def test_a_maildrop_of_many_messages_is_listed_whole() -> None:
    maildrops = FakeMaildrops(messages=dict.fromkeys(range(1, 2502), b"x"))
    with inside(maildrops) as driver:
        driver.feed(b"DELE 1000\r\nDELE 1001\r\n")
        listed = driver.feed(b"LIST\r\n").splitlines()
        unique = driver.feed(b"UIDL\r\n").splitlines()

    numbers = [number for number in range(1, 2_502) if number not in {1000, 1001}]
    assert listed[1:-1] == [b"%d 1" % number for number in numbers]
    assert unique[1:-1] == [b"%d 1700000000-%d" % (number, number) for number in numbers]


def test_refused_logins_end_the_connection() -> None:
    with Driver(tls=True) as driver:
        driver.feed(b"")
        for attempt in range(1, FAILURES_BEFORE_CLOSE + 1):
            said = driver.feed(b"AUTH PLAIN AGFkYQB3cm9uZw==\r\n")
            assert said.startswith(b"-ERR [AUTH] ")
            assert (driver.closed is not None) == (attempt == FAILURES_BEFORE_CLOSE)


@pytest.mark.parametrize("name", [b"SCRAM-SHA-256", b"SCRAM-SHA-256-PLUS"])
def test_scram(name: bytes) -> None:
    """RFC 5034 §4: the server's proof goes out as a challenge, an empty line answers it."""
    plus = name.endswith(b"PLUS")
    header, binding = (b"p=tls-exporter,,", EXPORTER) if plus else (b"n,,", b"")
    client = ScramClient(b"ada", b"abcdefghijklmnop", header, binding)
    with Driver(tls=True) as driver:
        driver.feed(b"")
        first = driver.feed(b"AUTH " + name + b" " + b64encode(client.first()) + b"\r\n")
        final = client.final(_decoded(first))
        proof = driver.feed(b64encode(final) + b"\r\n")
        assert _decoded(proof) == client.server_final
        assert driver.feed(b"\r\n") == b"+OK maildrop open\r\n"


def _decoded(line: bytes) -> bytes:
    assert line.startswith(b"+ ")
    return b64decode(line[2:])


MESSAGE = st.lists(
    st.sampled_from([b"a", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b".", b"Subject: x"])
).map(b"".join)


def model(message: bytes, lines: int) -> bytes:
    """TOP by the letter: header, empty line, so many lines."""
    kept, left, inside_body = b"", lines, False
    for line in _lines(message):
        if inside_body and not left:
            break
        kept += line
        left -= inside_body
        inside_body = inside_body or line in {b"\r\n", b"\n"}
    return kept


def _lines(message: bytes) -> list[bytes]:
    *whole, last = message.split(b"\n")
    return [line + b"\n" for line in whole] + [last]


@given(MESSAGE, st.integers(0, 4), st.data())
def test_the_start_of_a_message_however_it_is_cut(
    message: bytes, lines: int, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(2, max(2, len(message))), max_size=4)))
    pieces = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]

    assert b"".join(start_of_message(iter(pieces), lines)) == model(message, lines)
