"""POP3 through real sockets, TLS and the real store, with the standard library's poplib."""

import contextlib
import hashlib
import poplib
import socket
import ssl
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.protocols.imap.prepare import prepare
from mailclad.servers.channel import Channel, Shell
from mailclad.servers.pop3 import Pop3Times, pop3_shell
from mailclad.servers.tls import ContextTable
from mailclad.services.auth.authenticator import Authenticator, make_authenticator
from mailclad.services.auth.password import PasswordChecker
from mailclad.services.auth.throttle import ThrottleTables
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.provision.accounts import Provision
from mailclad.store.model import Account, Delivery, NewMessage
from tests.protocols.sasl.scram_client import ScramClient
from tests.servers.loopback import NAME, Server, client_context, read_to_end, tls_client
from tests.services.auth.fakes import SECRET, CountedArgon2, FakeClock

LETTERS = "abcdefghijklmnop"
CHOSEN = "correct horse battery"
SMALL = b"Subject: dots\r\n\r\n.\r\n..two\r\nlast\r\n"
BIG = b"Subject: big\r\n\r\n" + b".0123456789abcdef\r\n" * 60_000


class Site:
    """A store on disk with one account, and the shell that serves it."""

    def __init__(self, directory: Path, times: Pop3Times) -> None:
        self._directory = directory
        self._times = times
        self._tables = ThrottleTables()
        self.checker = PasswordChecker(CountedArgon2())
        self.store: SqliteStore
        self.authenticator: Authenticator
        self.account: Account
        self._shell: Shell

    async def open(self) -> None:
        clock = FakeClock()
        self.store = SqliteStore.open(self._directory)
        self.authenticator = make_authenticator(
            self.store, SECRET, clock, self._tables, self.checker
        )
        provision = Provision(self.store, SECRET, self.checker, clock)
        await provision.add_domain("example.org")
        self.account = await provision.add_account("ada@example.org", Secret(CHOSEN.encode()))
        await provision.add_app_password("ada@example.org", "phone", secret=LETTERS)
        self._shell = pop3_shell(self.authenticator, self.store, starttls=True, times=self._times)

    async def shell(self, channel: Channel) -> None:
        await self._shell(channel)

    async def deliver(self, *messages: bytes) -> None:
        for octets in messages:
            message = NewMessage(octets, prepare(octets), 0, 1_700_000_000)
            await self.store.deliver(Delivery(message, ((self.account.id, "INBOX"),)))

    async def close(self) -> None:
        await self.store.close()
        self.checker.close()
        self._tables.close()


@contextlib.contextmanager
def serving(
    directory: Path,
    loop: str,
    contexts: ContextTable,
    mode: TlsMode = TlsMode.IMPLICIT,
    times: Pop3Times = Pop3Times(),
) -> Iterator[tuple[Server, Site]]:
    site = Site(directory, times)
    with Server(loop, site.shell, contexts, service=Service.POP3, mode=mode) as server:
        server.run(site.open())
        server.run(site.deliver(SMALL, BIG))
        yield server, site
        server.run(server.listener.drain(5))
        server.run(site.close())


@pytest.fixture
def client(ca: PrivateCa) -> ssl.SSLContext:
    return client_context(ca)


def connect(server: Server, client: ssl.SSLContext) -> poplib.POP3_SSL:
    return poplib.POP3_SSL("127.0.0.1", server.port, context=client, timeout=20)


def log_in(server: Server, client: ssl.SSLContext, password: str = LETTERS) -> poplib.POP3_SSL:
    session = connect(server, client)
    session.user("ada@example.org")
    assert session.pass_(password) == b"+OK maildrop open"
    return session


def as_lines(message: bytes) -> list[bytes]:
    return message.split(b"\r\n")[:-1]


@pytest.mark.slow
def test_a_whole_session(
    tmp_path: Path, loop: str, contexts: ContextTable, client: ssl.SSLContext
) -> None:
    with serving(tmp_path, loop, contexts) as (server, site):
        session = log_in(server, client)
        assert session.stat() == (2, len(SMALL) + len(BIG))
        assert session.list()[1] == [b"1 %d" % len(SMALL), b"2 %d" % len(BIG)]
        unique = session.uidl()[1]
        assert session.retr(1)[1] == as_lines(SMALL)
        assert session.retr(2)[1] == as_lines(BIG)
        assert session.top(2, 3)[1] == as_lines(BIG)[:5]
        session.dele(1)
        server.run(site.deliver(SMALL))
        assert session.stat() == (1, len(BIG)), "what arrived later is for the next session"
        assert session.quit() == b"+OK goodbye"

        session = log_in(server, client, CHOSEN)
        assert session.stat() == (2, len(BIG) + len(SMALL))
        kept, new = session.uidl()[1]
        assert kept.split()[1] == unique[1].split()[1], "unique-ids stay"
        assert new.split()[1] not in {line.split()[1] for line in unique}
        session.dele(1)
        session.close()  # without QUIT

        server.until(lambda: server.admission.connections == 0)
        session = log_in(server, client)
        assert session.stat()[0] == 2, "nothing is removed without QUIT"
        session.quit()


