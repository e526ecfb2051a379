"""Real milters beside a running server: OpenDKIM signs and verifies, rspamd's proxy judges."""

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailclad.mail.dkim.outcome import Outcome
from mailclad.mail.dkim.signing_key import public_record
from tests.filters.served import ADA, GRACE, FilteredServer, message, milter
from tests.mail.dkim.fake import RSA, FakeResolver, signed, verify

pytestmark = [pytest.mark.slow]


@contextlib.contextmanager
def opendkim(folder: Path, **settings: str | Path) -> Iterator[str]:
    """A running OpenDKIM; its socket, as our configuration names it."""
    path = folder / "opendkim.sock"
    lines = {"Socket": f"local:{path}", "TemporaryDirectory": folder, "Syslog": "no", **settings}
    (folder / "conf").write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
    child = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", str(folder / "conf")])
    try:
        until = time.monotonic() + 20
        while not path.exists():
            assert child.poll() is None, "opendkim ended"
            assert time.monotonic() < until, "opendkim makes no socket"
            time.sleep(0.01)
        yield f"unix:{path}"
    finally:
        child.terminate()
        child.wait(20)


@pytest.mark.interop("opendkim")
def test_opendkim_verifies_what_comes_in(tmp_path: Path) -> None:
    dns = tmp_path / "dns"
    dns.write_text(f"{RSA.selector}._domainkey.{RSA.domain} {public_record(RSA)}\n")
    with (
        opendkim(tmp_path, Mode="v", TestDNSData=f"file:{dns}", AlwaysAddARHeader="yes") as socket,
        FilteredServer(milter(socket)) as server,
    ):
        good = signed(by=RSA)
        assert server.take(good)[0] == 250
        assert server.take(good.replace(b"as we", b"as I"))[0] == 250
        first, second = server.messages(ADA)
        assert "dkim=pass" in first["Authentication-Results"]
        assert "dkim=fail" in second["Authentication-Results"]
        (octets, _) = server.octets(ADA)
        # Our Received comes below what a filter of ours says, the message's own fields below it.
        assert octets.index(b"\nAuthentication-Results:") < octets.index(b"\nReceived:")
        assert octets.endswith(good)


@pytest.mark.interop("opendkim")
def test_opendkim_signs_what_our_people_send(tmp_path: Path) -> None:
    pem = tmp_path / "pem"
    pem.write_bytes(RSA.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem.chmod(0o600)
    settings: dict[str, str | Path] = {
        "Mode": "s", "Domain": "example.test", "Selector": RSA.selector, "KeyFile": pem,
        "SignatureAlgorithm": "rsa-sha256", "RequireSafeKeys": "no",
    }  # fmt: skip
    mine = message().replace(b"bob@elsewhere.example", ADA.encode())
    with opendkim(tmp_path, **settings) as socket, FilteredServer(milter(socket)) as server:
        assert server.submit(mine)[0] == 250
        (octets,) = server.octets(GRACE)
    field = re.search(rb"^DKIM-Signature:.*?\r\n(?![ \t])", octets, re.MULTILINE | re.DOTALL)
    assert field is not None
    dns = FakeResolver({f"{RSA.selector}._domainkey.example.test": [public_record(RSA).encode()]})
    outcome = verify(field[0] + mine, dns, int(time.time()))
    assert outcome.outcome is Outcome.PASS, outcome.problem


@pytest.mark.interop("opendkim")
def test_opendkim_removes_forged_results(tmp_path: Path) -> None:
    forged = b"Authentication-Results: forged.example; dkim=pass\r\n" * 3
    settings: dict[str, str | Path] = {"Mode": "v", "AuthservID": "forged.example"}
    with opendkim(tmp_path, **settings) as socket, FilteredServer(milter(socket)) as server:
        assert server.take(forged + message())[0] == 250
        (octets,) = server.octets(ADA)
    assert b"dkim=pass" not in octets
