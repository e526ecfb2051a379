"""LOGIN: the name and the password, asked for one after the other.

Never standardised (draft-murchison-sasl-login-00), but some mail programs know nothing
else for submission.  In: decoded responses.  Out: the next question, then the attempt.
"""

from mailclad.base.secret import Secret
from mailclad.protocols.sasl.plain import PasswordAttempt
from mailclad.protocols.sasl.problem import SaslProblem

ASK_NAME = b"Username:"
ASK_PASSWORD = b"Password:"


class LoginServer:
    """The server's side; a fresh one for each exchange."""

    def __init__(self) -> None:
        self._login: str | None = None

    def step(self, response: bytes | None) -> bytes | PasswordAttempt:
        """The next question, or what the client claims.

        An initial response is the login name.
        """
        if response is None:
            return ASK_NAME
        if not response or b"\0" in response:
            raise SaslProblem("LOGIN takes a name, then a password, neither of them empty")
        if self._login is not None:
            return PasswordAttempt("", self._login, Secret(response))
        try:
            self._login = response.decode()
        except UnicodeDecodeError:
            raise SaslProblem("the login name is not UTF-8") from None
        return ASK_PASSWORD
