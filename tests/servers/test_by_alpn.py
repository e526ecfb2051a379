"""A port where a client may ask for another service by ALPN: what is counted, and what is told."""

import asyncio
import ssl

import pytest

from mailclad.base.tls_policy import Service
from mailclad.servers.admission import Limits
from mailclad.servers.channel import Channel
from mailclad.servers.listener import Spoken
from mailclad.servers.recorder import Recorder
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.tls_watch.watch import Watching
from mailclad.store.setup_watches import NoticeKind
from mailclad.store.tls_use import FailureKind
from tests.servers.loopback import Server, client_context, echo, read_to_end, tls_client
from tests.servers.test_recorder import FakeLookout
from tests.services.clock import StandingClock
from tests.services.tls_watch.test_watch import Notebook


async def pages(channel: Channel) -> None:
    channel.write(b"page")
    await channel.drain()


class Door:
    """Pages, and IMAP for who asks for it; ``told`` is what a set-up page hears."""

    def __init__(self, loop: str, contexts: ContextTable) -> None:
        self._loop, self._contexts = loop, contexts
        self._notebook = Notebook()
        self._watch = Watching(self._notebook, StandingClock())
        self._lookout = FakeLookout()
        self.told = self._lookout.told

    def server(self, limits: Limits | None = None) -> Server:
        imap = Spoken(Service.IMAP, echo, Recorder(Service.IMAP, self._watch, self._lookout))
        return Server(
            self._loop,
            pages,
            self._contexts,
            service=Service.HTTPS,
            limits=limits,
            recorder=Recorder(Service.HTTPS, self._watch, self._lookout),
            by_alpn={b"imap": imap},
        )

    def failures(self) -> list[tuple[str, FailureKind]]:
        asyncio.run(self._watch.flush())
        (use,) = self._notebook.taken
        return [(one.service, one.kind) for one in use.failures]


@pytest.fixture
def door(loop: str, contexts: ContextTable) -> Door:
    return Door(loop, contexts)


def test_each_gets_what_it_asks_for(door: Door, ca: PrivateCa) -> None:
    with door.server() as server:
        with tls_client(server, client_context(ca, alpn=["imap"])) as tls:
            tls.sendall(b"hello")
            assert tls.recv(5) == b"hello"
            assert server.admission.not_signed_in == 1
            with tls_client(server, client_context(ca, alpn=["http/1.1"])) as other:
                assert read_to_end(other) == b"page"
            assert server.admission.not_signed_in == 1
        server.until(lambda: server.admission.not_signed_in == 0)
    assert door.told.get(timeout=10) == (NoticeKind.CONNECTED, "TLSv1.3")
    assert door.told.empty()


def is_dropped(server: Server, context: ssl.SSLContext) -> bool:
    try:
        with tls_client(server, context) as tls:
            return not tls.recv(1)
    except OSError:
        return True


def test_who_has_not_signed_in_counts_as_on_every_port(door: Door, ca: PrivateCa) -> None:
    with door.server(Limits(not_signed_in=1)) as server:
        context = client_context(ca, alpn=["imap"])
        with tls_client(server, context) as tls:
            tls.sendall(b"1")
            assert tls.recv(1) == b"1"
            assert is_dropped(server, context)
            with tls_client(server, client_context(ca)) as page:
                assert read_to_end(page) == b"page"


def test_what_does_not_come_about_is_told_as_what_was_asked_for(door: Door) -> None:
    with door.server() as server:
        for alpn in (["imap"], ["http/1.1"]):
            with (
                pytest.raises(ssl.SSLCertVerificationError),
                tls_client(server, client_context(None, alpn=alpn)),
            ):
                raise AssertionError("it trusts nobody")
        server.until(lambda: server.admission.connections == 0)
    assert door.told.get(timeout=10)[0] is NoticeKind.DISTRUST
    assert door.told.empty()
    assert sorted(door.failures()) == [
        ("https", FailureKind.DISTRUST),
        ("imap", FailureKind.DISTRUST),
    ]
