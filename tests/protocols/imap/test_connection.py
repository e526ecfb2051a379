"""The engine as a whole: bytes in, answers and commands out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.connection import STRIKES, Close, ServerConnection, UpgradeToTls
from mailclad.protocols.imap.gates import State
from mailclad.protocols.imap.responses import Condition, ListData, Notice, Recent, Reply
from tests.protocols.imap.talk import TERMS, TLS, MemorySpool, Talk

# --- TLS -------------------------------------------------------------------------


def in_the_clear() -> Talk:
    return Talk(tls=None)


@pytest.mark.rfc("9051", "6.2.1")
def test_starttls_gives_the_event_after_the_reply_is_queued() -> None:
    connection = ServerConnection(TERMS)
    connection.receive_data(b"a STARTTLS\r\n")

    assert connection.next_event() == UpgradeToTls()
    assert connection.data_to_send() == b"a OK begin TLS now\r\n"
    assert connection.next_event() is None

    connection.tls_started(TLS)
    assert "STARTTLS" not in connection.capabilities()
    assert connection.state is State.NOT_AUTHENTICATED


@pytest.mark.rfc("9051", "6.2.1")
@pytest.mark.parametrize(
    "behind",
    [b"b NOOP\r\n", b"NO", b"\n", b"b LOGIN jo x\r\n", b"x" * 65_536, b"\x16\x03\x01"],
)
def test_plaintext_behind_starttls_closes_without_a_reply(behind: bytes) -> None:
    talk = in_the_clear()

    assert talk.feed(b"a STARTTLS\r\n" + behind) == b""
    assert talk.closed == ["plaintext behind STARTTLS"]
    assert not talk.upgrades
    assert talk.feed(b"c NOOP\r\n") == b""


def test_plaintext_between_the_reply_and_the_handshake_closes() -> None:
    talk = in_the_clear()
    talk.feed(b"a STARTTLS\r\n")

    talk.feed(b"b LOGIN jo x\r\n")

    assert talk.closed == ["plaintext behind STARTTLS"]
    assert talk.commands == []


@pytest.mark.parametrize("upper", [b"STARTTLS", b"starttls", b"StartTLS"])
def test_half_a_line_before_starttls_is_not_completed_inside(upper: bytes) -> None:
    """What TLS brings begins with nothing in the buffer."""
    talk = in_the_clear()
    talk.feed(b"a %b\r\n" % upper)
    talk.connection.tls_started(TLS)

    assert talk.feed(b"b NOOP\r\n") == b"b OK done\r\n"


@pytest.mark.rfc("9051", "6.2.1")
def test_starttls_inside_tls_with_arguments_with_a_literal_or_after_login() -> None:
    assert Talk().feed(b"a STARTTLS\r\nb NOOP\r\n").startswith(b"a BAD ")
    clear = in_the_clear()
    assert clear.feed(b"a STARTTLS now\r\n").startswith(b"a BAD ")
    assert clear.feed(b"b STARTTLS {10}\r\n").startswith(b"b BAD ")
    assert clear.feed(b"c NOOP\r\n") == b"c OK done\r\n"
    assert Talk(State.AUTHENTICATED, None).feed(b"a STARTTLS\r\n").startswith(b"a BAD ")


def test_starttls_without_a_certificate_is_neither_offered_nor_done() -> None:
    terms = type(TERMS)(MemorySpool, TERMS.mechanisms, starttls=False)
    talk = Talk(tls=None, terms=terms)

    assert b"STARTTLS" not in talk.feed(b"a CAPABILITY\r\n")
    assert talk.feed(b"b STARTTLS\r\n").startswith(b"b NO [UNAVAILABLE] ")


@pytest.mark.rfc("9051", "6.2.3")
@pytest.mark.parametrize(
    "line",
    [b"LOGIN jo right", b"LOGIN jo wrong", b"LOGIN {2}", b"AUTHENTICATE PLAIN",
     b"AUTHENTICATE PLAIN AGpvAHJpZ2h0", b"LOGIN {2+}\r\njo {5+}\r\nright"],
)  # fmt: skip
def test_no_password_is_taken_before_tls(line: bytes) -> None:
    """Right and wrong passwords get one answer, and literals are not invited."""
    talk = in_the_clear()

    said = talk.feed(b"a %b\r\n" % line)

    assert said == b"a NO [PRIVACYREQUIRED] log in only with TLS: use STARTTLS\r\n"
    assert talk.commands == []
    assert talk.feed(b"b NOOP\r\n") == b"b OK done\r\n"


def test_a_tls_client_on_the_port_without_tls_is_told() -> None:
    talk = in_the_clear()

    said = talk.feed(b"\x16\x03\x01\x02\x00\x01\x00")

    assert said == b"* BYE this port begins without TLS: use STARTTLS\r\n"
    assert talk.closed


# --- capabilities ----------------------------------------------------------------


def words(said: bytes) -> list[bytes]:
    return said.splitlines()[0].split()


@pytest.mark.rfc("9051", "7.2.2")
def test_capabilities_by_state() -> None:
    clear = words(in_the_clear().feed(b"a CAPABILITY\r\n"))
    assert clear[:3] == [b"*", b"CAPABILITY", b"IMAP4rev1"]
    assert {b"IMAP4rev2", b"LOGINDISABLED", b"STARTTLS", b"SASL-IR", b"LITERAL-"} < set(clear)
    assert not [word for word in clear if word.startswith(b"AUTH=")]

    talk = Talk()
    private = words(talk.feed(b"a CAPABILITY\r\n"))
    assert {b"AUTH=PLAIN", b"AUTH=SCRAM-SHA-256"} < set(private)
    assert not {b"LOGINDISABLED", b"STARTTLS", b"LITERAL+"} & set(private)

    said = talk.feed(b"b LOGIN jo x\r\n")
    assert said.startswith(b"b OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ")
    assert b"APPENDLIMIT=100000] done\r\n" in said
    assert b"AUTH=" not in said


def test_the_greeting_carries_capabilities() -> None:
    connection = ServerConnection(TERMS, TLS)

    connection.greet("Mailclad ready")

    said = connection.data_to_send()
    assert said.startswith(b"* OK [CAPABILITY IMAP4rev1 IMAP4rev2 ")
    assert said.endswith(b" AUTH=PLAIN] Mailclad ready\r\n")


# --- strangers -------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [b"POST / HTTP/1.1\r\nHost: x\r\nCookie: a=<script>\r\n\r\n", b"GET /<script> HTTP/1.0\r\n",
     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"get http://x/ HTTP/1.1\r\n",
     b"GET NOOP HTTP/1.1\r\n", b"CONNECT x:993 HTTP/1.1\r\n",
     b"POST /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n"],
)  # fmt: skip
def test_a_browser_is_sent_away_and_hears_nothing_of_its_own(sent: bytes) -> None:
    for tls in (None, TLS):
        talk = Talk(tls=tls)

        assert talk.feed(sent) == b"* BYE this is not a web server\r\n"
        assert talk.closed == ["HTTP"]


def test_header_lines_are_struck_out_without_echo() -> None:
    talk = Talk()

    said = talk.feed(b"Host: x\r\n<script>alert`1`</script> x\r\nCookie: <b>\r\nX: y\r\nZ: y\r\n")

    *strikes, last = said.splitlines()
    assert len(strikes) == STRIKES
    assert all(line.startswith(b"* BAD ") for line in strikes)
    assert last == b"* BYE too many commands that are none"
    assert not [word for word in (b"Host", b"alert", b"Cookie", b"<") if word in said]
    assert talk.closed


def test_a_stranger_has_three_strikes_and_a_client_as_many_as_it_likes() -> None:
    assert Talk().feed(b"a X\r\nb X\r\nc NOOP\r\nd X\r\n").count(b"BAD") == STRIKES
    talk = Talk(State.AUTHENTICATED)
    assert talk.feed(b"a X\r\n" * 50).count(b"a BAD unknown command\r\n") == 50


def test_a_literal_of_two_gigabytes_before_login() -> None:
    for line in (b"LOGIN {2000000000}", b"LOGIN {2000000000+}", b"ID {70000+}"):
        talk = Talk()

        said = talk.feed(b"a %b\r\n" % line)

        assert b"+ " not in said
        assert said.startswith(b"* BYE " if b"+" in line else b"a BAD [LIMIT] ")


@pytest.mark.rfc("7888", "5")
def test_literals_that_do_not_wait_are_short_before_login() -> None:
    talk = Talk()
    long = b"a LOGIN jo {5000+}\r\n" + b"x" * 5_000 + b"\r\n"

    assert talk.feed(long) == b"a BAD [LIMIT] the literal is too long\r\n"
    assert talk.feed(b"b LOGIN jo {4+}\r\nword\r\n").startswith(b"b OK ")


def test_before_login_little_can_be_held() -> None:
    """However a stranger begins, the engine keeps less than 64 KiB of it."""
    for start in (
        b"x" * 300_000,
        b"a LOGIN {4096}\r\n",
        b"a AUTHENTICATE PLAIN " + b"A" * 1_000_000,
    ):
        connection = ServerConnection(TERMS, TLS)
        for at in range(0, 300_000, 4_096):
            connection.receive_data(start[at : at + 4_096] if at < len(start) else b"x" * 4_096)
            while connection.next_event() is not None:
                pass
            assert len(connection._framer._buffer) < 65_536


# --- logging in ------------------------------------------------------------------


@pytest.mark.rfc("9051", "6.2.2")
def test_authenticate_asks_and_the_next_line_answers() -> None:
    talk = Talk()

    assert talk.feed(b"a AUTHENTICATE plain\r\n") == b"+ Y2hhbGxlbmdl\r\n"
    assert talk.feed(b"AGpvAHg=\r\n") == b"a OK done\r\n"
    assert talk.commands == [
        commands.Authenticate("a", "PLAIN", None),
        commands.AuthenticateResponse("a", b"\0jo\0x"),
    ]


@pytest.mark.rfc("4959", "3")
@pytest.mark.parametrize(
    ("sent", "initial"), [(b"", None), (b" =", b""), (b" AGpvAHg=", b"\0jo\0x")]
)
def test_initial_responses(sent: bytes, initial: bytes | None) -> None:
    talk = Talk()

    talk.feed(b"a AUTHENTICATE PLAIN" + sent + b"\r\n")

    assert talk.commands == [commands.Authenticate("a", "PLAIN", initial)]


@pytest.mark.rfc("9051", "6.2.2")
@pytest.mark.parametrize("line", [b"*", b"not base64", b"=AAA", b"AAA=BBB", b"a {3+}\r\nabc"])
def test_cancelled_or_broken_responses_come_as_none(line: bytes) -> None:
    talk = Talk()

    said = talk.feed(b"a AUTHENTICATE PLAIN\r\n" + line + b"\r\nb NOOP\r\n")

    assert said == b"+ Y2hhbGxlbmdl\r\na BAD cancelled\r\nb OK done\r\n"
    assert talk.commands[1] == commands.AuthenticateResponse("a", None)


def test_initial_responses_are_neither_quoted_nor_literal() -> None:
    for sent in (b'"AGpvAHg="', b"{4}", b"{4+}\r\nAGpv", b"AAA=BBB"):
        talk = Talk()

        assert talk.feed(b"a AUTHENTICATE PLAIN %b\r\n" % sent).startswith(b"a BAD ")
        assert talk.commands == []


def test_secrets_are_not_in_the_text_of_a_command() -> None:
    talk = Talk()
    talk.feed(b"a AUTHENTICATE PLAIN c2VjcmV0\r\nc2VjcmV0\r\n")
    other = Talk()
    other.feed(b"b LOGIN jo secret\r\n")

    assert "secret" not in repr(talk.commands) + repr(other.commands)


# --- IDLE ------------------------------------------------------------------------


@pytest.mark.rfc("9051", "6.3.13")
@pytest.mark.parametrize("done", [b"DONE", b"done"])
def test_idle_ends_with_done(done: bytes) -> None:
    talk = Talk(State.SELECTED)

    assert talk.feed(b"a IDLE\r\n") == b"+ idling\r\n"
    assert talk.connection.idling
    assert talk.feed(done + b"\r\nb NOOP\r\n") == b"a OK done\r\nb OK done\r\n"
    assert not talk.connection.idling
    assert talk.commands[:2] == [commands.Idle("a"), commands.Done("a")]


def test_anything_else_ends_idle_with_bad() -> None:
    for line in (
        b"b NOOP",
        b"",
        b"DONE now",
        b"x {3}",
        b"x {3+}\r\nDONE",
        b"x SEARCH TEXT {3}",
        b"x" * 70_000,
    ):
        talk = Talk(State.SELECTED)

        said = talk.feed(b"a IDLE\r\n" + line + b"\r\nc NOOP\r\n")

        assert said == b"+ idling\r\na BAD expected DONE\r\nc OK done\r\n"


# --- states, order, ends ---------------------------------------------------------


@pytest.mark.rfc("9051", "3")
@pytest.mark.parametrize(
    ("state", "line", "comes"),
    [
        (State.NOT_AUTHENTICATED, b"SELECT INBOX", False),
        (State.NOT_AUTHENTICATED, b"APPEND INBOX {3}", False),
        (State.AUTHENTICATED, b"LOGIN jo x", False),
        (State.AUTHENTICATED, b"FETCH 1 FLAGS", False),
        (State.AUTHENTICATED, b"UID FETCH 1 FLAGS", False),
        (State.AUTHENTICATED, b"SELECT INBOX", True),
        (State.SELECTED, b"UID FETCH 1 FLAGS", True),
        (State.SELECTED, b"LIST \"\" *", True),
        (State.NOT_AUTHENTICATED, b"ID NIL", True),
    ],
)  # fmt: skip
def test_commands_come_only_in_their_state(state: State, line: bytes, comes: bool) -> None:
    talk = Talk(state)

    said = talk.feed(b"a " + line + b"\r\n")

    assert bool(talk.commands) is comes
    assert said.startswith(b"a OK" if comes else b"a BAD")


def test_one_command_at_a_time() -> None:
    """The next one comes when this one is answered: the state may have changed."""
    connection = ServerConnection(TERMS, TLS)
    connection.receive_data(b"a LOGIN jo x\r\nb SELECT INBOX\r\nc LOGIN {1}\r\n")
    login = connection.next_event()
    assert isinstance(login, commands.Login)
    assert connection.next_event() is None

    connection.state = State.AUTHENTICATED
    connection.reply(login, Reply(Condition.OK, "in"))

    select = connection.next_event()
    assert isinstance(select, commands.Select)
    connection.reply(select, Reply(Condition.OK, "selected", "READ-WRITE"))
    assert connection.next_event() is None
    assert connection.data_to_send() == (
        b"a OK in\r\nb OK [READ-WRITE] selected\r\nc BAD the command is not for this state\r\n"
    )


def test_nothing_is_read_after_logout() -> None:
    talk = Talk()

    assert talk.feed(b"a LOGOUT\r\nb NOOP\r\n") == b"* BYE see you\r\na OK done\r\n"
    assert talk.feed(b"c NOOP\r\n") == b""


def test_the_end_of_the_stream_comes_after_the_commands_before_it() -> None:
    talk = Talk()
    talk.connection.receive_data(b"a NOOP\r\nb NOOP")
    talk.connection.receive_eof()

    assert talk.run() == b"a OK done\r\n"
    assert talk.closed == ["the client has closed the connection"]
    assert talk.connection.next_event() is None


def test_close_comes_once() -> None:
    connection = ServerConnection(TERMS)
    connection.receive_data(b"GET / HTTP/1.1\r\n")
    connection.receive_eof()

    assert connection.next_event() == Close("HTTP")
    assert connection.next_event() is None


def test_messages_are_let_go_when_answered_when_malformed_and_when_the_connection_ends() -> None:
    talk = Talk(State.AUTHENTICATED)
    talk.feed(b"a APPEND x {3+}\r\nabc {3+}\r\nabc\r\n")
    assert (talk.messages, MemorySpool.open) == ([b"abc", b"abc"], 0)

    assert talk.feed(b"b APPEND x {3+}\r\nabc nonsense\r\n").startswith(b"b BAD ")
    assert MemorySpool.open == 0

    talk.feed(b"c APPEND x {3+}\r\nab")
    assert MemorySpool.open == 1
    talk.connection.close()
    assert MemorySpool.open == 0

    talk = Talk(State.AUTHENTICATED)
    talk.connection.receive_data(b"d APPEND x {3+}\r\nabc\r\n")
    assert isinstance(talk.connection.next_event(), commands.Append)
    talk.connection.close()
    assert MemorySpool.open == 0


# --- IMAP4rev2 -------------------------------------------------------------------


@pytest.mark.rfc("9051", "6.3.1")
def test_enabling_rev2_changes_how_names_are_read_and_written() -> None:
    talk = Talk(State.AUTHENTICATED)
    talk.feed(b"a CREATE Entw&APw-rfe\r\nb ENABLE X imap4REV2\r\n")
    assert talk.connection.rev2
    talk.feed('c CREATE "Entwürfe"\r\nd CREATE Entw&APw-rfe\r\n'.encode())

    names = [command.mailbox for command in talk.commands if isinstance(command, commands.Create)]
    assert names == ["Entwürfe", "Entwürfe", "Entw&APw-rfe"]

    talk.connection.send(ListData("Entwürfe"))
    talk.connection.send(Recent())
    assert talk.connection.data_to_send() == '* LIST () "/" "Entwürfe"\r\n'.encode()


def test_without_rev2_names_are_utf_7_and_there_is_recent() -> None:
    talk = Talk(State.AUTHENTICATED)

    talk.connection.send(ListData("Entwürfe"))
    talk.connection.send(Recent())

    assert talk.connection.data_to_send() == b'* LIST () "/" Entw&APw-rfe\r\n* 0 RECENT\r\n'


def test_a_refused_enable_enables_nothing() -> None:
    connection = ServerConnection(TERMS, TLS)
    connection.state = State.AUTHENTICATED
    connection.receive_data(b"a ENABLE IMAP4rev2\r\n")
    enable = connection.next_event()
    assert isinstance(enable, commands.Enable)

    connection.reply(enable, Reply(Condition.NO, "not now"))

    assert not connection.rev2


def test_raw_pieces_and_responses_keep_their_order() -> None:
    connection = ServerConnection(TERMS, TLS)
    connection.send(Notice(Condition.OK, "one"))
    connection.send_raw(b"two\r\n")
    connection.send(Notice(Condition.NO, "three", "ALERT"))

    assert connection.data_to_send() == b"* OK one\r\ntwo\r\n* NO [ALERT] three\r\n"
    assert connection.data_to_send() == b""


# --- any bytes -------------------------------------------------------------------

CONVERSATION = (
    b"a1 CAPABILITY\r\na2 ID (\"name\" {3+}\r\nfoo)\r\na3 AUTHENTICATE PLAIN\r\nAGpvAHg=\r\n"
    b"a4 LIST (SUBSCRIBED) \"\" (\"a%\" b*) RETURN (CHILDREN STATUS (MESSAGES))\r\n"
    b"a5 SELECT &AOk-\r\na6 UID FETCH 1:*,4 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (To)]<0.9>)\r\n"
    b"a7 SEARCH RETURN (MIN) CHARSET UTF-8 OR (FROM {2+}\r\nab ON 1-Feb-2020) $\r\n"
    b"a8 STORE 1 +FLAGS.SILENT (\\Seen $x)\r\na9 IDLE\r\nDONE\r\n"
    b"b1 APPEND {3+}\r\nabc (\\Draft) \" 1-Jan-2020 00:00:00 +0100\" ~{4+}\r\n\0\r\n)\r\n"
    b"b2 UID EXPUNGE 3\r\nb3 LOGOUT\r\n"
)  # fmt: skip


def test_the_conversation_is_understood() -> None:
    talk = Talk()

    said = talk.feed(CONVERSATION)

    assert b"BAD" not in said
    assert b" NO " not in said
    assert len(talk.commands) == 14
    assert talk.messages == [b"\0\r\n)"]


@pytest.mark.slow
def test_cut_anywhere_the_answers_are_the_same() -> None:
    whole = Talk().feed(CONVERSATION)

    for cut in range(1, len(CONVERSATION)):
        talk = Talk()
        assert talk.feed(CONVERSATION[:cut]) + talk.feed(CONVERSATION[cut:]) == whole
    talk = Talk()
    assert b"".join(talk.feed(bytes([octet])) for octet in CONVERSATION) == whole


@pytest.mark.slow
@pytest.mark.parametrize("octet", [b"\x00", b"\x80", b"\n", b"{", b'"', b""])
def test_one_spoiled_octet(octet: bytes) -> None:
    """Spoiled at any one place it is answered somehow; the engine never raises."""
    for at in range(len(CONVERSATION)):
        talk = Talk()
        talk.feed(CONVERSATION[:at] + octet + CONVERSATION[at + 1 :])
        talk.connection.receive_eof()
        talk.run()
        talk.connection.close()
        assert MemorySpool.open == 0


TOKENS = st.sampled_from(
    [b"a0 LOGIN jo x\r\n", b"a1 ", b"SELECT x\r\n", b"APPEND x ", b"FETCH 1:* ", b"BODY[", b"]<",
     b"SEARCH ", b"OR ", b"NOT ", b"(", b")", b"IDLE\r\n", b"DONE\r\n", b"AUTHENTICATE PLAIN\r\n",
     b"ENABLE IMAP4rev2\r\n", b"{3}\r\n", b"{3+}\r\n", b"~{3+}\r\n", b"{99999999999}\r\n", b"&",
     b'"', b'"q\\"x"', b"\r\n", b"\n", b"x" * 9_000, b"\x00", b"\x80", b"STARTTLS\r\n", b"*", b"$"]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.sampled_from(State), st.lists(TOKENS | st.binary(max_size=12), max_size=25), st.data())
def test_any_bytes_any_cut(state: State, tokens: list[bytes], data: st.DataObject) -> None:
    """No input makes the engine raise, and no way of cutting it changes the answer."""
    sent = b"".join(tokens)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    cut, whole = Talk(state), Talk(state)

    assert b"".join(map(cut.feed, pieces)) == whole.feed(sent)
    assert list(map(type, cut.commands)) == list(map(type, whole.commands))
    assert cut.messages == whole.messages
