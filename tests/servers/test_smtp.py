"""The standard library's smtplib and raw sockets against SMTP on loopback, with the real store."""

import asyncio
import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.app.clock import SystemClock
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.engines.spool.spool import file_spools
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.protocols.smtp.conversation import Role
from mailclad.servers import smtp
from mailclad.servers.channel import Channel
from mailclad.servers.tls import ContextTable
from mailclad.services.auth.authenticator import make_authenticator
from mailclad.services.auth.password import Argon2id, PasswordChecker
from mailclad.services.auth.throttle import ThrottleTables
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.provision.accounts import Provision
from mailclad.services.receive.reception import Reception
from mailclad.services.submit.signing import Signing
from mailclad.services.submit.submission import Submission
from mailclad.sessions.smtp.session import SubmissionDoor
from mailclad.sessions.smtp.site import make_site
from mailclad.store.model import ALL_UIDS, Column
from tests.servers.loopback import NAME, Server, client_context, read_to_end, tls_client

SERVICES = {
    Role.MX: (Service.SMTP, TlsMode.STARTTLS),
    Role.SUBMISSION: (Service.SUBMISSION, TlsMode.IMPLICIT),
    Role.LMTP: (Service.LMTP, TlsMode.NONE),
}
ADA = "ada@example.org"
GRACE = "grace@example.org"


