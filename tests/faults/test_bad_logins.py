"""Log-ins that must not be: in the clear, for nobody, on the wrong port.

The right password and a wrong one, somebody and nobody, get the same octets.
"""

import base64
import itertools

import pytest

from tests.faults.client import READER, Client
from tests.faults.serving import PASSWORD, House, address

pytestmark = pytest.mark.slow

LOGIN = address(READER).encode()
NOBODY = address("nobody").encode()
RIGHT, WRONG = PASSWORD.encode(), b"wrong horse"

sources = (f"127.0.1.{number}" for number in itertools.count(1))  # throttling counts by address


def plain(login: bytes, password: bytes) -> bytes:
    return base64.b64encode(b"\0%b\0%b" % (login, password))


def clear_attempts(service: str, login: bytes, password: bytes) -> list[bytes]:
    """Every way to send a password, each as one command."""
    if service == "imap":
        return [
            b'a LOGIN %b "%b"' % (login, password),
            b"a LOGIN {%d}" % len(login),
            b"a AUTHENTICATE PLAIN " + plain(login, password),
            b"a AUTHENTICATE PLAIN",
        ]
    if service == "pop3":
        return [b"USER " + login, b"PASS " + password, b"AUTH PLAIN " + plain(login, password)]
    return [b"AUTH PLAIN " + plain(login, password), b"AUTH LOGIN", b"AUTH PLAIN"]


REFUSED_IN_THE_CLEAR = {
    "imap": b"a NO [PRIVACYREQUIRED]",
    "pop3": b"-ERR ",
    "submission": b"530 5.7.0",
    "smtp": b"502 5.5.1",
}


@pytest.mark.parametrize("service", REFUSED_IN_THE_CLEAR)
def test_no_password_before_tls_be_it_right_or_wrong(house: House, service: str) -> None:
    answers = []
    for login, password in ((LOGIN, RIGHT), (LOGIN, WRONG), (NOBODY, WRONG)):
        said = b""
        for command in clear_attempts(service, login, password):
            with Client(house, service, "starttls") as client:
                client.hello()
                answer = client.ask(command)
                assert answer.startswith(REFUSED_IN_THE_CLEAR[service]), answer
                client.lives_on()
                said += answer
        answers.append(said)
    assert len(set(answers)) == 1, "the same octets for a right and a wrong password"


@pytest.mark.parametrize("service", ["imap", "pop3", "submission"])
def test_no_way_to_log_in_is_offered_before_tls(house: House, service: str) -> None:
    question = {"imap": b"a CAPABILITY", "pop3": b"CAPA"}.get(service, b"EHLO there.test")
    goodbye = b"b LOGOUT\r\n" if service == "imap" else b"QUIT\r\n"
    with Client(house, service, "starttls") as client:
        client.send(question + b"\r\n" + goodbye)
        offered = client.greeting + client.rest()
    mechanisms = {"imap": b"AUTH=", "pop3": b"SASL"}.get(service, b"AUTH")
    assert mechanisms not in offered
    assert b"\nUSER\r\n" not in offered
    assert (b"LOGINDISABLED" in offered) == (service == "imap")


def attempt(house: House, service: str, login: bytes, password: bytes) -> bytes:
    """What one failed log-in is answered, from an address that has not tried before."""
    with Client(house, service, source=next(sources)) as client:
        client.hello()
        if service == "imap":
            answer = client.ask(b'a LOGIN "%b" "%b"' % (login, password))
            return answer + client.ask(b"a AUTHENTICATE PLAIN " + plain(login, password))
        if service == "pop3":
            return client.ask(b"USER " + login) + client.ask(b"PASS " + password)
        return client.ask(b"AUTH PLAIN " + plain(login, password))


@pytest.mark.parametrize("service", ["imap", "pop3", "submission"])
def test_an_unknown_person_looks_like_a_wrong_password(house: House, service: str) -> None:
    wrong = attempt(house, service, LOGIN, WRONG)
    assert b"OK logged" not in wrong
    for login in (NOBODY, b"somebody@elsewhere.test", b"x", b"%s%n@example.test"):
        assert attempt(house, service, login, WRONG) == wrong
    assert attempt(house, service, NOBODY, RIGHT) == wrong


@pytest.mark.parametrize("service", ["imap", "pop3", "submission"])
def test_passwords_that_cannot_be_one(house: House, service: str) -> None:
    """Empty, with NULs in the wrong number, of 8 bits, of thousands of letters."""
    verb = {"imap": b"a AUTHENTICATE PLAIN ", "pop3": b"AUTH PLAIN "}.get(service, b"AUTH PLAIN ")
    for response in (
        b"",
        b"\0",
        b"\0\0",
        b"a\0b\0c\0d",
        b"\0\xff\xfe\0\xff",
        b"\0x\0" + b"y" * 150,
    ):
        with Client(house, service, source=next(sources)) as client:
            client.hello()
            answer = client.ask(verb + (base64.b64encode(response) or b"="))
            assert answer.startswith((b"a NO", b"a BAD", b"-ERR", b"5")), (response, answer)
            client.others_are_served()
            client.lives_on()


@pytest.mark.parametrize("encrypted", [False, True])
def test_nobody_logs_in_on_port_25(house: House, encrypted: bool) -> None:
    with Client(house, "smtp", "starttls") as client:
        client.hello()
        if encrypted:
            client.start_tls()
        client.send(b"EHLO there.test\r\nNOOP\r\n")
        lines = [client.line()]
        while not lines[-1].startswith(b"250 2.0.0"):
            lines.append(client.line())
        assert b"AUTH" not in b"".join(lines)
        for command in clear_attempts("smtp", LOGIN, RIGHT):
            assert client.ask(command).startswith(b"502 5.5.1")
        client.lives_on()
