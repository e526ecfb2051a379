"""A password at an IMAP server: what is said, and when it is over."""

import pytest

from mailclad.base.secret import Secret
from mailclad.protocols.probe.dialogue import ANSWER_OCTETS, LINE_OCTETS, DialogueProblem
from mailclad.protocols.probe.sign_in import Decided, ImapSignIn, steps
from mailclad.protocols.smtp.client.login import Login

ADA = Login("ada@example.test", Secret('s"{3}\\é'.encode()))
RESPONSE = b"AGFkYUBleGFtcGxlLnRlc3QAcyJ7M31cw6k="


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        (("AUTH=PLAIN", "SASL-IR"), [b"p1 AUTHENTICATE PLAIN " + RESPONSE + b"\r\n"]),
        (("AUTH=PLAIN",), [b"p1 AUTHENTICATE PLAIN\r\n", RESPONSE + b"\r\n"]),
        (
            ("IMAP4REV1",),
            [
                b"p1 LOGIN {16}\r\n",
                b"ada@example.test {8}\r\n",
                's"{3}\\é\r\n'.encode(),
            ],
        ),
        (("LOGINDISABLED", "AUTH=GSSAPI"), []),
    ],
)
def test_the_best_of_what_is_offered(offered: tuple[str, ...], said: list[bytes]) -> None:
    assert list(steps(ADA, offered)) == said


def test_a_password_that_no_method_can_carry() -> None:
    assert steps(Login("ada", Secret(b"a\0b")), ("AUTH=PLAIN",)) == ()


def test_the_rest_is_said_when_the_server_asks() -> None:
    one = ImapSignIn((b"first", b"second"))
    assert one.begin() == b"first"
    assert one.receive(b"* OK still here\r\n+ ") == b""
    assert one.receive(b"\r\n") == b"second"
    assert one.receive(b"+ more?\r\n") == b"*\r\n"
    assert one.receive(b"p1 NO [AUTHENTICATIONFAILED] no\x1b\r\n") == Decided(
        positive=False, reply="NO [AUTHENTICATIONFAILED] no "
    )


def test_a_server_that_does_not_end() -> None:
    with pytest.raises(DialogueProblem):
        ImapSignIn((b"x",)).receive(b"a" * (LINE_OCTETS + 1))
    with pytest.raises(DialogueProblem):
        ImapSignIn((b"x",)).receive(b"* OK\r\n" * (ANSWER_OCTETS // 6 + 1))
