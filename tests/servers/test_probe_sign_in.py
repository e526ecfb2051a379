"""No password for who has not proven to be the host, whatever it says."""

import asyncio

import pytest

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.protocols.smtp.client.login import Login
from mailclad.servers.probe_sign_in import SignInSeen, sign_in_imap
from mailclad.servers.tls import ClientTrust
from mailclad.testing import MailServer

LOGIN = Login("ada@example.test", Secret(b"right one"))


@pytest.mark.parametrize("tls", [TlsMode.IMPLICIT, TlsMode.STARTTLS])
@pytest.mark.parametrize(
    ("host", "password", "taken"),
    [("localhost", "right one", True), ("localhost", "wrong", False), ("mail.test", "x", None)],
)
def test_signing_in(tls: TlsMode, host: str, password: str, taken: bool | None) -> None:
    with MailServer() as server:
        server.add_account("ada@example.test", password="right one")
        at = Endpoint(MailProtocol.IMAP, host, server.ports["imap", tls], tls)
        login = Login("ada@example.test", Secret(password.encode()))
        seen = asyncio.run(sign_in_imap(at, "127.0.0.1", login, ClientTrust(server.ca)))
    assert (None if seen.decided is None else seen.decided.positive) is taken


@pytest.mark.parametrize("answer", [b"* OK hi\r\np1 NO\r\n", b"* BYE\r\n", b"", b"HTTP/1.1\r\n"])
def test_nothing_is_said_in_the_clear(answer: bytes) -> None:
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.write_eof()
        heard.extend(await reader.read(1000))
        writer.close()

    async def run() -> SignInSeen:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            at = Endpoint(
                MailProtocol.IMAP,
                "localhost",
                server.sockets[0].getsockname()[1],
                TlsMode.STARTTLS,
            )
            return await sign_in_imap(at, "127.0.0.1", LOGIN, ClientTrust())

    assert asyncio.run(run()) == SignInSeen()
    assert b"right" not in heard
    assert b"AUTH" not in heard
