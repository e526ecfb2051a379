"""mbsync, fetchmail and mpop fetch over 993, 995, 143 and 110."""

import sys
from pathlib import Path

import pytest

from tests.interop.demo import Demo, run

pytestmark = pytest.mark.slow


@pytest.mark.interop("mbsync")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_mbsync_copies_both_ways(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    with demo.imap(demo.grace) as client:
        client.create(token)
        for n in range(3):
            letter = f"Subject: {token} {n}\r\n\r\nHello.\r\n".encode()
            client.append(token, "(\\Seen)" if n else "", '"01-Jan-2026 10:00:00 +0000"', letter)
    rc = _mbsyncrc(demo, token, tls, tmp_path)

    run("mbsync", "--config", rc, "all", seconds=60)
    arrived = sorted((tmp_path / "mail" / token).glob("*/*"))
    assert len(arrived) == 3
    assert sum(path.name.endswith(":2,S") for path in arrived) == 2

    (tmp_path / "mail" / token / "new" / "1.local").write_text(f"Subject: {token} local\n\nHi.\n")
    (tmp_path / "mail" / token / "cur" / arrived[0].name).unlink(missing_ok=True)
    run("mbsync", "--config", rc, "all", seconds=60)
    with demo.imap(demo.grace) as client:
        client.select(token)
        assert len(client.search(None, "SUBJECT", "local")[1][0].split()) == 1


@pytest.mark.interop("mbsync")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_mbsync_without_the_ca_refuses(demo: Demo, tls: str, tmp_path: Path) -> None:
    rc = _mbsyncrc(demo, "INBOX", tls, tmp_path)
    rc.write_text(rc.read_text().replace(demo.ca, "/etc/ssl/certs/ca-certificates.crt"))

    refused = run("mbsync", "--config", rc, "all", ok=False)

    assert b"certificate" in (refused.stdout + refused.stderr).lower()


FETCHMAIL = {
    ("imap", "implicit"): "ssl",
    ("imap", "starttls"): 'sslproto "TLS1.2+"',
    ("pop3", "implicit"): "ssl",
    ("pop3", "starttls"): 'sslproto "TLS1.2+"',
}


@pytest.mark.interop("fetchmail")
@pytest.mark.parametrize(("service", "tls"), FETCHMAIL)
def test_fetchmail(demo: Demo, token: str, service: str, tls: str, tmp_path: Path) -> None:
    demo.send(token)
    fetched = tmp_path / "fetched"
    rc = _fetchmailrc(demo, service, tls, tmp_path, demo.ca, f"cat >> {fetched}")

    run(
        "fetchmail",
        "--pidfile",
        tmp_path / "pid",
        "--fetchmailrc",
        rc,
        "--all",
        "--keep",
        seconds=60,
    )

    assert token.encode() in fetched.read_bytes()


@pytest.mark.interop("fetchmail")
@pytest.mark.parametrize(("service", "tls"), FETCHMAIL)
def test_fetchmail_without_the_ca_refuses(
    demo: Demo, service: str, tls: str, tmp_path: Path
) -> None:
    system = "/etc/ssl/certs/ca-certificates.crt"
    rc = _fetchmailrc(demo, service, tls, tmp_path, system, "cat")

    refused = run(
        "fetchmail",
        "--pidfile",
        tmp_path / "pid",
        "--fetchmailrc",
        rc,
        "--all",
        "--keep",
        ok=False,
    )

    assert b"certificate" in (refused.stdout + refused.stderr).lower()


@pytest.mark.interop("mpop")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_mpop(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    demo.send(token)
    rc = tmp_path / "mpoprc"
    rc.write_text(f"""
account default
host localhost
port {demo.ports["pop3", tls]}
tls on
tls_starttls {"off" if tls == "implicit" else "on"}
tls_trust_file {demo.ca}
auth plain
user {demo.grace}
password {demo.passwords[demo.grace]}
keep on
uidls_file {tmp_path}/uidls
delivery mbox {tmp_path}/mbox
""")
    rc.chmod(0o600)

    run("mpop", f"--file={rc}", seconds=60)

    assert token.encode() in (tmp_path / "mbox").read_bytes()


def _mbsyncrc(demo: Demo, mailbox: str, tls: str, folder: Path) -> Path:
    (folder / "mail").mkdir(exist_ok=True)
    rc = folder / "mbsyncrc"
    rc.write_text(f"""
IMAPStore far
Host localhost
Port {demo.ports["imap", tls]}
User {demo.grace}
Pass {demo.passwords[demo.grace]}
SSLType {"IMAPS" if tls == "implicit" else "STARTTLS"}
SystemCertificates no
CertificateFile {demo.ca}

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns {mailbox}
Create Near
Sync All
SyncState {folder}/
""")
    return rc


def _fetchmailrc(demo: Demo, service: str, tls: str, folder: Path, ca: str, deliver: str) -> Path:
    rc = folder / "fetchmailrc"
    rc.write_text(
        f"poll localhost service {demo.ports[service, tls]} protocol {service}\n"
        f' user "{demo.grace}" password "{demo.passwords[demo.grace]}"\n'
        f' {FETCHMAIL[service, tls]} sslcertck sslcertfile "{ca}" nosslcertpath\n'.replace(
            " nosslcertpath", ""
        )
        + f' mda "{deliver}"\n'
    )
    rc.chmod(0o600)
    assert sys.platform == "linux"
    return rc
