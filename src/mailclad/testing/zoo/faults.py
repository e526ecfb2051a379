"""The zoo's faults, but those of certificates: a table.

``finds`` are the catalogue's entries that a check of this port alone must find; none for what
looks odd and is right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import STANDARD, MailProtocol
from mailclad.testing.zoo import oddities
from mailclad.testing.zoo.oddities import Oddity
from mailclad.testing.zoo.server import Habits
from mailclad.testing.zoo.terms import HANDSHAKE_FAILURE, TLS1_0, TLS1_1, TLS1_2, TLS1_3, Terms

SMTP, SUBMISSION = MailProtocol.SMTP, MailProtocol.SUBMISSION
IMAP, POP3, SIEVE, HTTPS = (
    MailProtocol.IMAP,
    MailProtocol.POP3,
    MailProtocol.SIEVE,
    MailProtocol.HTTPS,
)
IMPLICIT, STARTTLS = TlsMode.IMPLICIT, TlsMode.STARTTLS


class Door(Enum):
    """What becomes of who connects."""

    OPEN = auto()
    SHUT = auto()
    FULL = auto()
    """Nobody answers: the system drops what it has no room for."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``protocol`` and ``tls`` are what a program expects there; ``speaks`` what is spoken, and
    ``begins`` how it comes to TLS, where that is something else.  ``oddity`` sits in the place of
    a server."""

    about: str
    finds: tuple[str, ...] = ()
    protocol: MailProtocol = IMAP
    tls: TlsMode = IMPLICIT
    terms: Terms = Terms()
    habits: Habits = Habits()
    oddity: Oddity | None = None
    speaks: MailProtocol | None = None
    begins: TlsMode | None = None
    door: Door = Door.OPEN


_UNRECOGNIZED_NAME = 112

_NOBODY: Mapping[str, Fault] = {
    "nobody": Fault("nobody listens: connections are refused", ("CONN-102",), door=Door.SHUT),
    "swallowed": Fault("connections are neither taken nor refused", ("CONN-103",), door=Door.FULL),
}

_NOT_MAIL: Mapping[str, Fault] = {
    "silent": Fault(
        "takes connections and never says a word", ("TLS-408",), oddity=oddities.silence
    ),
    "silent-in-clear": Fault(
        "takes connections and never says a word, where STARTTLS is expected",
        ("TLS-408",),
        tls=STARTTLS,
        oddity=oddities.silence,
    ),
    "closes-at-once": Fault("closes before a word", ("CONN-108",), oddity=oddities.closing),
    "closes-at-once-in-clear": Fault(
        "closes before a word, where STARTTLS is expected",
        ("CONN-108",),
        tls=STARTTLS,
        oddity=oddities.closing,
    ),
    "resets": Fault("ends every connection by a reset", ("CONN-108",), oddity=oddities.resetting),
    "closes-on-hello": Fault(
        "closes when a program begins with TLS", ("TLS-408",), oddity=oddities.closing_on_hello
    ),
    "garbage": Fault(
        "answers with octets that mean nothing", ("CONN-104",), oddity=oddities.garbage
    ),
    "web-instead": Fault("a web server, without TLS", ("CONN-104",), oddity=oddities.web),
    "ssh-instead": Fault("an SSH server", ("CONN-104",), oddity=oddities.shell),
    "ssh-in-clear": Fault(
        "an SSH server, where STARTTLS is expected",
        ("CONN-104",),
        tls=STARTTLS,
        oddity=oddities.shell,
    ),
    "endless-line": Fault(
        "a greeting without an end",
        ("TLS-408",),
        SUBMISSION,
        STARTTLS,
        oddity=oddities.endless_line,
    ),
    "drips": Fault(
        "a greeting that comes octet by octet, for ever",
        ("TLS-408",),
        SUBMISSION,
        STARTTLS,
        oddity=oddities.dripping,
    ),
    "smtp-on-imaps": Fault(
        "SMTP in clear on a port for IMAP", ("CONN-104",), speaks=SMTP, begins=STARTTLS
    ),
    "pop3-on-imap": Fault("POP3 on a port for IMAP", ("CONN-104",), tls=STARTTLS, speaks=POP3),
    "submission-on-imaps": Fault(
        "SMTP under TLS on a port for IMAP", ("CONN-104",), speaks=SUBMISSION
    ),
}

_WRONG_WAY: Mapping[str, Fault] = {
    "clear-on-imaps": Fault(
        "IMAP that begins in clear, where TLS is expected", ("MODE-202",), begins=STARTTLS
    ),
    "clear-on-submissions": Fault(
        "SMTP that begins in clear, where TLS is expected",
        ("MODE-202",),
        SUBMISSION,
        begins=STARTTLS,
    ),
    "clear-on-pop3s": Fault(
        "POP3 that begins in clear, where TLS is expected", ("MODE-202",), POP3, begins=STARTTLS
    ),
    "tls-on-imap": Fault(
        "IMAP that begins with TLS, where STARTTLS is expected",
        ("MODE-201",),
        tls=STARTTLS,
        begins=IMPLICIT,
    ),
    "tls-on-submission": Fault(
        "SMTP that begins with TLS, where STARTTLS is expected",
        ("MODE-201",),
        SUBMISSION,
        STARTTLS,
        begins=IMPLICIT,
    ),
}

_RSA_ONLY = Terms("ok-rsa", newest=TLS1_2, ciphers=b"aRSA+ECDHE+AESGCM@SECLEVEL=0")

_HANDSHAKES: Mapping[str, Fault] = {
    "tls-1.0-only": Fault(
        "speaks TLS 1.0 only",
        ("TLS-401",),
        terms=Terms(oldest=TLS1_0, newest=TLS1_0, ciphers=b"ALL@SECLEVEL=0"),
    ),
    "tls-1.1-only": Fault(
        "speaks TLS 1.1 only",
        ("TLS-401",),
        SUBMISSION,
        STARTTLS,
        Terms(oldest=TLS1_1, newest=TLS1_1, ciphers=b"ALL@SECLEVEL=0"),
    ),
    "tls-1.0-too": Fault(
        "speaks TLS 1.0 and 1.1 too",
        ("TLS-402",),
        terms=Terms(oldest=TLS1_0, ciphers=b"ECDHE+AESGCM:ECDHE@SECLEVEL=0"),
    ),
    "tls-1.2-only": Fault("speaks TLS 1.2 only", terms=Terms(newest=TLS1_2)),
    "tls-1.3-only": Fault("speaks TLS 1.3 only", terms=Terms(oldest=TLS1_3)),
    "no-common-suite": Fault(
        "has no cipher suite that mail programs have",
        ("TLS-403",),
        terms=Terms(newest=TLS1_2, ciphers=b"PSK@SECLEVEL=0"),
    ),
    "no-forward-secrecy": Fault(
        "exchanges keys without forward secrecy",
        ("TLS-404",),
        terms=Terms("ok-rsa", newest=TLS1_2, ciphers=b"kRSA+AES@SECLEVEL=0"),
    ),
    "cbc-only": Fault(
        "encrypts in the manner from before AES-GCM (CBC)",
        terms=Terms(newest=TLS1_2, ciphers=b"ECDHE-ECDSA-AES128-SHA256@SECLEVEL=0"),
    ),
    "rsa-only": Fault("has an RSA certificate and TLS 1.2 only", terms=_RSA_ONLY),
    "two-kinds": Fault("has an ECDSA and an RSA certificate", terms=Terms("ok", "ok-rsa")),
    "name-needed": Fault(
        "shows another certificate to programs that give no name",
        ("TLS-405",),
        terms=Terms(unnamed="hostname-mismatch"),
    ),
    "name-refused": Fault(
        "does not know its own name (unrecognized_name)",
        ("TLS-405",),
        terms=Terms(refuses_name=_UNRECOGNIZED_NAME),
    ),
    "name-refused-roughly": Fault(
        "does not know its own name (handshake_failure)",
        ("TLS-405",),
        terms=Terms(refuses_name=HANDSHAKE_FAILURE),
    ),
    "name-demanded": Fault(
        "refuses programs that give no name",
        ("TLS-405",),
        terms=Terms(refuses_unnamed=True),
    ),
    "alpn-foreign": Fault(
        "agrees to speak any protocol (ALPN)", ("TLS-406",), terms=Terms(agrees_to_any=True)
    ),
    "alpn-refused": Fault(
        "refuses programs that say that they speak IMAP (ALPN)",
        ("TLS-406",),
        terms=Terms(alpn=(b"h2",)),
    ),
    "alpn-right": Fault("knows its protocol's name (ALPN)", terms=Terms(alpn=(b"imap",))),
    "client-certificate": Fault(
        "demands a personal certificate, TLS 1.3",
        ("TLS-407",),
        terms=Terms(demands_certificate=True),
    ),
    "client-certificate-1.2": Fault(
        "demands a personal certificate, TLS 1.2",
        ("TLS-407",),
        terms=Terms(newest=TLS1_2, demands_certificate=True),
    ),
    "client-certificate-starttls": Fault(
        "demands a personal certificate behind STARTTLS",
        ("TLS-407",),
        SUBMISSION,
        STARTTLS,
        Terms(demands_certificate=True),
    ),
}


def _without_starttls(protocol: MailProtocol, *words: str) -> Fault:
    habits = Habits(clear=words)
    return Fault("does not offer encryption", ("MODE-203",), protocol, STARTTLS, habits=habits)


def _obeying(protocol: MailProtocol) -> Fault:
    about = "obeys a command that was slipped in before encryption"
    return Fault(about, ("MODE-207",), protocol, STARTTLS, habits=Habits(obeys_injected=True))


_STARTTLS: Mapping[str, Fault] = {
    "no-starttls-smtp": _without_starttls(SMTP, "SIZE 10000000"),
    "no-starttls-submission": _without_starttls(SUBMISSION, "SIZE 10000000"),
    "no-starttls-imap": _without_starttls(IMAP, "IMAP4rev1", "LOGINDISABLED"),
    "no-starttls-pop3": _without_starttls(POP3, "UIDL"),
    "no-starttls-sieve": _without_starttls(SIEVE, '"SASL" ""'),
    "starttls-refused": Fault(
        "offers encryption and refuses it",
        ("MODE-203",),
        SUBMISSION,
        STARTTLS,
        habits=Habits(upgrade="454 TLS not available due to temporary reason"),
    ),
    "starttls-refused-imap": Fault(
        "offers encryption and refuses it",
        ("MODE-203",),
        tls=STARTTLS,
        habits=Habits(upgrade="{tag} NO not now"),
    ),
    "starttls-garbage": Fault(
        "answers the request to encrypt with what is no answer",
        ("TLS-408",),
        SUBMISSION,
        STARTTLS,
        habits=Habits(upgrade="hello?"),
    ),
    "starttls-silent": Fault(
        "agrees to encrypt, and then says nothing",
        ("TLS-408",),
        POP3,
        STARTTLS,
        habits=Habits(upgrade="+OK go", stalls=True),
    ),
    "starttls-stripped": Fault(
        "something on the way has crossed out the offer of encryption",
        ("MODE-205",),
        SMTP,
        STARTTLS,
        habits=Habits(clear=("SIZE 10000000", "XXXXXXXA", "8BITMIME")),
    ),
    **{f"injection-{one}": _obeying(one) for one in (SMTP, SUBMISSION, IMAP, POP3, SIEVE)},
    "auth-in-clear": Fault(
        "lets people sign in before encryption",
        ("MODE-204",),
        SUBMISSION,
        STARTTLS,
        habits=Habits(clear=("STARTTLS", "AUTH PLAIN LOGIN")),
    ),
    "auth-in-clear-smtp": Fault(
        "lets people sign in before encryption, on the port between servers",
        ("MODE-204",),
        SMTP,
        STARTTLS,
        habits=Habits(clear=("STARTTLS", "AUTH=LOGIN")),
    ),
    "login-in-clear": Fault(
        "lets people sign in before encryption",
        ("MODE-204",),
        tls=STARTTLS,
        habits=Habits(clear=("IMAP4rev1", "STARTTLS")),
    ),
    "user-in-clear": Fault(
        "lets people sign in before encryption",
        ("MODE-204",),
        POP3,
        STARTTLS,
        habits=Habits(clear=("STLS", "USER")),
    ),
    "sasl-in-clear": Fault(
        "lets people sign in before encryption",
        ("MODE-204",),
        SIEVE,
        STARTTLS,
        habits=Habits(clear=('"SASL" "PLAIN"', '"STARTTLS"')),
    ),
    "preauth": Fault(
        "says that one is signed in already, so that nothing gets encrypted",
        ("MODE-203",),
        tls=STARTTLS,
        habits=Habits(greeting="* PREAUTH [CAPABILITY IMAP4rev1] welcome"),
    ),
}

_A_THOUSAND = tuple(f"X{number}" for number in range(1000))

_TURNED_AWAY: Mapping[str, Fault] = {
    "turned-away-421": Fault(
        "turns us away for now",
        ("CONN-108",),
        SMTP,
        STARTTLS,
        habits=Habits(greeting="421 4.7.0 too many connections", leaves=True),
    ),
    "turned-away-554": Fault(
        "turns us away for good",
        ("CONN-108",),
        SMTP,
        STARTTLS,
        habits=Habits(greeting="554 5.7.1 your address is on a list", leaves=True),
    ),
    "turned-away-imap": Fault(
        "turns us away", ("CONN-108",), habits=Habits(greeting="* BYE too many tries", leaves=True)
    ),
    "turned-away-pop3": Fault(
        "turns us away", ("CONN-108",), POP3, habits=Habits(greeting="-ERR busy", leaves=True)
    ),
    "late": Fault(
        "greets late, and is well", protocol=SMTP, tls=STARTTLS, habits=Habits(waits=True)
    ),
    "late-submission": Fault(
        "greets late, and is well", protocol=SUBMISSION, tls=STARTTLS, habits=Habits(waits=True)
    ),
    "flood": Fault(
        "offers a thousand things, and is well",
        tls=STARTTLS,
        habits=Habits(clear=("IMAP4rev1", "STARTTLS", "LOGINDISABLED", *_A_THOUSAND)),
    ),
}

HEALTHY: Mapping[str, Fault] = {
    f"healthy-{protocol}-{tls}": Fault("all is well", (), protocol, tls)
    for protocol, _, tls in STANDARD
}

FAULTS: Mapping[str, Fault] = {
    **HEALTHY,
    **_NOBODY,
    **_NOT_MAIL,
    **_WRONG_WAY,
    **_HANDSHAKES,
    **_STARTTLS,
    **_TURNED_AWAY,
}
