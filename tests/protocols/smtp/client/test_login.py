"""PLAIN and LOGIN as a client, against the server's own mechanisms."""

from mailclad.base.secret import Secret
from mailclad.protocols.sasl.login import LoginServer
from mailclad.protocols.sasl.plain import PasswordAttempt, parse_plain
from mailclad.protocols.smtp.client.login import Login, choose, first_line, next_line

US = Login("jörg", Secret(b"geheim"))


def test_plain() -> None:
    mechanism = choose(US, {"LOGIN", "PLAIN", "SCRAM-SHA-256"})
    assert mechanism is not None
    assert mechanism.initial is not None
    attempt = parse_plain(mechanism.initial)
    assert (attempt.authzid, attempt.login) == ("", "jörg")
    assert attempt.password.reveal() == b"geheim"
    assert first_line(mechanism) == b"AUTH PLAIN AGrDtnJnAGdlaGVpbQ==\r\n"
    assert next_line(mechanism, "") == b"*\r\n"


def test_login() -> None:
    mechanism = choose(US, {"LOGIN", "X"})
    assert mechanism is not None
    assert first_line(mechanism) == b"AUTH LOGIN\r\n"
    server = LoginServer()
    assert isinstance(server.step(None), bytes)
    name = mechanism.answer(b"Username:")
    assert isinstance(server.step(name), bytes)
    attempt = server.step(mechanism.answer(b"Password:"))
    assert isinstance(attempt, PasswordAttempt)
    assert (attempt.login, attempt.password.reveal()) == ("jörg", b"geheim")
    assert next_line(mechanism, "VXNlcm5hbWU6") == b"*\r\n"


def test_a_challenge_that_is_not_base64_ends_the_exchange() -> None:
    mechanism = choose(US, {"LOGIN"})
    assert mechanism is not None
    assert next_line(mechanism, "Username:") == b"*\r\n"


def test_no_common_mechanism_and_names_that_cannot_be_sent() -> None:
    assert choose(US, {"CRAM-MD5"}) is None
    assert choose(Login("a\0b", Secret(b"x")), {"PLAIN"}) is None
    assert choose(Login("a", Secret(b"x\0")), {"PLAIN"}) is None
    assert "geheim" not in repr(US)
