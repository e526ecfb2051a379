"""What a listener tells the watch: real handshakes, good ones and bad ones."""

import asyncio
import contextlib
import queue
import ssl

import pytest

from mailclad.base.in_clear import InClear
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers import recorder
from mailclad.servers.admission import Limits
from mailclad.servers.channel import Channel, Shell
from mailclad.servers.recorder import Recorder, SetupNotices
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.client_setup.lookout import Place
from mailclad.services.tls_watch.watch import Watching
from mailclad.store.setup_watches import NoticeKind
from mailclad.store.tls_use import FailureKind, TlsFailure, TlsUse
from tests.protocols.tls.hellos import real_hello
from tests.servers.loopback import NAME, Server, client_context, echo, starttls_lines, tls_client
from tests.services.clock import StandingClock
from tests.services.tls_watch.hellos import WINDOWS_7, offer_of
from tests.services.tls_watch.test_watch import Notebook


class FakeLookout(SetupNotices):
    """A page waits; what it would be told."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[NoticeKind, str]] = queue.Queue()

    @property
    def is_open(self) -> bool:
        return True

    def noticed(self, place: Place, kind: NoticeKind, detail: str = "") -> None:
        assert place.address == "127.0.0.1"
        assert place.port
        self.told.put((kind, detail))


class Recording:
    """A server that is watched; ``use()`` is what was counted when it has ended."""

    def __init__(self, loop: str, contexts: ContextTable) -> None:
        self.loop, self.contexts = loop, contexts
        self._notebook = Notebook()
        self._watch = Watching(self._notebook, StandingClock())
        self.lookout = FakeLookout()

    def server(
        self,
        mode: TlsMode = TlsMode.IMPLICIT,
        limits: Limits | None = None,
        shell: Shell | None = None,
    ) -> Server:
        shell = shell or (_signing_in if mode is TlsMode.IMPLICIT else starttls_lines)
        recorder = Recorder(Service.IMAP, self._watch, self.lookout)
        return Server(self.loop, shell, self.contexts, mode=mode, limits=limits, recorder=recorder)

    def use(self) -> TlsUse:
        asyncio.run(self._watch.flush())
        (use,) = self._notebook.taken
        return use

    def failure(self) -> TlsFailure:
        (failure,) = self.use().failures
        return failure


async def _signing_in(channel: Channel) -> None:
    channel.said = "Client 1"
    channel.signed_in("ada@example.org")
    await echo(channel)


async def _talking(channel: Channel) -> None:
    channel.note_in_clear(InClear.TALKED)
    await starttls_lines(channel)


@pytest.fixture
def recording(loop: str, contexts: ContextTable) -> Recording:
    return Recording(loop, contexts)


def test_a_session_is_told_of_when_it_ends(recording: Recording, ca: PrivateCa) -> None:
    context = client_context(ca, ssl.TLSVersion.TLSv1_2)
    with recording.server() as server, tls_client(server, context) as tls:
        tls.sendall(b"x")
        assert tls.recv(1) == b"x"
    (session,) = recording.use().sessions
    assert (session.service, session.version) == ("imap", "TLSv1.2")
    assert (session.who, session.program) == ("ada@example.org", "Client 1")
    assert session.network == "127.0.0.1/32"
    assert session.offer is not None
    assert session.offer.highest == 0x0303


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_does_not_trust_us_is_told_what_was_shown(
    recording: Recording, version: ssl.TLSVersion
) -> None:
    with recording.server() as server:
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            tls_client(server, client_context(None, version)),
        ):
            raise AssertionError("it trusts nobody")
        server.failure()
    failure = recording.failure()
    assert (failure.kind, failure.received_alert) == (FailureKind.DISTRUST, 48)
    assert failure.certificate.startswith(NAME)
    assert failure.server_name == NAME


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_leaves_at_our_certificate_is_told_apart_from_who_leaves_before(
    recording: Recording, version: ssl.TLSVersion
) -> None:
    context = client_context(None, version)
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=NAME)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    with recording.server() as server:
        with server.connect() as sock:
            sock.sendall(out.read())
            assert sock.recv(1)
        server.failure()
    failure = recording.failure()
    assert failure.kind is FailureKind.LEFT
    assert failure.certificate


def test_old_programs_are_known_again(recording: Recording) -> None:
    with recording.server() as server:
        with server.connect() as sock:
            sock.sendall(WINDOWS_7)
            assert sock.recv(7)[-1] == 70
        server.failure()
    failure = recording.failure()
    assert (failure.kind, failure.sent_alert) == (FailureKind.OLD_VERSIONS, 70)
    assert failure.offer == offer_of(WINDOWS_7)
    assert not failure.certificate
    assert failure.port == server.port


def test_who_waits_for_a_greeting_is_told_apart_from_who_only_knocks(
    recording: Recording,
) -> None:
    with recording.server(limits=Limits(handshake_seconds=0.05)) as server:
        with server.connect() as sock:
            assert sock.recv(1) == b""
        server.failure()
        server.connect().close()
        server.failure()
    use = recording.use()
    assert [one.kind for one in use.failures] == [FailureKind.WAITED]
    assert [one.kind for one in use.noise] == [FailureKind.TOUCHED]


def test_tls_where_the_conversation_begins_in_the_clear(recording: Recording) -> None:
    with recording.server(TlsMode.STARTTLS) as server:
        with server.connect() as sock:
            sock.sendall(real_hello())
        server.failure()
    assert recording.failure().kind is FailureKind.TLS_TOO_SOON


def test_octets_that_begin_like_tls_are_none_under_tls(
    recording: Recording, ca: PrivateCa
) -> None:
    with recording.server(TlsMode.STARTTLS) as server, server.connect() as sock:
        sock.sendall(b"STARTTLS\r\n")
        assert sock.recv(99) == b"220 go\r\n"
        with client_context(ca).wrap_socket(sock, server_hostname=NAME) as tls:
            tls.sendall(b"\x16\x03\x01\n")
            assert tls.recv(99).startswith(b"you said")
    use = recording.use()
    assert use.sessions
    assert not use.failures
    assert not use.noise


def test_a_set_up_page_is_told_of_handshakes(recording: Recording, ca: PrivateCa) -> None:
    with recording.server() as server, tls_client(server, client_context(ca)):
        assert recording.lookout.told.get(timeout=10) == (NoticeKind.CONNECTED, "TLSv1.3")
    with recording.server() as server:
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            tls_client(server, client_context(None)),
        ):
            raise AssertionError("it trusts nobody")
        assert recording.lookout.told.get(timeout=10)[0] is NoticeKind.DISTRUST


def test_a_set_up_page_is_told_of_silence_while_it_lasts(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "SILENCE_SECONDS", 0.05)
    with recording.server() as server, server.connect():
        assert recording.lookout.told.get(timeout=10) == (NoticeKind.KNOCKED, "")


def test_a_set_up_page_is_told_of_tls_where_it_is_too_soon(
    recording: Recording,
) -> None:
    with recording.server(TlsMode.STARTTLS) as server:
        with server.connect() as sock:
            sock.sendall(WINDOWS_7)
        assert recording.lookout.told.get(timeout=10)[0] is NoticeKind.TLS_TOO_SOON


def test_a_set_up_page_is_told_of_who_leaves_without_encryption(recording: Recording) -> None:
    with recording.server(TlsMode.STARTTLS, shell=_talking) as server:
        with server.connect() as sock:
            sock.sendall(b"QUIT\r\n")
            assert sock.recv(99)
        assert recording.lookout.told.get(timeout=10)[0] is NoticeKind.LEFT_IN_CLEAR


def test_who_begins_encryption_has_not_left_without_it(
    recording: Recording, ca: PrivateCa
) -> None:
    """Whether it works out or not: what a page shows last is the reason."""
    for trust in (ca, None):
        with (
            recording.server(TlsMode.STARTTLS, shell=_talking) as server,
            contextlib.suppress(ssl.SSLCertVerificationError),
            server.connect() as sock,
        ):
            sock.sendall(b"STARTTLS\r\n")
            assert sock.recv(99) == b"220 go\r\n"
            client_context(trust).wrap_socket(sock, server_hostname=NAME).close()
    told = [recording.lookout.told.get_nowait()[0] for _ in range(recording.lookout.told.qsize())]
    assert told == [NoticeKind.CONNECTED, NoticeKind.DISTRUST]
