"""The commands of SMTP, submission and LMTP as values (RFC 5321 §4.1, RFC 2033, RFC 3030 …).

Each is what the engine hands out when the client said it correctly and at its time.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

from mailclad.mail.address import Address


@dataclass(frozen=True, slots=True)
class Command:
    pass


class Verb(StrEnum):
    """The three ways to say hello; HELO has no extensions, LHLO is LMTP's."""

    HELO = "HELO"
    EHLO = "EHLO"
    LHLO = "LHLO"


@dataclass(frozen=True, slots=True)
class Hello(Command):
    """``name`` is what the client calls itself: printable, but true only by chance."""

    verb: Verb
    name: str


class Body(StrEnum):
    """RFC 6152 §2, RFC 3030 §3."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Return(StrEnum):
    """How much of a message a failure report gives back (RFC 3461 §4.3)."""

    FULL = "FULL"
    HEADERS = "HDRS"


@dataclass(frozen=True, slots=True)
class DeliverBy:
    """RFC 2852: within so many seconds, or else give it up (R) or say that it is late (N)."""

    seconds: int
    give_up: bool


@dataclass(frozen=True, slots=True)
class Mail(Command):
    """``reverse_path`` is None for ``<>``; ``submitter`` is AUTH= (RFC 4954 §5), "" for ``<>``.

    ``hold_for`` is in seconds, ``hold_until`` in seconds since 1970 (RFC 4865): one of them.
    """

    reverse_path: Address | None
    octets: int | None = None
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    report: Return | None = None
    envelope_id: str | None = None
    submitter: str | None = None
    require_tls: bool = False
    hold_for: int | None = None
    hold_until: int | None = None
    by: DeliverBy | None = None
    priority: int = 0

    @property
    def is_held(self) -> bool:
        """Whether it is to wait before anybody has it."""
        return self.hold_for is not None or self.hold_until is not None


class Notify(StrEnum):
    """When the sender wants to hear of a recipient (RFC 3461 §4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


@dataclass(frozen=True, slots=True)
class Rcpt(Command):
    """``forward_path`` has an empty domain only for ``<Postmaster>`` (RFC 5321 §4.5.1)."""

    forward_path: Address
    notify: frozenset[Notify] | None = None
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Data(Command):
    """The client wants to send the message; it comes after 354."""


@dataclass(frozen=True, slots=True)
class Chunk(Command):
    """BDAT: so many octets follow, they have not been read yet (RFC 3030 §2)."""

    octets: int
    last: bool


class DataProblem(Enum):
    """Why a message that came whole cannot be kept."""

    BARE_NEWLINE = "a CR without LF or an LF without CR"
    NUL = "an octet of value 0"
    TOO_LARGE = "more octets than are taken"
    SPOOL = "no room to hold it"


@dataclass(frozen=True, slots=True)
class EndOfData(Command):
    """The message is in the spool, or ``problem`` says why it is not.

    ``last`` is False only for a chunk that failed before the last.
    """

    problem: DataProblem | None = None
    last: bool = True


@dataclass(frozen=True, slots=True)
class Rset(Command):
    pass


@dataclass(frozen=True, slots=True)
class Noop(Command):
    pass


@dataclass(frozen=True, slots=True)
class Vrfy(Command):
    """What was asked is not kept: the answer is the same for everybody."""


@dataclass(frozen=True, slots=True)
class Help(Command):
    pass


@dataclass(frozen=True, slots=True)
class Quit(Command):
    pass


@dataclass(frozen=True, slots=True)
class Auth(Command):
    """``initial`` is decoded; None where the client gave none (RFC 4954 §4)."""

    mechanism: str
    initial: bytes | None

    def __repr__(self) -> str:
        return f"Auth({self.mechanism!r}, ***)"


@dataclass(frozen=True, slots=True)
class AuthResponse(Command):
    """The client's answer to a challenge, decoded."""

    response: bytes

    def __repr__(self) -> str:
        return "AuthResponse(***)"


@dataclass(frozen=True, slots=True)
class XClient(Command):
    """A proxy says for whom it speaks; ``address`` is "" where it does not know (Postfix)."""

    address: str


@dataclass(frozen=True, slots=True)
class UpgradeToTls:
    """Write what there is to send, then shake hands on the same socket; then ``tls_started``."""


@dataclass(frozen=True, slots=True)
class Close:
    """Write what there is to send and close; ``reason`` is for the log."""

    reason: str


Event = Command | UpgradeToTls | Close
