"""A whole server notes who comes with which TLS, and knows them again when they fail."""

import asyncio
import imaplib
import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailclad.app.build import App, build, duties, prepare
from mailclad.app.config import Config
from mailclad.app.open import opened
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.sockets import open_sockets
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.expected_chains import Expected
from mailclad.services.auth.password import Argon2id
from mailclad.services.certificates.private_ca import ensure_private_ca, issue_leaf
from mailclad.services.tls_watch.known import know
from mailclad.services.tls_watch.told import tell
from tests.services.tls_watch.hellos import WINDOWS_7

ADA, PASSWORD = "ada@example.test", "correct horse"


def visit(port: int, authority: Path) -> None:
    """Sign in as somebody does, then fail as another program of theirs does."""
    context = ssl.create_default_context(cafile=authority)
    with imaplib.IMAP4_SSL("localhost", port, ssl_context=context) as imap:
        imap.xatom("ID", '("name" "Tester" "version" "7")')
        imap.login(ADA, PASSWORD)
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as sock:
        sock.sendall(WINDOWS_7)
        assert sock.recv(7)[-1] == 70


@pytest.mark.slow
def test_a_server_knows_who_failed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    listen = ListenConfig(
        service=Service.IMAP, tls=TlsMode.IMPLICIT, port=0, addresses=("127.0.0.1",)
    )
    config = Config(server=ServerConfig(hostname="localhost", data=data), listen=(listen,))
    now = datetime.now(UTC)
    ca = ensure_private_ca(tmp_path / "ca", ["localhost", "127.0.0.1"], now)

    async def serve() -> App:
        (bound,) = open_sockets(config.listen, {})
        chains = (issue_leaf(ca, ["localhost"], now),)
        shared = prepare(config, (bound,), chains)
        app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
        await app.provision().add_domain("example.test")
        await app.provision().add_account(ADA, Secret(PASSWORD.encode()))
        await app.start()
        proof = await app.prove(Expected.of(chains))  # our own look is nobody's visit
        assert proof.proven
        assert not proof.refuted
        await asyncio.to_thread(visit, bound.port, ca.certificate_file)
        await app.drain(5)
        await app.close()
        shared.throttle.close()
        return app

    app = asyncio.run(serve())
    assert "forget TLS use" in {duty.name for duty in duties(app.parts)}

    async def look() -> tuple[str, tuple[str, str]]:
        async with opened(data) as things:
            failures = await things.store.tls_failures(0)
            account = tell(failures, [], know(await things.store.tls_visitors(0)))
            (session,) = await things.store.tls_sessions(0)
            return account.groups[0].sentence, (session.who, session.program)

    sentence, session = asyncio.run(look())
    assert session == (ADA, "Tester 7")
    told = f"Outlook or another program on Windows 7 or 8 of {ADA} offers only TLS 1.0."
    assert sentence == told