@pytest.mark.slow
def test_stls(tmp_path: Path, loop: str, contexts: ContextTable, client: ssl.SSLContext) -> None:
    with serving(tmp_path, loop, contexts, TlsMode.STARTTLS) as (server, _):
        session = poplib.POP3("127.0.0.1", server.port, timeout=20)
        before = session.capa()
        with pytest.raises(poplib.error_proto, match="encrypted connection"):
            session.user("ada@example.org")
        session.stls(context=client)
        after = session.capa()
        session.user("ADA")
        session.pass_("abcd efgh ijkl mnop")
        assert session.stat()[0] == 2
        session.quit()

    assert "STLS" in before
    assert not {"USER", "SASL"} & before.keys()
    assert {"USER", "SASL"} < after.keys()
    assert "STLS" not in after


@pytest.mark.slow
def test_the_maildrop_has_one_reader(
    tmp_path: Path, loop: str, contexts: ContextTable, client: ssl.SSLContext
) -> None:
    with serving(tmp_path, loop, contexts) as (server, _):
        first, second = log_in(server, client), connect(server, client)
        second.user("ada@example.org")
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            second.pass_(LETTERS)
        first.quit()
        second.user("ada@example.org")
        second.pass_(LETTERS)
        second.quit()


@pytest.mark.slow
@pytest.mark.rfc("5929", "4.1")
def test_scram_bound_to_the_certificate(
    tmp_path: Path, loop: str, contexts: ContextTable, client: ssl.SSLContext
) -> None:
    """SCRAM-SHA-256-PLUS against what a foreign TLS library says the certificate is."""
    with serving(tmp_path, loop, contexts) as (server, _), tls_client(server, client) as tls:
        certificate = tls.getpeercert(binary_form=True)
        assert certificate is not None
        binding = hashlib.sha256(certificate).digest()
        scram = ScramClient(
            b"ada@example.org", CHOSEN.encode(), b"p=tls-server-end-point,,", binding
        )
        lines = tls.makefile("rwb")

        def say(line: bytes) -> bytes:
            lines.write(line + b"\r\n")
            lines.flush()
            return lines.readline()

        assert lines.readline() == b"+OK ready\r\n"
        first = say(b"AUTH SCRAM-SHA-256-PLUS " + b64encode(scram.first()))
        proof = say(b64encode(scram.final(b64decode(first[2:]))))
        assert b64decode(proof[2:]) == scram.server_final
        assert say(b"") == b"+OK maildrop open\r\n"
        assert say(b"QUIT") == b"+OK goodbye\r\n"
        lines.close()


def test_scram_shows_strangers_no_accounts(
    tmp_path: Path, loop: str, contexts: ContextTable, client: ssl.SSLContext
) -> None:
    """T-AU2: the store's salts and counts look like those of accounts that are not there."""

    def server_first(login: bytes) -> list[bytes]:
        with tls_client(server, client) as tls:
            first = b64encode(ScramClient(login, b"").first())
            tls.sendall(b"AUTH SCRAM-SHA-256 " + first + b"\r\n*\r\nQUIT\r\n")
            return b64decode(read_to_end(tls).split(b"\r\n")[1][2:]).split(b",")

    with serving(tmp_path, loop, contexts) as (server, _):
        somebody, nobody = server_first(b"ada@example.org"), server_first(b"bob@example.org")
        again = server_first(b"bob@example.org")

    assert list(map(len, somebody)) == list(map(len, nobody))
    assert somebody[2] == nobody[2] == b"i=10000"
    assert nobody[1] == again[1] != somebody[1]


