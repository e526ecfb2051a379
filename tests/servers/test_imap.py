"""IMAP through real sockets, TLS and the real store, with the standard library's imaplib."""

import contextlib
import imaplib
import queue
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers import imap_answers
from mailclad.servers.channel import Channel, Shell
from mailclad.servers.imap import ImapTimes, imap_shell
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.store.errors import StoreUnavailable
from tests.servers.loopback import (
    WAIT_SECONDS,
    Server,
    client_context,
    read_exactly,
    read_to_end,
    tls_client,
)
from tests.sessions.imap.house import ADDRESS, APP_PASSWORD, MULTIPART, PLAIN, House

BIG = b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 120_000


class Site:
    """A house whose store is opened on the server's loop."""

    def __init__(self, directory: Path, times: ImapTimes) -> None:
        self._directory = directory
        self._times = times
        self.house: House
        self._shell: Shell

    async def open(self) -> None:
        self.house = House(self._directory)
        await self.house.furnish()
        self._shell = imap_shell(self.house.site, self.house.terms, self._times)

    async def shell(self, channel: Channel) -> None:
        await self._shell(channel)


@contextlib.contextmanager
def serving(
    directory: Path,
    loop: str,
    contexts: ContextTable,
    mode: TlsMode = TlsMode.IMPLICIT,
    times: ImapTimes = ImapTimes(),
) -> Iterator[tuple[Server, Site]]:
    site = Site(directory, times)
    with Server(loop, site.shell, contexts, service=Service.IMAP, mode=mode) as server:
        server.run(site.open())
        yield server, site
        server.run(server.listener.drain(5))
        server.run(site.house.close())


class Lines:
    """A client that reads line by line."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")

    def say(self, line: str) -> list[bytes]:
        """The answers up to the tagged one."""
        self._sock.sendall(line.encode() + b"\r\n")
        tag = line.partition(" ")[0].encode() + b" "
        found = [self.line()]
        while not found[-1].startswith((tag, b"+ ")):
            found.append(self.line())
        return found

    def send(self, line: str) -> None:
        self._sock.sendall(line.encode() + b"\r\n")

    def line(self) -> bytes:
        return self._file.readline()

    def octets(self, count: int) -> bytes:
        return self._file.read(count)

    def close(self) -> None:
        self._file.close()


@contextlib.contextmanager
def signed_in(server: Server, ca: PrivateCa) -> Iterator[Lines]:
    with tls_client(server, client_context(ca)) as sock, contextlib.closing(Lines(sock)) as lines:
        assert lines.line().startswith(b"* OK [CAPABILITY ")
        assert b" OK " in lines.say(f"a LOGIN {ADDRESS} {APP_PASSWORD}")[-1]
        yield lines


def test_imaplib_over_tls(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    with (
        serving(tmp_path, loop, contexts) as (server, _),
        imaplib.IMAP4_SSL("localhost", server.port, ssl_context=_trusting(ca)) as client,
    ):
        assert client.login(ADDRESS, APP_PASSWORD)[0] == "OK"
        assert client.append("INBOX", r"(\Flagged)", "", PLAIN)[0] == "OK"
        assert client.append("INBOX", "", "", BIG)[0] == "OK"
        assert client.select("INBOX") == ("OK", [b"2"])
        assert client.search(None, "SUBJECT", "meeting") == ("OK", [b"1"])
        status, found = client.fetch("1:2", "(FLAGS BODY.PEEK[])")
        assert status == "OK"
        assert [part[1] for part in found if isinstance(part, tuple)] == [PLAIN, BIG]
        assert client.copy("1", "Archive")[0] == "OK"
        assert client.store("1", "+FLAGS", r"(\Deleted)")[1] == [rb"1 (FLAGS (\Flagged \Deleted))"]
        assert client.expunge() == ("OK", [b"1"])


def test_starttls_and_nothing_before_it(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    with (
        serving(tmp_path, loop, contexts, TlsMode.STARTTLS) as (server, _),
        imaplib.IMAP4("localhost", server.port) as client,
    ):
        assert "LOGINDISABLED" in client.capabilities
        with pytest.raises(imaplib.IMAP4.error, match="use STARTTLS"):
            client.login(ADDRESS, APP_PASSWORD)
        client.starttls(_trusting(ca))
        assert "LOGINDISABLED" not in client.capabilities
        assert client.login(ADDRESS, APP_PASSWORD)[0] == "OK"
        assert client.select("INBOX") == ("OK", [b"0"])


def test_plaintext_behind_starttls_ends_the_connection(
    tmp_path: Path, loop: str, contexts: ContextTable
) -> None:
    with (
        serving(tmp_path, loop, contexts, TlsMode.STARTTLS) as (server, _),
        server.connect() as sock,
    ):
        read_exactly(sock, 4)
        sock.sendall(b"a STARTTLS\r\nb NOOP\r\n")
        assert b"\r\nb " not in read_to_end(sock)


def test_idle_hears_of_mail_that_comes(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    with serving(tmp_path, loop, contexts) as (server, site), signed_in(server, ca) as client:
        client.say("b SELECT INBOX")
        assert client.say("c IDLE") == [b"+ idling\r\n"]
        server.run(site.house.append(PLAIN))
        assert client.line() == b"* 1 EXISTS\r\n"
        client.send("DONE")
        assert client.line() == b"c OK IDLE completed\r\n"


def test_pipelined_commands_are_answered_in_order(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    with serving(tmp_path, loop, contexts) as (server, site), signed_in(server, ca) as client:
        server.run(site.house.append(MULTIPART))
        client.send("b EXAMINE INBOX\r\nc FETCH 1 FLAGS\r\nd UNSELECT\r\ne NOOP")
        tagged = [
            line for line in iter(client.line, b"e OK NOOP completed\r\n") if line[:1] != b"*"
        ]
        assert [line[:4] for line in tagged] == [b"b OK", b"c OK", b"d OK"]


def test_a_client_that_reads_slowly_gets_every_octet(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    """Many times what the channel holds unsent, asked for before anything is read."""
    with serving(tmp_path, loop, contexts) as (server, site), signed_in(server, ca) as client:
        server.run(site.house.append(BIG))
        client.say("b SELECT INBOX")
        for tag in range(5):
            client.send(f"c{tag} FETCH 1 BODY.PEEK[]")
        for tag in range(5):
            assert client.line() == b"* 1 FETCH (BODY[] {%d}\r\n" % len(BIG)
            assert client.octets(len(BIG)) == BIG
            assert client.line() == b")\r\n"
            assert client.line() == b"c%d OK FETCH completed\r\n" % tag


def test_a_stranger_who_says_nothing_is_sent_away(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    """The clock of the house stands still, so it is the time for one command that ends."""
    with (
        serving(tmp_path, loop, contexts, times=ImapTimes(command=0.02)) as (server, _),
        tls_client(server, client_context(ca)) as sock,
    ):
        assert read_to_end(sock).endswith(b"* BYE silent for too long\r\n")


def test_a_client_that_falls_silent_is_told_so(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    times = ImapTimes(silence=0.02)
    with (
        serving(tmp_path, loop, contexts, times=times) as (server, _),
        signed_in(server, ca) as client,
    ):
        assert client.line() == b"* BYE silent for too long\r\n"
        assert client.line() == b""


def test_a_client_that_never_reads_is_dropped(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It asks for much more than sockets and buffers hold, and takes nothing."""
    monkeypatch.setattr(imap_answers, "STALL_SECONDS", 0.05)
    with serving(tmp_path, loop, contexts) as (server, site), signed_in(server, ca) as client:
        server.run(site.house.append(BIG))
        client.say("b SELECT INBOX")
        client.send("\r\n".join(f"c{tag} FETCH 1 BODY.PEEK[]" for tag in range(30)))
        server.until(lambda: server.listener.connections == 0)