class Mail:
    """Listeners of all three kinds over one store, and what lies in its mailboxes."""

    def __init__(self, directory: Path, loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
        self.directory = directory
        self.tls = client_context(ca)
        self._loop = loop
        self._contexts = contexts
        self._password = Secret(b"correct horse")

    async def open(self) -> None:
        clock, secret = SystemClock(), Secret(b"k" * 32)
        self.store = SqliteStore.open(self.directory, asyncio.get_running_loop())
        self.checker = PasswordChecker(Argon2id(memory_kib=8, passes=1))
        provision = Provision(self.store, secret, self.checker, clock)
        await provision.add_domain("example.org")
        for address in (ADA, GRACE):
            await provision.add_account(address, self._password)
        self.authenticator = make_authenticator(
            self.store, secret, clock, ThrottleTables(), self.checker
        )

    @contextlib.contextmanager
    def server(self, role: Role) -> Iterator[Server]:
        service, mode = SERVICES[role]

        async def shell(channel: Channel) -> None:
            clock, spools = SystemClock(), file_spools(self.directory)
            reception = Reception(self.store, clock, Secret(b"k" * 32), NAME)
            signing = Signing(self.store, clock)
            submission = Submission(self.store, reception, signing, spools, clock, NAME)
            door = SubmissionDoor(self.authenticator, submission)
            site = make_site(
                role,
                host_name=NAME,
                starttls=mode is TlsMode.STARTTLS,
                reception=reception,
                new_spool=spools,
                clock=clock,
                door=door if role is Role.SUBMISSION else None,
            )
            await smtp.smtp_shell(site)(channel)

        contexts = None if mode is TlsMode.NONE else self._contexts
        with Server(self._loop, shell, contexts, service=service, mode=mode) as server:
            server.run(self.open())
            yield server
            server.run(server.listener.drain(1))
            server.run(self.close())

    async def inbox(self, address: str) -> list[bytes]:
        account = await self.store.find_account(address)
        stat = await self.store.stat(account.id, "INBOX")
        found = []
        async for rows in self.store.fetch(stat.id, ALL_UIDS, [Column.CONTENT, Column.OCTETS]):
            for content, octets in rows:
                body = await self.store.body(content)
                found.append(body.read(0, octets))
                body.close()
        return found

    async def close(self) -> None:
        await self.store.close()
        self.checker.close()


@pytest.fixture
def mail(tmp_path: Path, loop: str, ca: PrivateCa, contexts: ContextTable) -> Mail:
    return Mail(tmp_path, loop, ca, contexts)


MESSAGE = (
    b"From: ada@example.org\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n"
)


def test_smtplib_delivers_over_starttls(mail: Mail) -> None:
    with mail.server(Role.MX) as server:
        with smtplib.SMTP("127.0.0.1", server.port, local_hostname="client.example") as client:
            assert client.starttls(context=mail.tls)[0] == 220
            refused = client.sendmail(
                "bob@elsewhere.example",
                [GRACE, "no@example.org"],
                MESSAGE + b"\r\n.dots\r\n..\r\n",
            )
            assert refused == {"no@example.org": (550, b"5.1.1 Nobody has this address here")}
        (kept,) = server.run(mail.inbox(GRACE))
    assert kept.endswith(b"\r\n" + MESSAGE + b"\r\n.dots\r\n..\r\n")
    assert b"with ESMTPS id " in kept
    assert b"\ttls TLS_AES_256_GCM_SHA384" in kept


def test_smtplib_submits_over_implicit_tls(mail: Mail) -> None:
    with mail.server(Role.SUBMISSION) as server:
        with smtplib.SMTP_SSL("localhost", server.port, context=_lenient(mail.tls)) as client:
            with pytest.raises(smtplib.SMTPSenderRefused, match="Log in first"):
                client.sendmail(ADA, GRACE, MESSAGE)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login(ADA, "wrong horse")
            client.login(ADA, "correct horse")
            client.sendmail(ADA, GRACE, MESSAGE + b"\r\nhello\r\n")
            client.sendmail(ADA, "bob@elsewhere.example", MESSAGE + b"\r\nhello\r\n")
            client.sendmail(ADA, [GRACE], b"Subject: no date\r\n\r\nhello\r\n")
        first, second = server.run(mail.inbox(GRACE))
        (queued,) = server.run(mail.store.queue_page()).messages
    assert [one.address for one in queued.recipients] == ["bob@elsewhere.example"]
    assert b" with ESMTPSA id " in first
    assert first.endswith(MESSAGE + b"\r\nhello\r\n")
    assert b"\r\nFrom: <ada@example.org>\r\nMessage-ID: <" in second
    assert server.admission.not_signed_in == 0


def test_smtplib_delivers_by_lmtp(mail: Mail) -> None:
    with mail.server(Role.LMTP) as server:
        with smtplib.LMTP("127.0.0.1", server.port) as client:
            client.sendmail("", [ADA], MESSAGE + b"\r\nhello\r\n")
        assert len(server.run(mail.inbox(ADA))) == 1


@pytest.mark.slow
def test_a_large_message_by_data_and_by_chunks(mail: Mail) -> None:
    """Several MB pass through the spool's file, octet for octet."""
    body = b"".join(b"%07d %s\r\n" % (number, b"x" * 60) for number in range(50_000))
    with mail.server(Role.MX) as server:
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.starttls(context=mail.tls)
            client.ehlo()
            client.sendmail("", [ADA], MESSAGE + b"\r\n" + body)
            assert client.mail("bob@elsewhere.example")[0] == 250
            assert client.rcpt(GRACE)[0] == 250
            for at in range(0, len(body), 1_000_000):
                piece = body[at : at + 1_000_000]
                client.send(b"BDAT %d\r\n" % len(piece) + piece)
                assert client.getreply()[0] == 250
            client.putcmd("BDAT", "0 LAST")
            assert client.getreply()[0] == 250
        assert server.run(mail.inbox(ADA))[0].endswith(b"\r\n\r\n" + body)
        assert server.run(mail.inbox(GRACE))[0].endswith(b"+0000\r\n\r\n" + body)


def test_plaintext_behind_starttls_is_never_executed(mail: Mail) -> None:
    with mail.server(Role.MX) as server:
        with server.connect() as sane:
            assert sane.recv(100).startswith(b"220 ")
            sane.sendall(b"NOOP\r\n")
            assert sane.recv(100) == b"250 2.0.0 OK\r\n"
        with server.connect() as sock:
            sock.recv(100)
            sock.sendall(b"EHLO x\r\n")
            assert sock.recv(1000).endswith(b"250 HELP\r\n")
            sock.sendall(b"STARTTLS\r\nMAIL FROM:<injected@x>\r\n")
            assert read_to_end(sock) == b""


def test_http_gets_nothing_back(mail: Mail) -> None:
    with mail.server(Role.SUBMISSION) as server, tls_client(server, mail.tls) as tls:
        assert tls.recv(100).startswith(b"220 ")
        tls.sendall(b"POST / HTTP/1.1\r\nCookie: a=<script>\r\n\r\nEHLO x\r\n")
        assert read_to_end(tls) == b""


def test_a_silent_client_is_sent_away(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "HELLO_SECONDS", 0.05)
    with mail.server(Role.MX) as server, server.connect() as sock:
        assert read_to_end(sock).endswith(b"421 4.4.2 Waited too long; closing the connection\r\n")


def test_signs_of_life_do_not_prolong_a_login(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "LOGIN_SECONDS", 0.05)
    monkeypatch.setattr(smtp, "HELLO_SECONDS", 0.05)
    with mail.server(Role.SUBMISSION) as server, tls_client(server, mail.tls) as tls:
        tls.sendall(b"EHLO x\r\n" + b"NOOP\r\n" * 10)
        assert b"421 4.4.2 " in read_to_end(tls)


def test_a_stopping_server_lets_a_message_come_to_its_end(mail: Mail) -> None:
    with mail.server(Role.MX) as server:
        with server.connect() as idle, server.connect() as busy:
            for sock in (idle, busy):
                assert sock.recv(100).startswith(b"220 ")
                sock.sendall(b"HELO x\r\n")
                assert sock.recv(100).startswith(b"250 ")
            busy.sendall(b"MAIL FROM:<>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\n")
            while not busy.recv(200).endswith(b"ends it\r\n"):
                pass
            draining = asyncio.run_coroutine_threadsafe(
                server.listener.drain(10),
                server._loop,  # type: ignore[arg-type]
            )
            assert read_to_end(idle).startswith(b"421 4.3.2 ")
            idle.close()
            busy.sendall(b"the end\r\n.\r\n")
            said = read_to_end(busy)
            busy.close()
            draining.result(10)
        assert said.startswith(b"250 2.0.0 ")
        assert b"\r\n421 4.3.2 " in said
        assert len(server.run(mail.inbox(ADA))) == 1


def test_a_fault_of_ours_is_a_temporary_refusal(
    mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("a secret of the server")

    with mail.server(Role.MX) as server, server.connect() as sock:
        assert sock.recv(100).startswith(b"220 ")
        monkeypatch.setattr(smtp, "carry_out", broken)
        sock.sendall(b"HELO x\r\n")
        assert read_to_end(sock) == b"451 4.3.0 Something went wrong here; try again later\r\n"


def _lenient(context: ssl.SSLContext) -> ssl.SSLContext:
    """smtplib checks the name it connects to, and the certificate has another."""
    context.check_hostname = False
    return context