@pytest.mark.slow
@pytest.mark.rfc("2595", "4")
@pytest.mark.parametrize("behind", [b"CAPA\r\n", b"CA", b"x" * 65_536])
def test_plaintext_behind_stls_is_never_executed(
    tmp_path: Path, loop: str, contexts: ContextTable, behind: bytes
) -> None:
    """T-NS1: in one segment with STLS; the server closes and answers nothing of it."""
    serve = serving(tmp_path, loop, contexts, TlsMode.STARTTLS)
    with serve as (server, _), server.connect() as sock:
        assert sock.recv(100) == b"+OK ready\r\n"
        sock.sendall(b"STLS\r\n" + behind)
        assert read_to_end(sock) in {b"", b"+OK begin TLS\r\n"}


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b""),
        (b"HELO x\r\n" * 20, b"-ERR no such command\r\n" * 5),
        (b"QUIT\r\nCAPA\r\n", b"+OK goodbye\r\n"),
        (b"x" * 70_000, b""),
    ],
)
def test_connections_that_end(
    tmp_path: Path, loop: str, contexts: ContextTable, said: bytes, heard: bytes
) -> None:
    serve = serving(tmp_path, loop, contexts, TlsMode.STARTTLS)
    with serve as (server, _), server.connect() as sock:
        assert sock.recv(100) == b"+OK ready\r\n"
        with contextlib.suppress(ConnectionError):
            sock.sendall(said)
        assert read_to_end(sock) == heard


@pytest.mark.rfc("1939", "3")
@pytest.mark.parametrize(
    "times", [Pop3Times(command=0.05), Pop3Times(login=0.05), Pop3Times(silence=0.05)]
)
def test_silence_ends_it_without_a_word(
    tmp_path: Path,
    loop: str,
    contexts: ContextTable,
    client: ssl.SSLContext,
    times: Pop3Times,
) -> None:
    """T-AU4, and the autologout, which removes nothing."""
    with serving(tmp_path, loop, contexts, times=times) as (server, site):
        with tls_client(server, client) as tls:
            if times.silence < 1:
                tls.sendall(b"USER ada\r\nPASS abcdefghijklmnop\r\nDELE 1\r\n")
                expected = b"+OK ready\r\n+OK now the password\r\n+OK maildrop open\r\n"
                expected += b"+OK marked for deletion\r\n"
            else:
                expected = b"+OK ready\r\n"
            assert read_to_end(tls) == expected
        assert server.run(site.store.stat(site.account.id, "INBOX")).messages == 2


def test_a_server_that_stops_closes_idle_sessions(
    tmp_path: Path, loop: str, contexts: ContextTable, client: ssl.SSLContext
) -> None:
    with serving(tmp_path, loop, contexts) as (server, _), tls_client(server, client) as tls:
        assert tls.recv(100) == b"+OK ready\r\n"
        stopping = threading.Thread(target=lambda: server.run(server.listener.drain(20)))
        stopping.start()
        assert read_to_end(tls) == b""
        tls.close()
        stopping.join()


def test_a_fault_of_ours_is_answered_without_its_text(
    tmp_path: Path,
    loop: str,
    contexts: ContextTable,
    client: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(tmp_path, loop, contexts) as (server, site):

        async def stat(*_: object) -> None:
            raise RuntimeError("the cause")

        monkeypatch.setattr(site.store, "stat", stat)
        session = connect(server, client)
        session.user("ada")
        with pytest.raises(poplib.error_proto, match=r"SYS/TEMP\] The server made a mistake"):
            session.pass_(LETTERS)
        session.close()
        monkeypatch.undo()
        session = log_in(server, client)  # the maildrop was let go
        session.quit()


@pytest.mark.slow
def test_pipelined_answers_come_in_order(
    tmp_path: Path, loop: str, contexts: ContextTable, client: ssl.SSLContext
) -> None:
    with serving(tmp_path, loop, contexts) as (server, _), tls_client(server, client) as tls:
        said = b"USER ada\r\nPASS abcdefghijklmnop\r\n" + b"RETR 1\r\nNOOP\r\n" * 500 + b"QUIT\r\n"
        tls.sendall(said)
        heard = read_to_end(tls)

    one = b"+OK %d octets\r\nSubject: dots\r\n\r\n..\r\n...two\r\nlast\r\n.\r\n" % len(SMALL)
    assert heard == (
        b"+OK ready\r\n+OK now the password\r\n+OK maildrop open\r\n"
        + (one + b"+OK still here\r\n") * 500
        + b"+OK goodbye\r\n"
    )


@pytest.mark.slow
def test_a_client_that_reads_late_gets_it_all(
    tmp_path: Path, loop: str, contexts: ContextTable, client: ssl.SSLContext
) -> None:
    """Six times a megabyte asked for before anything is read."""
    with serving(tmp_path, loop, contexts) as (server, _), server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        with client.wrap_socket(sock, server_hostname=NAME) as tls:
            tls.sendall(b"USER ada\r\nPASS abcdefghijklmnop\r\n" + b"RETR 2\r\n" * 6)
            tls.sendall(b"QUIT\r\n")
            heard = read_to_end(tls)

    assert heard.count(b"\r\n..0123456789abcdef") == 6 * 60_000
    assert heard.endswith(b"\r\n.\r\n+OK goodbye\r\n")
