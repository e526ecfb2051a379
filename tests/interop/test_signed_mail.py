"""Mail that dkimpy and OpenDKIM have signed comes in over the wire: what our whole server finds.

The keys are in signed zones; the mail comes from a public address (``island``), so it is judged.
"""

import base64
import re
import smtplib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailclad.mail.dkim.signing_key import KeyKind, SigningKey, public_record
from mailclad.services.provision.zone_text import quoted
from tests.dns.signed import Zone, signed_internet
from tests.interop.island import island, needs_root
from tests.interop.neighbours import ANN, HERE, OUR_ADDRESS, Station
from tests.interop.test_opendkim import opendkim
from tests.mail.dkim.fake import key, pem

pytestmark = [
    pytest.mark.interop("nsd", "ldns-signzone", "unbound", "ip", "opendkim"),
    pytest.mark.xdist_group("signed mail"),
    pytest.mark.slow,
    needs_root,
]

THEIR_ADDRESS = "45.0.9.1"
RSA, ED25519 = key(KeyKind.RSA, "signer.test"), key(KeyKind.ED25519, "signer.test")
LIST = key(KeyKind.RSA, "list.test")
LETTER = (
    b"From: Ada <ada@signer.test>\r\nTo: ann@here.test\r\nSubject: what we said\r\n"
    b"Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@signer.test>\r\n\r\nas we said\r\n"
)


def record(one: SigningKey) -> str:
    return f"{one.selector}._domainkey.{one.domain}. TXT {quoted(public_record(one))}"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    policies = [
        '_dmarc.signer TXT "v=DMARC1; p=reject"',
        'signer TXT "v=spf1 -all"',
        "signer MX 10 mx.signer",
        f'list TXT "v=spf1 ip4:{THEIR_ADDRESS} -all"',
        "list MX 10 mx.signer",
        f"mx.signer A {THEIR_ADDRESS}",
    ]
    zone = Zone("test", [*policies, *map(record, (RSA, ED25519, LIST))])
    with ExitStack() as stack:
        stack.enter_context(island())
        internet = stack.enter_context(signed_internet(tmp_path_factory.mktemp("dns"), [zone]))
        station = stack.enter_context(Station(HERE, OUR_ADDRESS, internet, sealers=["list.test"]))
        station.add_account(ANN)
        yield station


def send(octets: bytes, sender: str) -> None:
    with smtplib.SMTP(OUR_ADDRESS, 25, source_address=(THEIR_ADDRESS, 0)) as client:
        client.sendmail(sender, [ANN], octets, ["BODY=8BITMIME"])


def found(ours: Station, octets: bytes) -> str:
    """What stands above the message that ends so, in Ann's INBOX."""
    (whole,) = [one for one in ours.octets(ANN) if one.endswith(octets)]
    return whole.removesuffix(octets).decode()


def by_dkimpy(by: SigningKey, message: bytes = LETTER) -> bytes:
    private = by.private
    secret = (
        pem(private)
        if isinstance(private, RSAPrivateKey)
        else base64.b64encode(private.private_bytes_raw())
    )
    algorithm = f"{by.kind}-sha256".encode()
    field: bytes = dkim.sign(
        message,
        by.selector.encode(),
        by.domain.encode(),
        secret,
        canonicalize=(b"relaxed", b"relaxed"),
        signature_algorithm=algorithm,
    )
    return field + message


def by_opendkim(directory: Path) -> bytes:
    file = directory / "pem"
    file.write_bytes(RSA.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    said = opendkim(
        directory, LETTER, Mode="s", Domain=RSA.domain, Selector=RSA.selector, KeyFile=file,
        SignatureAlgorithm="rsa-sha256", Canonicalization="relaxed/simple", RequireSafeKeys="no",
    )  # fmt: skip
    field = re.search(r"hname='DKIM-Signature' hvalue='([^']*)'", said)
    assert field is not None, said
    return f"DKIM-Signature: {field[1]}\n".replace("\n", "\r\n").encode() + LETTER


@pytest.mark.parametrize(
    "signed",
    [lambda _: by_dkimpy(RSA), lambda _: by_dkimpy(ED25519), by_opendkim],
    ids=["dkimpy rsa", "dkimpy ed25519", "opendkim"],
)
def test_a_good_signature_passes(
    signed: Callable[[Path], bytes], ours: Station, tmp_path: Path
) -> None:
    """SPF says no, DKIM alone carries it past p=reject."""
    octets = signed(tmp_path)
    send(octets, "ada@signer.test")
    above = found(ours, octets)
    assert re.search(r"dkim=pass\s+header\.d=signer\.test", above), above
    assert "dmarc=pass" in above
    assert "spf=fail" in above


def test_a_spoiled_one_is_refused(ours: Station) -> None:
    spoiled = by_dkimpy(RSA).replace(b"as we said\r\n", b"as I said\r\n")
    with pytest.raises(smtplib.SMTPDataError) as caught:
        send(spoiled, "ada@signer.test")
    assert caught.value.smtp_code == 550


def test_a_list_that_is_trusted_may_seal_what_it_changed(ours: Station) -> None:
    """dkimpy verifies as the list did, seals with ARC, and the footer breaks Ada's signature."""
    came = by_dkimpy(RSA)
    noted = b"Authentication-Results: list.test; arc=none; dkim=pass header.d=signer.test; "
    noted += b"dmarc=pass header.from=signer.test\r\n"
    changed = came + b"-- \r\nthe list\r\n"
    assert isinstance(LIST.private, RSAPrivateKey)
    secret = pem(LIST.private)
    fields = dkim.arc_sign(
        noted + changed, LIST.selector.encode(), b"list.test", secret, b"list.test"
    )
    octets = b"".join(fields) + changed
    send(octets, "bounces@list.test")
    above = found(ours, octets)
    assert "arc=pass" in above
    assert "dmarc=fail" in above
