"""imaplib, imapclient and aioimaplib: send, list, read, flag, move, delete, over 993 and 143."""

import asyncio
import imaplib
import ssl

import imapclient
import pytest
from aioimaplib import aioimaplib

from tests.interop.demo import Demo, flat

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def _imaplib(demo: Demo, tls: str) -> imaplib.IMAP4:
    port = demo.ports["imap", tls]
    if tls == "implicit":
        return imaplib.IMAP4_SSL("localhost", port, ssl_context=demo.context())
    client = imaplib.IMAP4("localhost", port)
    client.starttls(demo.context())
    return client


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_imaplib(demo: Demo, token: str, tls: str) -> None:
    demo.send(token)
    with _imaplib(demo, tls) as client:
        client.login(demo.grace, demo.passwords[demo.grace])
        assert client.create(token)[0] == "OK"
        assert token.encode() in flat(client.list()[1])
        assert client.select("INBOX")[0] == "OK"
        _, (number,) = client.search(None, "SUBJECT", token)

        assert b"\\Flagged" in flat(client.store(number, "+FLAGS", "\\Flagged")[1])
        assert client.copy(number, token)[0] == "OK"
        client.store(number, "+FLAGS", "\\Deleted")
        assert number in client.expunge()[1]

        assert client.select(token)[1] == [b"1"]
        fetched = flat(client.fetch("1", "(FLAGS ENVELOPE BODYSTRUCTURE BODY[TEXT])")[1])
        assert b"Hello." in fetched
        assert b"\\Flagged" in fetched
        assert client.close()[0] == "OK"
        assert client.delete(token)[0] == "OK"


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_imapclient(demo: Demo, token: str, tls: str) -> None:
    demo.send(token)
    port = demo.ports["imap", tls]
    implicit = tls == "implicit"
    client = imapclient.IMAPClient("localhost", port, ssl=implicit, ssl_context=demo.context())
    with client:
        if not implicit:
            client.starttls(demo.context())
        client.login(demo.grace, demo.passwords[demo.grace])
        client.create_folder(f"{token}/Тест")
        assert f"{token}/Тест" in [name for _, _, name in client.list_folders()]
        client.select_folder("INBOX")
        uids = client.search(["SUBJECT", token])
        client.move(uids, f"{token}/Тест")
        assert client.search(["SUBJECT", token]) == []
        client.select_folder(f"{token}/Тест")
        (uid,) = client.search("ALL")
        fetched = client.fetch([uid], ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "RFC822.SIZE"])[uid]
        assert fetched[b"ENVELOPE"].subject == token.encode()
        assert fetched[b"BODYSTRUCTURE"][0] == b"text"
        client.idle()
        assert client.idle_done()[0].startswith(b"IDLE")


@pytest.mark.parametrize("tls", ["implicit"])
def test_aioimaplib(demo: Demo, token: str, tls: str) -> None:
    demo.send(token)

    async def visit() -> tuple[list[bytes], list[bytes]]:
        client = aioimaplib.IMAP4_SSL(
            "localhost", demo.ports["imap", tls], ssl_context=demo.context()
        )
        await client.wait_hello_from_server()
        await client.login(demo.grace, demo.passwords[demo.grace])
        await client.select("INBOX")
        idling = await client.idle_start(timeout=20)
        await asyncio.to_thread(demo.send, f"{token}-second")
        pushed = await client.wait_server_push()
        client.idle_done()
        await asyncio.wait_for(idling, 20)
        found = await client.search(f"SUBJECT {token}")
        await client.logout()
        return pushed, found.lines

    pushed, found = asyncio.run(visit())

    assert any(line.endswith(b"EXISTS") for line in pushed)
    assert len(found[0].split()) == 2


def test_a_client_without_the_ca_refuses(demo: Demo) -> None:
    stranger = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL("localhost", demo.ports["imap", "implicit"], ssl_context=stranger)
