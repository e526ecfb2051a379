"""A resolver that knows what a test tells it, keys, and a message to sign."""

import base64
from collections.abc import Coroutine, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn, TypeVar

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mailclad.base.resolver import Answer, DnsProblem, Mx, Tlsa
from mailclad.mail.dkim.outcome import DkimResult
from mailclad.mail.dkim.sign import sign_dkim
from mailclad.mail.dkim.signing_key import (
    KeyKind,
    SigningKey,
    load_key,
    make_key,
    public_record,
)
from mailclad.mail.dkim.verify import verify_dkim

NOW = 1_767_225_600
T = TypeVar("T")

MESSAGE = (
    b"Received: from c.example.org by mx.example.org; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
    b"From: Ada <ada@example.org>\r\n"
    b"To: Bob <bob@example.net>,\r\n"
    b"\tCara  <cara@example.net>\r\n"
    b"Subject:  What  we  said \r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"\r\n"
    b"Dear  Bob, \r\n"
    b"\r\n"
    b"\tas we said.\t \r\n"
    b"\r\n"
    b"\r\n"
)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What only awaits a fake runs to its end at once."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("it waits for something")


class FakeResolver:
    """TXT records by name; a name whose value is an exception raises it."""

    def __init__(self, records: Mapping[str, Sequence[bytes] | DnsProblem]) -> None:
        self.records = records
        self.asked: list[str] = []

    async def txt(self, name: str) -> Answer[bytes]:
        self.asked.append(name)
        found = self.records.get(name)
        if isinstance(found, DnsProblem):
            raise found
        return Answer(name, tuple(found or ()), exists=found is not None)

    async def addresses(self, name: str, version: int) -> Answer[str]:
        self._not_needed()

    async def mx(self, name: str) -> Answer[Mx]:
        self._not_needed()

    async def ptr(self, address: str) -> Answer[str]:
        self._not_needed()

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        self._not_needed()

    def _not_needed(self) -> NoReturn:
        raise AssertionError("DKIM asks for TXT only")


@cache
def key(kind: KeyKind = KeyKind.RSA, domain: str = "example.org") -> SigningKey:
    return load_key(make_key(kind), domain, str(kind))


def published(*keys: SigningKey) -> FakeResolver:
    return FakeResolver(
        {f"{k.selector}._domainkey.{k.domain}": [public_record(k).encode()] for k in keys}
    )


RSA = key(KeyKind.RSA)
ED25519 = key(KeyKind.ED25519)
DNS = published(RSA, ED25519)


def signed(message: bytes = MESSAGE, by: SigningKey = ED25519) -> bytes:
    return sign_dkim(message, [by], NOW) + message


def verify(message: bytes, dns: FakeResolver = DNS, now: int = NOW) -> DkimResult:
    """Of a message with one signature."""
    results = run(verify_dkim(message, dns, now))
    assert len(results) == 1
    return results[0]


def pem(private: RSAPrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@cache
def rsa_of(bits: int) -> RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def rsa_record(
    private: RSAPrivateKey, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo
) -> bytes:
    octets = private.public_key().public_bytes(Encoding.DER, form)
    return b"v=DKIM1; p=" + base64.b64encode(octets)