def test_half_a_command_buys_a_stranger_no_time(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    times = ImapTimes(command=10, login=10)
    with (
        serving(tmp_path, loop, contexts, times=times) as (server, site),
        tls_client(server, client_context(ca)) as sock,
        contextlib.closing(Lines(sock)) as client,
    ):
        client.line()
        site.house.clock.seconds += 11
        sock.sendall(b"a NO")
        assert client.line() == b"* BYE silent for too long\r\n"


def test_a_server_that_stops_says_so(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    with serving(tmp_path, loop, contexts) as (server, _):
        stopping = threading.Thread(target=lambda: server.run(server.listener.drain(WAIT_SECONDS)))
        with signed_in(server, ca) as client:
            stopping.start()
            assert client.line() == b"* BYE [UNAVAILABLE] the server stops or restarts\r\n"
            assert client.line() == b""
        stopping.join(WAIT_SECONDS)


def test_our_own_fault_is_not_explained_to_the_client(
    tmp_path: Path, contexts: ContextTable, ca: PrivateCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, "asyncio", contexts) as (server, site), signed_in(server, ca) as client:

        async def broken(*_: object) -> None:
            raise RuntimeError("the secret of the house")

        monkeypatch.setattr(site.house.store, "stat", broken)
        client.send("b STATUS INBOX (MESSAGES)")
        assert client.line() == b"* BYE [SERVERBUG] the server made a mistake\r\n"
        assert client.line() == b""


def test_a_store_that_fails_refuses_and_goes_on(
    tmp_path: Path, contexts: ContextTable, ca: PrivateCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, "asyncio", contexts) as (server, site), signed_in(server, ca) as client:

        async def failing(*_: object) -> None:
            raise StoreUnavailable("input/output error")

        with monkeypatch.context() as patched:
            patched.setattr(site.house.store, "stat", failing)
            assert client.say("b STATUS INBOX (MESSAGES)") == [
                b"b NO [UNAVAILABLE] the server is busy; try again in a minute\r\n"
            ]
        assert b"c OK" in client.say("c STATUS INBOX (MESSAGES)")[-1]


def test_ten_clients_at_once(
    tmp_path: Path, loop: str, contexts: ContextTable, ca: PrivateCa
) -> None:
    """Each adds a message to one mailbox and sees all there are in the end."""
    done: queue.Queue[int] = queue.Queue()

    def client(port: int) -> None:
        with imaplib.IMAP4_SSL("localhost", port, ssl_context=_trusting(ca)) as one:
            one.login(ADDRESS, APP_PASSWORD)
            one.append("INBOX", "", "", PLAIN)
            answer = one.select("INBOX")[1][0]
            assert answer is not None
            done.put(int(answer))

    with serving(tmp_path, loop, contexts) as (server, _):
        threads = [threading.Thread(target=client, args=(server.port,)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_SECONDS)
        assert max(done.get(timeout=1) for _ in threads) == 10


def _trusting(ca: PrivateCa) -> ssl.SSLContext:
    context = client_context(ca)
    context.check_hostname = False  # the name is checked in test_tls_transport.py
    return context
