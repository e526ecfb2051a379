"""What a server of the zoo says in each protocol, until somebody would sign in.

RFC 5321, RFC 9051, RFC 1939, RFC 2449, RFC 5804.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mailclad.mail.endpoint import MailProtocol

Words = Sequence[str]


class Verb(Enum):
    CAPABILITIES = auto()
    UPGRADE = auto()
    SIGN_IN = auto()
    NOTHING = auto()
    LEAVE = auto()


@dataclass(frozen=True, slots=True)
class Dialect:
    """``clear`` and ``tls`` are offered before and under TLS; ``{tag}`` is the client's, in IMAP.

    ``told``: the answer to who asks for capabilities; ``nobody``: to who signs in.
    """

    clear: tuple[str, ...]
    tls: tuple[str, ...]
    verbs: Mapping[str, Verb]
    greeting: Callable[[Words], str]
    told: Callable[[Words], str]
    fine: str
    go: str
    bye: str
    nobody: str
    refused: str
    is_tagged: bool = False
    greets_again: bool = False


def _ehlo(words: Words) -> str:
    lines = ["localhost", *words]
    return "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}"


def _sieve(words: Words) -> str:
    return "".join(f"{word}\r\n" for word in words) + 'OK "ready"'


def _smtp(under_tls: tuple[str, ...]) -> Dialect:
    return Dialect(
        clear=("SIZE 10000000", "STARTTLS", "8BITMIME"),
        tls=("SIZE 10000000", *under_tls, "8BITMIME"),
        verbs={
            "EHLO": Verb.CAPABILITIES,
            "STARTTLS": Verb.UPGRADE,
            "NOOP": Verb.NOTHING,
            "AUTH": Verb.SIGN_IN,
            "QUIT": Verb.LEAVE,
        },
        greeting=lambda _: "220 localhost ESMTP",
        told=_ehlo,
        fine="250 fine",
        go="220 go",
        bye="221 bye",
        nobody="535 5.7.8 nobody can sign in here",
        refused="502 5.5.1 no mail is taken here",
    )


DIALECTS: Mapping[MailProtocol, Dialect] = {
    MailProtocol.SMTP: _smtp(()),
    MailProtocol.SUBMISSION: _smtp(("AUTH PLAIN",)),
    MailProtocol.IMAP: Dialect(
        clear=("IMAP4rev1", "STARTTLS", "LOGINDISABLED"),
        tls=("IMAP4rev1", "AUTH=PLAIN"),
        verbs={
            "CAPABILITY": Verb.CAPABILITIES,
            "STARTTLS": Verb.UPGRADE,
            "NOOP": Verb.NOTHING,
            "LOGIN": Verb.SIGN_IN,
            "AUTHENTICATE": Verb.SIGN_IN,
            "LOGOUT": Verb.LEAVE,
        },
        greeting=lambda words: f"* OK [CAPABILITY {' '.join(words)}] ready",
        told=lambda words: f"* CAPABILITY {' '.join(words)}\r\n{{tag}} OK done",
        fine="{tag} OK done",
        go="{tag} OK go",
        bye="* BYE bye\r\n{tag} OK bye",
        nobody="{tag} NO [AUTHENTICATIONFAILED] nobody can sign in here",
        refused="{tag} BAD not here",
        is_tagged=True,
    ),
    MailProtocol.POP3: Dialect(
        clear=("STLS", "UIDL"),
        tls=("UIDL", "USER", "SASL PLAIN"),
        verbs={
            "CAPA": Verb.CAPABILITIES,
            "STLS": Verb.UPGRADE,
            "USER": Verb.SIGN_IN,
            "AUTH": Verb.SIGN_IN,
            "QUIT": Verb.LEAVE,
        },
        greeting=lambda _: "+OK ready",
        told=lambda words: "\r\n".join(("+OK", *words, ".")),
        fine="+OK",
        go="+OK go",
        bye="+OK bye",
        nobody="-ERR [AUTH] nobody can sign in here",
        refused="-ERR not here",
    ),
    MailProtocol.SIEVE: Dialect(
        clear=('"IMPLEMENTATION" "zoo"', '"SASL" ""', '"STARTTLS"'),
        tls=('"IMPLEMENTATION" "zoo"', '"SASL" "PLAIN"'),
        verbs={
            "CAPABILITY": Verb.CAPABILITIES,
            "STARTTLS": Verb.UPGRADE,
            "NOOP": Verb.NOTHING,
            "AUTHENTICATE": Verb.SIGN_IN,
            "LOGOUT": Verb.LEAVE,
        },
        greeting=_sieve,
        told=_sieve,
        fine='OK "done"',
        go='OK "go"',
        bye='OK "bye"',
        nobody='NO "nobody can sign in here"',
        refused='NO "not here"',
        greets_again=True,
    ),
}
