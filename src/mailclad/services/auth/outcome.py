"""What comes of an attempt to log in, in words that no protocol owns.

Protocols map the three exceptions to their replies; the texts of
``AuthenticationFailed`` never say whether the account exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailclad.store.model import Account, Scope


class Use(StrEnum):
    """What the login is for; mail's values are those of listeners' services."""

    IMAP = "imap"
    POP3 = "pop3"
    SUBMISSION = "submission"
    WEB = "web"
    """Pages, which only the chosen password opens: an app password is a device's."""


_READING = frozenset({Scope.ALL, Scope.RECEIVE})

FITTING: Mapping[Use, frozenset[Scope]] = {
    Use.IMAP: _READING,
    Use.POP3: _READING,
    Use.SUBMISSION: frozenset({Scope.ALL, Scope.SEND}),
    Use.WEB: frozenset(),
}
"""The scopes of app passwords that may be used for each."""

FAILED = "The login name or the password is wrong."
"""One text for unknown account, wrong password, disabled account and wrong scope."""

UNAVAILABLE = "Logging in is not possible at the moment. Try again in a minute."


class AuthenticationFailed(Exception):
    """Unknown account, wrong password, disabled or wrong scope: all look alike."""

    def __init__(self) -> None:
        super().__init__(FAILED)


class AuthenticationUnavailable(Exception):
    """Temporary: the store did not answer, or there were too many attempts."""

    def __init__(self) -> None:
        super().__init__(UNAVAILABLE)


class AuthenticationMalformed(Exception):
    """The client broke the mechanism's syntax; the text says where, without its input."""


class MechanismUnknown(KeyError):
    """No such SASL mechanism here."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Raw octets for the client; the protocol encodes them as base64."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Authenticated:
    account: Account
    mechanism: str
