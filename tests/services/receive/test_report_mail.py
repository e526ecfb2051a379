"""Mail for report addresses: read, and in nobody's mailbox but that of who has the address."""

import asyncio
from pathlib import Path

import pytest

from mailclad.mail.address import parse_address
from mailclad.protocols.smtp.command import Mail
from mailclad.services.receive.guard import Arrived, Client, MailFrom, Opinion, Refused
from mailclad.services.receive.report_mail import ReportMail
from mailclad.services.reports import intake
from mailclad.store.model import Alias
from tests.services.reports.scene import Scene, play
from tests.services.reports.test_intake import DNS, dmarc_mail, signed

CLIENT = Client("192.0.2.1", 25, "mail.ours.test")
SENDER = MailFrom(CLIENT, "id", Mail(None))


async def opinion(scene: Scene, *recipients: str, prefix: bytes = b"") -> Opinion:
    guard = ReportMail(scene.addresses, scene.store, scene.intake)
    to = tuple(map(parse_address, recipients))
    message = Arrived(prefix + signed(dmarc_mail()), len(prefix), to)
    return await guard.meet(CLIENT).message(SENDER, message)


async def left(scene: Scene, *recipients: str) -> tuple[list[str], bool]:
    """Who still gets the message, and whether nobody does."""
    found = await opinion(scene, *recipients)
    return list(map(str, found.recipients or ())), found.discard


def test_only_who_has_the_address_gets_the_mail_too(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        assert await left(scene, "dmarc@ours.test") == ([], True)
        assert await left(scene, "ann@ours.test", "dmarc@ours.test") == (["ann@ours.test"], False)
        await scene.store.set_alias(Alias("*@ours.test", ("ann@ours.test",)))
        assert await left(scene, "dmarc@ours.test") == ([], True)
        await scene.store.set_alias(Alias("dmarc@ours.test", ("ann@ours.test",)))
        assert await left(scene, "DMARC@ours.test") == (["DMARC@ours.test"], False)
        await scene.store.add_account("tlsrpt@ours.test", "", 1)
        assert await left(scene, "tlsrpt@ours.test") == (["tlsrpt@ours.test"], False)
        assert len(await scene.store.received_reports(0)) == 1

    play(tmp_path, scenario, DNS)


def test_other_mail_is_not_looked_at(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        assert await opinion(scene, "ann@ours.test") == Opinion()
        # On its way to another server, which has such an address of its own.
        assert await opinion(scene, "dmarc@elsewhere.test") == Opinion()
        assert await scene.store.received_reports(0) == []

    play(tmp_path, scenario, DNS)


def test_what_stands_before_the_senders_header_is_not_read(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await opinion(scene, "dmarc@ours.test", prefix=b"Received: from x\r\n\r\n")
        (one,) = await scene.store.received_reports(0)
        assert one.report.vouched == "reporter.test"

    play(tmp_path, scenario, DNS)


def test_who_comes_while_too_many_wait_is_asked_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "WAITING", 1)

    async def scenario(scene: Scene) -> None:
        first = asyncio.create_task(opinion(scene, "dmarc@ours.test"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await opinion(scene, "dmarc@ours.test")
        assert refused.value.reply.code == 451
        await first

    play(tmp_path, scenario, DNS)
