"""A domain with everything, for tests of its records."""

from dataclasses import replace

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.dkim.signing_key import KeyKind, make_key
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.mail.mta_sts import StsMode, make_policy
from mailclad.services.provision.dns_records import DomainFacts
from mailclad.store.signing_keys import KeyState, StoredKey
from tests.certificates import make

ROOT = make("root", authority=True)
LEAF = make("leaf", ["mail.example.test", "mta-sts.example.test"], ROOT)


def key(selector: str, kind: KeyKind, state: KeyState = KeyState.ACTIVE) -> StoredKey:
    return StoredKey("example.test", selector, kind, Secret(make_key(kind).reveal()), state, 0)


BARE = DomainFacts("example.test", "mail.example.test")
FULL = replace(
    BARE,
    addresses=("192.0.2.1", "2001:db8::1"),
    endpoints=(
        Endpoint(MailProtocol.IMAP, "mail.example.test", 993, TlsMode.IMPLICIT),
        Endpoint(MailProtocol.SUBMISSION, "mail.example.test", 465, TlsMode.IMPLICIT),
        Endpoint(MailProtocol.SUBMISSION, "mail.example.test", 587, TlsMode.STARTTLS),
    ),
    keys=(
        key("r1", KeyKind.RSA),
        key("e1", KeyKind.ED25519, KeyState.PREPARED),
        key("e0", KeyKind.ED25519, KeyState.RETIRED),
    ),
    policy=make_policy("example.test", StsMode.TESTING, ["mail.example.test"], 86400),
    leaves=(LEAF.der,),
    help_page="https://mail.example.test/setup",
    certified=True,
    dmarc_reports="dmarc@example.test",
    tls_reports="tlsrpt@example.test",
)
