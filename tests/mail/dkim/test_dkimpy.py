"""dkimpy as the other side: it verifies ours, we verify its own, in all canonical forms."""

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dkim.outcome import Outcome
from mailclad.mail.dkim.signing_key import SigningKey, public_record
from mailclad.mail.dkim.verify import verify_dkim
from tests.mail.dkim.fake import DNS, ED25519, MESSAGE, NOW, RSA, pem, run, signed

BESIDE = Path(__file__).parents[4] / "shared" / "corpus"
CORPUS = Path(os.environ.get("MAILCLAD_CORPUS") or BESIDE)
FILES = sorted(path for path in CORPUS.glob("*/*") if path.suffix in {".eml", ".txt", ".msg"})[::5]

FORMS = [b"simple", b"relaxed"]
KEYS = [RSA, ED25519]


def txt(name: bytes, timeout: int = 5) -> str | None:
    for key in KEYS:
        if name.decode() == f"{key.selector}._domainkey.{key.domain}.":
            return public_record(key)
    return None


def private_of(key: SigningKey) -> bytes:
    if isinstance(key.private, RSAPrivateKey):
        return pem(key.private)
    assert isinstance(key.private, Ed25519PrivateKey)
    octets = key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return base64.b64encode(octets)


def signed_by_dkimpy(
    message: bytes, key: SigningKey, forms: tuple[bytes, bytes], **options: bool
) -> bytes:
    field: bytes = dkim.sign(
        message,
        key.selector.encode(),
        key.domain.encode(),
        private_of(key),
        canonicalize=forms,
        signature_algorithm=f"{key.kind}-sha256".encode(),
        **options,
    )
    return field + message


def outcome(message: bytes) -> tuple[Outcome, str]:
    result = run(verify_dkim(message, DNS, NOW + 10**10))[0]
    return result.outcome, result.problem


@pytest.mark.parametrize("key", KEYS, ids=lambda key: str(key.kind))
@pytest.mark.parametrize("header", FORMS)
@pytest.mark.parametrize("body", FORMS)
@pytest.mark.parametrize("length", [False, True])
def test_its_signatures(key: SigningKey, header: bytes, body: bytes, length: bool) -> None:
    message = signed_by_dkimpy(MESSAGE, key, (header, body), length=length)
    assert outcome(message) == (Outcome.PASS, "")
    assert outcome(message.replace(b"as we", b"as I"))[0] is Outcome.FAIL
    assert outcome(message.replace(b"Subject:  What", b"Subject:  Who"))[0] is Outcome.FAIL


@pytest.mark.parametrize("key", KEYS, ids=lambda key: str(key.kind))
def test_it_verifies_ours(key: SigningKey) -> None:
    message = signed(by=key)
    assert dkim.verify(message, dnsfunc=txt)
    assert not dkim.verify(message.replace(b"as we", b"as I"), dnsfunc=txt)


def agree_on(message: bytes, key: SigningKey) -> None:
    assert dkim.verify(signed(message, key), dnsfunc=txt)
    for header in FORMS:
        for body in FORMS:
            assert outcome(signed_by_dkimpy(message, key, (header, body))) == (Outcome.PASS, "")


WORDS = st.lists(st.sampled_from(["a", " ", "\t", "  ", "é", "=", ";", "b=", ":"])).map("".join)
LINES = st.lists(WORDS.map(lambda line: f"{line}.\r\n") | st.sampled_from(["\r\n", " \t\r\n"]))


@given(
    st.lists(st.tuples(st.sampled_from(["To", "SUBJECT", "x-Y", "List-Id"]), WORDS), max_size=8),
    LINES,
    st.sampled_from([" ", "\t", "\r\n ", " \r\n\t"]),
)
def test_made_messages(fields: list[tuple[str, str]], lines: list[str], blank: str) -> None:
    header = "".join(f"{name}:{blank}{value}.{blank}!\r\n" for name, value in fields)
    body = "".join(lines) + "end\r\n"
    agree_on(f"From: a@example.org\r\n{header}\r\n{body}".encode(), ED25519)


def usable(octets: bytes) -> bool:
    """dkimpy raises on lines that are no fields, and takes more than blanks for blanks."""
    header, _, body = octets.partition(b"\r\n\r\n")
    lines = re.sub(rb"\r\n[ \t]", b" ", header).split(b"\r\n")
    return (
        b"\r" not in octets.replace(b"\r\n", b"")
        and not re.search(rb"[\v\f]", header)
        and all(re.match(rb"[!-9;-~]+:|From ", line) for line in lines)
        and re.search(rb"^From:", header, re.IGNORECASE | re.MULTILINE) is not None
        and body.endswith(b"\r\n")
    )


SAMPLES: dict[str, Callable[[bytes], bytes]] = {
    "LF": lambda octets: octets.replace(b"\r\n", b"\n"),
    "CRLF": lambda octets: octets,
}


@pytest.mark.slow
@pytest.mark.parametrize("line_end", SAMPLES)
def test_the_corpus(line_end: str) -> None:
    messages = [re.sub(rb"\r?\n", b"\r\n", path.read_bytes()) for path in FILES]
    found = [octets for octets in messages if usable(octets)]

    assert not FILES or len(found) > len(FILES) // 4
    for octets in found:
        agree_on(SAMPLES[line_end](octets), ED25519)
