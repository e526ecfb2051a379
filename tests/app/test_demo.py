"""`mailclad demo`, whole: its one line, every port, the second start, what it leaves."""

import asyncio
import imaplib
import json
import poplib
import signal
import smtplib
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailclad.app.demo import demo_ports, ensure_passwords
from mailclad.app.demo_messages import sample_mailbox
from mailclad.app.open import opened
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.services.certificates.acme.solvers.tls_alpn_certificate import make_answer
from tests.app.served import start_demo

SERVICES = {
    ("imap", "implicit"),
    ("imap", "starttls"),
    ("pop3", "implicit"),
    ("pop3", "starttls"),
    ("submission", "implicit"),
    ("submission", "starttls"),
    ("smtp", "starttls"),
    ("lmtp", "none"),
    ("https", "implicit"),
    ("http", "none"),
}


def test_ports_are_the_standard_ones_plus_a_thousand_and_the_web_where_people_look() -> None:
    ports = demo_ports(None)
    assert sorted(ports.values()) == [1024, 1025, 1110, 1143, 1465, 1587, 1993, 1995, 8080, 8443]
    assert ports[Service.HTTPS, TlsMode.IMPLICIT] == 8443
    assert ports[Service.HTTP, TlsMode.NONE] == 8080


def test_with_an_offset_every_port_is_the_standard_one_plus_it() -> None:
    ports = demo_ports(20_000)
    assert sorted(ports.values()) == sorted(
        20_000 + port for port in (24, 25, 80, 110, 143, 443, 465, 587, 993, 995)
    )


def test_passwords_are_drawn_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    first = ensure_passwords(tmp_path)
    assert ensure_passwords(tmp_path) == first
    assert (tmp_path / "passwords.json").stat().st_mode & 0o777 == 0o600
    assert len(set(first.values())) == 2


