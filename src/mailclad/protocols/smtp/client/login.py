"""Proving to a smart host who we are: PLAIN (RFC 4616) and LOGIN, as a client.

A mechanism is a small machine: ``initial`` goes with the AUTH command where it has one, ``answer``
takes each challenge.  Another mechanism needs a class of this shape and a line in ``choose``.
Passwords leave these objects only as octets for a connection that is encrypted: the engine
sees to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from mailclad.base.secret import Secret
from mailclad.protocols.sasl.base64 import Base64Problem, decode_strict, encode
from mailclad.protocols.sasl.mechanism import LOGIN, PLAIN


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password for a smart host."""

    name: str
    password: Secret


class Mechanism(Protocol):
    """The client's side of one exchange."""

    @property
    def name(self) -> str: ...

    @property
    def initial(self) -> bytes | None:
        """What goes with the command, or None: the server asks first."""
        ...

    def answer(self, challenge: bytes) -> bytes | None:
        """The response, or None: the challenge is not one of this mechanism."""
        ...


class PlainClient:
    """``NUL name NUL password``, at once."""

    name = PLAIN

    def __init__(self, login: Login) -> None:
        self.initial: bytes | None = b"\0%b\0%b" % (login.name.encode(), login.password.reveal())

    def answer(self, challenge: bytes) -> bytes | None:
        return None


class LoginClient:
    """The name, then the password; what the questions say does not matter."""

    name = LOGIN
    initial: bytes | None = None

    def __init__(self, login: Login) -> None:
        self._answers = [login.password.reveal(), login.name.encode()]

    def answer(self, challenge: bytes) -> bytes | None:
        return self._answers.pop() if self._answers else None


def choose(login: Login, offered: Iterable[str]) -> Mechanism | None:
    """The better mechanism of those that the server offers and we have."""
    if "\0" in login.name or b"\0" in login.password.reveal():
        return None
    if PLAIN in offered:
        return PlainClient(login)
    return LoginClient(login) if LOGIN in offered else None


def first_line(mechanism: Mechanism) -> bytes:
    """The AUTH command."""
    initial = mechanism.initial
    command = b"AUTH %b" % mechanism.name.encode()
    return command + (b" " + encode(initial) if initial is not None else b"") + b"\r\n"


def next_line(mechanism: Mechanism, challenge: str) -> bytes:
    """The answer to a challenge, or ``*``, which ends the exchange (RFC 4954 §4)."""
    try:
        answer = mechanism.answer(decode_strict(challenge.encode()))
    except Base64Problem:
        answer = None
    return (b"*" if answer is None else encode(answer)) + b"\r\n"
