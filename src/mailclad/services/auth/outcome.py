"""What comes of an attempt to log in, in words that no protocol owns.

Protocols map the three exceptions to their replies; the texts of
``AuthenticationFailed`` never say whether the account exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailclad.store.model import Account, Scope


class Use(StrEnum):
    """What the login is for: reading mail (IMAP, POP3) or submission."""

    RECEIVE = "receive"
    SEND = "send"


FITTING: Mapping[Use, frozenset[Scope]] = {
    Use.RECEIVE: frozenset({Scope.ALL, Scope.RECEIVE}),
    Use.SEND: frozenset({Scope.ALL, Scope.SEND}),
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