class Demo:
    """A running demonstration and its line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.child, self.line = start_demo(folder)
        self.context = ssl.create_default_context(cafile=self.line["ca"])

    def port(self, service: str, tls: str) -> int:
        port: int = next(
            e["port"] for e in self.line["endpoints"] if (e["service"], e["tls"]) == (service, tls)
        )
        return port

    @property
    def ada(self) -> tuple[str, str]:
        return self.line["accounts"][0]["address"], self.line["accounts"][0]["password"]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.child.send_signal(number)
        out, _ = self.child.communicate(timeout=30)
        assert out == b"", "one line and no more"
        return self.child.returncode


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    made = Demo(tmp_path_factory.mktemp("demo"))
    yield made
    if made.child.poll() is None:
        made.stop()


@pytest.mark.slow
def test_the_line_names_everything(demo: Demo) -> None:
    found: set[Any] = {(e["service"], e["tls"]) for e in demo.line["endpoints"]}
    assert found == SERVICES
    assert {e["host"] for e in demo.line["endpoints"]} == {"localhost"}
    assert demo.line["pid"] == demo.child.pid
    assert Path(demo.line["ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert [a["address"] for a in demo.line["accounts"]] == [
        "ada@demo.localhost",
        "grace@demo.localhost",
    ]


@pytest.mark.slow
def test_imap_has_the_sample_mailbox(demo: Demo) -> None:
    samples = [s for s in sample_mailbox(0) if s.address == demo.ada[0] and s.mailbox == "INBOX"]
    with imaplib.IMAP4("localhost", demo.port("imap", "starttls")) as imap:
        imap.starttls(ssl_context=demo.context)
        imap.login(*demo.ada)
        assert int(imap.select()[1][0] or b"") >= len(samples)
    with imaplib.IMAP4_SSL(
        "localhost", demo.port("imap", "implicit"), ssl_context=demo.context
    ) as imaps:
        imaps.login(*demo.ada)
        imaps.select()
        assert imaps.search(None, "SUBJECT", '"Three things"')[1] != [b""]


@pytest.mark.slow
def test_pop3_on_both_ports(demo: Demo) -> None:
    pop = poplib.POP3("localhost", demo.port("pop3", "starttls"))
    pop.stls(context=demo.context)
    pops = poplib.POP3_SSL("localhost", demo.port("pop3", "implicit"), context=demo.context)
    for client in (pop, pops):
        client.user(demo.ada[0])
        client.pass_(demo.ada[1])
        assert client.stat()[0] > 0
        client.quit()


@pytest.mark.slow
def test_the_web_in_the_clear_leads_to_the_encrypted_one(demo: Demo) -> None:
    port = demo.port("http", "none")
    https = urllib.request.HTTPSHandler(context=demo.context)
    with urllib.request.build_opener(https).open(f"http://localhost:{port}/") as page:
        assert page.url == f"https://localhost:{demo.port('https', 'implicit')}/"
        assert b"IMAP" in page.read()
    with pytest.raises(urllib.error.HTTPError, match="421"):
        urllib.request.urlopen(f"http://0x7f000001:{port}/")


@pytest.mark.slow
def test_challenges_put_by_another_process_are_answered(demo: Demo) -> None:
    """By whichever worker is asked: http-01 in the clear, tls-alpn-01 in the handshake."""
    answer = make_answer("mail.demo.localhost", "token.thumb", int(time.time()))

    async def put() -> None:
        async with opened(demo.folder / "data") as things:
            until = int(time.time()) + 60
            await things.store.put_challenge("http-01", "token", "token.thumb", until)
            await things.store.put_challenge("tls-alpn-01", "mail.demo.localhost", answer, until)

    asyncio.run(put())
    url = f"http://localhost:{demo.port('http', 'none')}/.well-known/acme-challenge/token"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1"])
    for _ in range(4):
        with urllib.request.urlopen(url) as response:
            assert response.read() == b"token.thumb"
        with (
            socket.create_connection(("localhost", demo.port("https", "implicit"))) as tcp,
            context.wrap_socket(tcp, server_hostname="mail.demo.localhost") as tls,
        ):
            shown = tls.getpeercert(True)
            assert shown == ssl.PEM_cert_to_DER_cert(answer.partition("-----BEGIN PRIVATE")[0])
            assert tls.recv(1) == b""


@pytest.mark.slow
def test_mail_goes_in_by_every_way_and_arrives(demo: Demo) -> None:
    address, password = demo.ada
    letter = f"From: {address}\r\nSubject: by every way\r\n\r\nx\r\n".encode()
    with smtplib.SMTP_SSL(
        "localhost", demo.port("submission", "implicit"), context=demo.context
    ) as smtps:
        smtps.login(address, password)
        smtps.sendmail(address, [address], letter)
    for service in ("submission", "smtp"):
        with smtplib.SMTP("localhost", demo.port(service, "starttls")) as smtp:
            smtp.starttls(context=demo.context)
            if service == "submission":
                smtp.login(address, password)
            smtp.sendmail(address, [address], letter)
    with smtplib.LMTP("localhost", demo.port("lmtp", "none")) as lmtp:
        lmtp.sendmail(address, [address], letter)
    with imaplib.IMAP4_SSL(
        "localhost", demo.port("imap", "implicit"), ssl_context=demo.context
    ) as imap:
        imap.login(address, password)
        imap.select()
        (found,) = imap.search(None, "SUBJECT", '"by every way"')[1]
        assert len(found.split()) == 4


@pytest.mark.slow
def test_the_start_page_and_the_authority_are_served(demo: Demo) -> None:
    base = f"https://localhost:{demo.port('https', 'implicit')}"
    with urllib.request.urlopen(f"{base}/", context=demo.context) as page:
        text = page.read().decode()
    assert str(demo.port("imap", "implicit")) in text
    with urllib.request.urlopen(f"{base}/ca.pem", context=demo.context) as ca:
        assert ca.read() == Path(demo.line["ca"]).read_bytes()


@pytest.mark.slow
def test_a_second_start_goes_on_with_the_same_mail_and_ctrl_c_leaves_one_folder(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "demo"
    first = Demo(folder)
    with imaplib.IMAP4_SSL(
        "localhost", first.port("imap", "implicit"), ssl_context=first.context
    ) as imap:
        imap.login(*first.ada)
        imap.append("INBOX", "", "", b"Subject: mine\r\n\r\n")
    assert first.stop(signal.SIGINT) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    second = Demo(folder)
    assert second.line["accounts"] == first.line["accounts"]
    assert second.line["ca"] == first.line["ca"]
    with imaplib.IMAP4_SSL(
        "localhost", second.port("imap", "implicit"), ssl_context=second.context
    ) as imap:
        imap.login(*second.ada)
        imap.select()
        assert imap.search(None, "SUBJECT", "mine")[1] != [b""]
    assert second.stop() == 0
    assert json.loads((folder / "passwords.json").read_text())[first.ada[0]] == first.ada[1]
