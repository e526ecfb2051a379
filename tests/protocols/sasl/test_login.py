"""LOGIN, as mail programs speak it."""

import pytest

from mailclad.protocols.sasl.login import ASK_NAME, ASK_PASSWORD, LoginServer
from mailclad.protocols.sasl.plain import PasswordAttempt
from mailclad.protocols.sasl.problem import SaslProblem


def test_login_asks_for_the_name_then_the_password() -> None:
    server = LoginServer()

    assert server.step(None) == ASK_NAME
    assert server.step(b"ada@example.org") == ASK_PASSWORD
    attempt = server.step(b"secret")
    assert isinstance(attempt, PasswordAttempt)
    assert (attempt.login, attempt.password.reveal()) == ("ada@example.org", b"secret")


def test_login_takes_the_name_as_initial_response() -> None:
    assert LoginServer().step(b"ada@example.org") == ASK_PASSWORD


@pytest.mark.parametrize("name", [b"", b"a\0b", b"\xff"])
def test_login_refuses_a_broken_name(name: bytes) -> None:
    with pytest.raises(SaslProblem):
        LoginServer().step(name)
