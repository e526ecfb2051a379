"""curl speaks IMAP, POP3 and SMTP: each by implicit TLS and by STARTTLS."""

from email.policy import SMTP
from pathlib import Path

import pytest

from tests.interop.demo import Demo, message, run

pytestmark = [pytest.mark.interop("curl"), pytest.mark.slow]

SCHEMES = {
    ("imap", "implicit"): "imaps",
    ("imap", "starttls"): "imap",
    ("pop3", "implicit"): "pop3s",
    ("pop3", "starttls"): "pop3",
    ("submission", "implicit"): "smtps",
    ("submission", "starttls"): "smtp",
}


def curl(demo: Demo, service: str, tls: str, who: str, *options: str, path: str = "") -> bytes:
    port = demo.ports[service, tls]
    url = f"{SCHEMES[service, tls]}://localhost:{port}/{path}"
    login = f"{who}:{demo.passwords[who]}"
    return run(
        "curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", demo.ca,
        "--user", login, *options, url,
    ).stdout  # fmt: skip


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_curl_reads_by_imap(demo: Demo, token: str, tls: str) -> None:
    demo.send(token)

    found = curl(demo, "imap", tls, demo.grace, path=f"INBOX?SUBJECT%20{token}")
    number = found.split()[-1].decode()
    assert token.encode() in curl(demo, "imap", tls, demo.grace, path=f"INBOX;MAILINDEX={number}")
    assert b"INBOX" in curl(demo, "imap", tls, demo.grace)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_curl_reads_by_pop3(demo: Demo, token: str, tls: str) -> None:
    demo.send(token)

    last = curl(demo, "pop3", tls, demo.grace).split(b"\r\n")[-2].split()[0].decode()
    assert token.encode() in curl(demo, "pop3", tls, demo.grace, path=last)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_curl_submits(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_bytes(message(demo.ada, demo.grace, token, "Hello.\n").as_bytes(policy=SMTP))

    envelope = ["--mail-from", demo.ada, "--mail-rcpt", demo.grace, "--upload-file", str(letter)]
    curl(demo, "submission", tls, demo.ada, *envelope)

    assert len(demo.received(token)) == 1


@pytest.mark.parametrize(("service", "tls"), SCHEMES)
def test_curl_without_the_ca_refuses(demo: Demo, service: str, tls: str) -> None:
    url = f"{SCHEMES[service, tls]}://localhost:{demo.ports[service, tls]}/"
    refused = run("curl", "--silent", "--ssl-reqd", "--user", "ada:secret", url, ok=False)

    assert refused.returncode == 60  # the peer's certificate cannot be authenticated


def test_curl_speaking_http_to_a_mail_port_is_told_and_cut_off(demo: Demo, token: str) -> None:
    """What it sent never comes back: a browser must not be shown its own words (ALPACA)."""
    port = demo.ports["imap", "implicit"]
    options = ["--silent", "--no-alpn", "--http0.9", "--max-time", "10", "--cacert", demo.ca]
    told = run("curl", *options, f"https://localhost:{port}/{token}").stdout

    assert told.endswith(b"* BYE this is not a web server\r\n")
    assert token.encode() not in told
