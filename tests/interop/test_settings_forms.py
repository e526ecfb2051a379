"""Written settings before foreign readers: xmllint, openssl, zbarimg."""

import plistlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric import rsa

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.autoconfig import write_autoconfig
from mailclad.services.client_setup.forms import FORMS
from mailclad.services.client_setup.mobileconfig import write_mobileconfig
from mailclad.services.client_setup.qr_deltachat import write_qr_deltachat
from mailclad.services.client_setup.qr_picture import qr_png, qr_svg
from mailclad.services.client_setup.qr_thunderbird import write_qr_thunderbird
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.signing import signed
from tests.certificates import make
from tests.interop.demo import run

pytestmark = pytest.mark.interop("xmllint", "openssl", "zbarimg")

GRAMMAR = Path(__file__).parents[1] / "services" / "client_setup" / "autoconfig.rng"
LETTERS = Secret(b"abcdefghijklmnop")
HOST = "mail.example.net"
SETTINGS = ClientSettings(
    "ada@example.net",
    "example.net",
    tuple(
        Endpoint(protocol, HOST, port, tls)
        for protocol, port, tls in (
            (MailProtocol.IMAP, 993, TlsMode.IMPLICIT),
            (MailProtocol.IMAP, 143, TlsMode.STARTTLS),
            (MailProtocol.POP3, 995, TlsMode.IMPLICIT),
            (MailProtocol.SUBMISSION, 465, TlsMode.IMPLICIT),
            (MailProtocol.SUBMISSION, 587, TlsMode.STARTTLS),
        )
    ),
    "Ada & Söhne <Lovelace>",
)


def lint(tmp_path: Path, octets: bytes, *, ok: bool) -> None:
    file = tmp_path / "config.xml"
    file.write_bytes(octets)
    run("xmllint", "--noout", "--nonet", "--relaxng", GRAMMAR, file, ok=ok)


def test_autoconfig_keeps_to_its_grammar(tmp_path: Path) -> None:
    octets = write_autoconfig(replace(SETTINGS, help_page=f"https://{HOST}/setup?a=b&c=d"))
    lint(tmp_path, octets, ok=True)
    lint(tmp_path, FORMS["autoconfig"](ClientSettings("", "x.test", ())), ok=True)
    lint(tmp_path, octets.replace(b"SSL", b"TLS"), ok=False)
    lint(tmp_path, octets.replace(b"<port>993", b"<port>"), ok=False)


def test_autodiscover_is_well_formed_and_of_its_name_space(tmp_path: Path) -> None:
    file = tmp_path / "autodiscover.xml"
    file.write_bytes(FORMS["autodiscover"](SETTINGS))
    path = "//*[namespace-uri()='{}'][local-name()='Protocol']".format(
        "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    )
    said = run("xmllint", "--nonet", "--xpath", f"count({path})", file).stdout
    assert said.strip() == b"3"


@pytest.mark.parametrize("key", [None, rsa.generate_private_key(65537, 2048)], ids=["ec", "rsa"])
def test_a_signed_profile_is_verified_by_openssl(
    tmp_path: Path, key: rsa.RSAPrivateKey | None
) -> None:
    root = make("a test's CA", authority=True)
    served = make(HOST, [HOST], root, key=key).served()
    profile = write_mobileconfig(SETTINGS)
    (tmp_path / "signed").write_bytes(signed(profile, served.chain_pem, served.key_pem))
    (tmp_path / "root.pem").write_bytes(root.pem)
    out = tmp_path / "profile"
    verify = ["openssl", "cms", "-verify", "-inform", "DER", "-purpose", "any"]
    run(*verify, "-in", tmp_path / "signed", "-CAfile", tmp_path / "root.pem", "-out", out)
    assert out.read_bytes() == profile
    broken = (tmp_path / "signed").read_bytes().replace(b"993", b"994")
    (tmp_path / "signed").write_bytes(broken)
    run(*verify, "-in", tmp_path / "signed", "-CAfile", tmp_path / "root.pem", ok=False)


REQUIRED = {
    "EmailAccountType", "IncomingMailServerAuthentication", "IncomingMailServerHostName",
    "OutgoingMailServerAuthentication", "OutgoingMailServerHostName", "PayloadType",
    "PayloadVersion", "PayloadIdentifier", "PayloadUUID",
}  # fmt: skip
KNOWN = REQUIRED | {
    "EmailAccountName", "EmailAccountDescription", "EmailAddress", "IncomingMailServerPortNumber",
    "IncomingMailServerUseSSL", "IncomingMailServerUsername", "OutgoingMailServerPortNumber",
    "OutgoingMailServerUseSSL", "OutgoingMailServerUsername", "IncomingPassword",
    "OutgoingPasswordSameAsIncomingPassword", "PayloadDisplayName",
}  # fmt: skip
"""Apple's com.apple.mail.managed: a key that it does not know would be passed over."""


@pytest.mark.parametrize("letters", [None, LETTERS])
def test_a_profile_has_the_keys_that_apple_knows(letters: Secret | None) -> None:
    authority = make("a test's CA", authority=True).der
    settings = replace(SETTINGS, authority=authority)
    profile = plistlib.loads(write_mobileconfig(settings, letters))
    mail, root = profile["PayloadContent"]
    assert set(mail) >= REQUIRED
    assert set(mail) <= KNOWN
    assert mail["IncomingMailServerUseSSL"] is True
    assert mail["OutgoingMailServerUseSSL"] is True
    assert (mail["IncomingMailServerPortNumber"], mail["OutgoingMailServerPortNumber"]) == (
        993,
        465,
    )
    assert ("IncomingPassword" in mail) is (letters is not None)
    assert root["PayloadType"] == "com.apple.security.root"
    assert root["PayloadContent"] == authority
    identifiers = [one["PayloadUUID"] for one in (profile, mail, root)]
    assert len(set(identifiers)) == 3
    again = plistlib.loads(write_mobileconfig(settings, letters))
    assert again["PayloadUUID"] == profile["PayloadUUID"]


@pytest.mark.parametrize("write", [write_qr_thunderbird, write_qr_deltachat])
def test_a_camera_reads_what_was_written(
    tmp_path: Path, write: Callable[[ClientSettings, Secret], bytes]
) -> None:
    long = ClientSettings(
        f"{'a' * 30}@{'b' * 20}.example.net", "example.net", SETTINGS.endpoints, "Ada"
    )
    for settings in (SETTINGS, long):
        text = write(settings, LETTERS)
        assert int(segno.make_qr(text, error="m").version) <= 15
        picture = tmp_path / "code.png"
        picture.write_bytes(qr_png(text))
        said = run("zbarimg", "--quiet", "--raw", "-Sbinary", picture).stdout
        assert said.rstrip(b"\n") == text


def test_the_picture_for_pages_needs_no_style_and_no_script() -> None:
    svg = qr_svg(b"<script>alert(1)</script>")
    assert svg.startswith("<svg")
    assert not re.search(r"style=|<style|<script|on\w+=", svg)
