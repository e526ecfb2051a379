"""The commands a POP3 client may send, as values (RFC 1939, 2449, 2595, 5034, 6856)."""

from dataclasses import dataclass

from mailclad.base.secret import Secret


@dataclass(frozen=True, slots=True)
class Command:
    pass


# --- before the login (AUTHORIZATION) ---


@dataclass(frozen=True, slots=True)
class User(Command):
    login: str


@dataclass(frozen=True, slots=True)
class Pass(Command):
    password: Secret


@dataclass(frozen=True, slots=True)
class Auth(Command):
    """``mechanism`` None asks which there are; ``initial`` None: no initial response."""

    mechanism: str | None
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class AuthResponse(Command):
    """The answer to a challenge, decoded; None when cancelled or undecodable, and ``why``."""

    data: bytes | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stls(Command):
    pass


@dataclass(frozen=True, slots=True)
class Utf8(Command):
    pass


# --- in the maildrop (TRANSACTION) ---


@dataclass(frozen=True, slots=True)
class Stat(Command):
    pass


@dataclass(frozen=True, slots=True)
class List(Command):
    number: int | None


@dataclass(frozen=True, slots=True)
class Uidl(Command):
    number: int | None


@dataclass(frozen=True, slots=True)
class Retr(Command):
    number: int


@dataclass(frozen=True, slots=True)
class Top(Command):
    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Dele(Command):
    number: int


@dataclass(frozen=True, slots=True)
class Rset(Command):
    pass


@dataclass(frozen=True, slots=True)
class Noop(Command):
    pass


# --- in both ---


@dataclass(frozen=True, slots=True)
class Capa(Command):
    pass


@dataclass(frozen=True, slots=True)
class Quit(Command):
    pass
