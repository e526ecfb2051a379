"""OpenDKIM as the other side, in its test mode: no service, its DNS is a file."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailclad.mail.dkim.outcome import Outcome
from mailclad.mail.dkim.signing_key import SigningKey, public_record
from tests.interop.demo import run
from tests.mail.dkim.fake import ED25519, MESSAGE, RSA, signed, verify

PLAIN = MESSAGE.replace(b"Subject:  What  we  said \r\n", b"Subject: What we said\r\n")
"""Its test mode takes blanks off a field's value before it signs it."""

pytestmark = [pytest.mark.interop("opendkim"), pytest.mark.slow]


def opendkim(directory: Path, message: bytes, **settings: str | Path) -> str:
    """What it says about a message; line ends as it printed them."""
    settings["TemporaryDirectory"] = directory
    (directory / "conf").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    (directory / "message").write_bytes(message)
    done = run("opendkim", "-v", "-v", "-x", directory / "conf", "-t", directory / "message")
    return done.stdout.decode()


@pytest.mark.parametrize("key", [RSA, ED25519], ids=lambda key: str(key.kind))
def test_it_verifies_ours(key: SigningKey, tmp_path: Path) -> None:
    dns = tmp_path / "dns"
    dns.write_text(f"{key.selector}._domainkey.{key.domain} {public_record(key)}\n")
    message = signed(by=key)

    assert "dkim=pass" in opendkim(tmp_path, message, TestDNSData=f"file:{dns}")
    spoiled = message.replace(b"as we", b"as I")
    assert "dkim=fail" in opendkim(tmp_path, spoiled, TestDNSData=f"file:{dns}")


@pytest.mark.parametrize("header", ["simple", "relaxed"])
@pytest.mark.parametrize("body", ["simple", "relaxed"])
def test_we_verify_its_own(header: str, body: str, tmp_path: Path) -> None:
    pem = tmp_path / "pem"
    pem.write_bytes(RSA.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem.chmod(0o600)
    said = opendkim(
        tmp_path, PLAIN, Mode="s", Domain=RSA.domain, Selector=RSA.selector, KeyFile=pem,
        SignatureAlgorithm="rsa-sha256", Canonicalization=f"{header}/{body}",
        OversignHeaders="From", RequireSafeKeys="no",
    )  # fmt: skip
    field = re.search(r"hname='DKIM-Signature' hvalue='([^']*)'", said)
    assert field is not None, said
    own = f"DKIM-Signature: {field[1]}\n".replace("\n", "\r\n").encode()

    assert verify(own + PLAIN).outcome is Outcome.PASS, verify(own + PLAIN).problem
