"""Servers that our mail goes to and that want it in the clear (NO STARTTLS, T-NS2 and T-NS3).

Through the whole server: queue, routes, connections.  The verdict is what the other side was sent
before a handshake: with TLS demanded not a word of mail, and never an octet of a password.
"""

import asyncio
import base64
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mailclad.app.settings.deliver import RouteConfig
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.servers.outbound import Patience, connect
from tests.app.served import issue
from tests.dns.server import StubDns
from tests.faults.posting import posting, route
from tests.faults.sink import Sink, context_of, listening

pytestmark = pytest.mark.slow

LETTER = b"From: ada@ours.test\r\nSubject: hello\r\n\r\nhello\r\n"
PASSWORD = b"only for the smart host"
LOGIN = base64.b64encode(b"\0us\0" + PASSWORD)
QUICK = Patience(connect=5, greeting=5, command=0.3, data=5, block=5, message=5, quit=0.2)

CLEAR_EHLO = b"250-sink.test\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"
INJECTED = b"220 go\r\n250-sink.test\r\n250-AUTH PLAIN\r\n250 ok\r\n"
ATTACKS: dict[str, dict[str, bytes | None]] = {
    "stripped": {"EHLO": CLEAR_EHLO},
    "no EHLO at all": {"EHLO": b"500 what\r\n", "HELO": b"250 sink.test\r\n"},
    "injected": {"STARTTLS": INJECTED},
    "injected half a line": {"STARTTLS": b"220 go\r\n250-sink.test\r\n250 AU"},
    "454": {"STARTTLS": b"454 4.7.0 not now\r\n"},
    "502": {"STARTTLS": b"502 5.5.1 what\r\n"},
    "554": {"STARTTLS": b"554 5.7.0 never\r\n"},
    "421": {"STARTTLS": b"421 4.3.2 bye\r\n"},
    "another code": {"STARTTLS": b"250 ok\r\n"},
    "no code": {"STARTTLS": b"go ahead!\r\n"},
    "silence": {"STARTTLS": None},
    "220 and an alert": {"STARTTLS": b"220 go\r\n\x15\x03\x01\x00\x02\x02\x28"},
}
"""Only "injected" goes on with a handshake; for the others the sink has no certificate."""


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other side's certificate is good, and nobody waits long for what never comes."""
    issue(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority" / "ca.pem"))
    impatient = partial(connect, patience=QUICK)
    monkeypatch.setattr("mailclad.app.delivering.open_connection", impatient)


async def attempt(folder: Path, sink: Sink, way: RouteConfig, *, arrives: bool) -> list[Any]:
    """Submit one message; it is sent, or waits after its first attempt."""
    zones = {"localhost": {"A": ["127.0.0.1"]}}
    async with StubDns(zones) as dns, posting(folder, dns, [way]) as post:
        assert (await post.submit(LETTER, "bob@there.test"))[0] == "2"
        if not arrives:
            return await post.attempted()
        await post.sent()
        return []


def attacked(folder: Path, attack: str, level: TlsLevel | None, **login: Any) -> tuple[Sink, str]:
    """What the attacker has heard, and what the attempt has noted."""

    async def main() -> tuple[Sink, str]:
        tls = context_of(folder) if attack.startswith("injected") else None
        async with listening(tls, ATTACKS[attack]) as sink:
            way = route("*", sink.port, host="localhost", policy=level, **login)
            attempts = await attempt(folder, sink, way, arrives=level is TlsLevel.MAY)
            return sink, attempts[-1].answer if attempts else ""

    return asyncio.run(main())


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("level", [TlsLevel.ENCRYPT, TlsLevel.VERIFY])
def test_where_tls_is_demanded_nothing_goes_in_the_clear(
    tmp_path: Path, attack: str, level: TlsLevel
) -> None:
    sink, answer = attacked(tmp_path, attack, level)
    assert sink.talks, "it was tried"
    assert b"MAIL" not in sink.clear
    assert sink.messages == []
    assert answer.startswith("4"), "and is tried again"


@pytest.mark.parametrize("attack", ATTACKS)
def test_where_it_is_not_mail_goes_all_the_same(tmp_path: Path, attack: str) -> None:
    sink, _ = attacked(tmp_path, attack, TlsLevel.MAY)
    (message,) = sink.messages
    assert message.endswith(LETTER)
    if attack.startswith("injected"):
        for talk in sink.talks:
            assert not (b"STARTTLS\r\n" in talk.clear and talk.messages), "it was believed"


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_octet_of_a_password_before_a_verified_handshake(tmp_path: Path, attack: str) -> None:
    (tmp_path / "password").write_bytes(PASSWORD)
    sink, _ = attacked(tmp_path, attack, None, login="us", password_file=tmp_path / "password")
    for talk in sink.talks:
        assert b"AUTH" not in talk.clear + talk.inside
        assert b"MAIL" not in talk.clear


@pytest.mark.parametrize("known", [True, False])
def test_a_password_is_for_the_server_that_was_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    (tmp_path / "password").write_bytes(PASSWORD)
    if not known:
        (tmp_path / "other").mkdir()
        issue(tmp_path / "other")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other" / "authority" / "ca.pem"))

    async def main() -> None:
        async with listening(context_of(tmp_path)) as sink:
            way = RouteConfig(
                domain="*", host="localhost", port=sink.port,
                login="us", password_file=tmp_path / "password",
            )  # fmt: skip
            await attempt(tmp_path, sink, way, arrives=known)
            assert len(sink.messages) == known
            for talk in sink.talks:
                assert b"AUTH" not in talk.clear
                assert (LOGIN in talk.inside) is known

    asyncio.run(main())
