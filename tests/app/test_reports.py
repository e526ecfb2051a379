"""From one server to another: noted, counted, sent when the day is over, taken, and shown."""

import asyncio
import json
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailclad.app import reporting
from mailclad.app.build import App, build, prepare
from mailclad.app.config import Config, load_config
from mailclad.app.sockets import open_sockets
from mailclad.cli.commands import mailclad
from mailclad.services.auth.password import Argon2id
from mailclad.services.provision.signing_keys import DomainKeys, published
from mailclad.services.provision.zone_text import quoted
from mailclad.services.reports.notes import NoNotes
from tests.dns.server import StubDns
from tests.engines.stores import opened
from tests.services.reports.scene import EXPIRED, FORGED, POLICY, ROW, STS

pytestmark = pytest.mark.slow

ZONES = {
    "_dmarc.theirs.test": {"TXT": ['"v=DMARC1; p=reject; rua=mailto:dmarc@theirs.test"']},
    "_smtp._tls.theirs.test": {"TXT": ['"v=TLSRPTv1; rua=mailto:TLSRPT@theirs.test"']},
}


def config_of(folder: Path, domain: str, dns: StubDns | None = None, more: str = "") -> Path:
    (folder / "data").mkdir(parents=True)
    file = folder / "mailclad.toml"
    server = f"{dns.address[0]}:{dns.address[1]}" if dns else "127.0.0.1:9"
    file.write_text(
        f'[server]\nhostname = "mail.{domain}"\ndata = "data"\n'
        f'[dns]\nservers = ["{server}"]\n{more}'
        '[[listen]]\nservice = "smtp"\ntls = "starttls"\nport = 2525\naddresses = ["127.0.0.1"]\n'
    )
    return file


@asynccontextmanager
async def running(
    config: Config, domain: str, *, started: bool = True
) -> AsyncIterator[tuple[App, int]]:
    """Not ``started``: nothing is done in the background."""
    listen = tuple([type(line)(**{**_fields(line), "port": 0}) for line in config.listen])
    bound = open_sockets(listen, {})
    shared = prepare(config, bound, ())
    app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
    await app.store.add_domain(domain)
    if started:
        await app.start()
    try:
        yield app, bound[0].port
    finally:
        await app.drain(0)
        await app.close()
        shared.throttle.close()
        for each in bound:
            for one in each.sockets:
                one.close()


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


async def queued(app: App) -> list[tuple[str, str, bytes]]:
    """Sender, recipient and octets of each message that waits."""
    found = []
    for one in (await app.store.queue_page()).messages:
        body = await app.store.body(one.message.content)
        found.append((one.message.sender, one.recipients[0].address, body.read(0, body.octets)))
        body.close()
    return found


def hand_over(port: int, mails: list[tuple[str, str, bytes]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        for sender, recipient, octets in mails:
            client.sendmail(sender, [recipient], octets)


async def report(app: App) -> None:
    """Two days back, as if that day's mail had been judged then."""
    past = app.parts.clock.now() - 2 * 86_400
    for row in (ROW, ROW, FORGED):
        app.parts.notes.dmarc_verdict(past, POLICY, row)
    for failure in (None, EXPIRED):
        app.parts.notes.tls_session(past, STS, failure)
    assert app.parts.counting is not None
    await app.parts.counting.flush()
    (send,) = [
        duty for duty in reporting.reporting_duties(app.parts) if duty.name == "send reports"
    ]
    await send.run()


def test_a_report_from_here_to_there(tmp_path: Path) -> None:
    async def scenario() -> Path:
        async with StubDns(ZONES) as dns:
            ours = config_of(tmp_path / "ours", "ours.test", dns)
            theirs = config_of(tmp_path / "theirs", "theirs.test", dns)
            async with (
                running(load_config(ours), "ours.test", started=False) as (app, _),
                running(load_config(theirs), "theirs.test") as (_, port),
            ):
                for key in await DomainKeys(app.store, app.parts.clock).ensure("ours.test"):
                    record = published(key)
                    dns.zones = {**dns.zones, record.name: {"TXT": [quoted(record.value)]}}
                await report(app)
                mails = await queued(app)
                assert {to for _, to, _ in mails} == {"dmarc@theirs.test", "TLSRPT@theirs.test"}
                await asyncio.to_thread(hand_over, port, mails)
            return theirs

    theirs = asyncio.run(scenario())
    said = json.loads(
        CliRunner().invoke(mailclad, ["report", "--json", "--config", str(theirs)]).output
    )
    (told,) = said["domains"]
    assert told["domain"] == "theirs.test"
    assert (told["dmarc"]["passed"], told["dmarc"]["failed"]) == (2, 1)
    assert told["dmarc"]["unsigned_reports"] == 0
    assert told["dmarc"]["sources"][0]["reporters"] == ["ours.test"]
    assert (told["tls"]["sessions"], told["tls"]["failed"]) == (2, 1)
    assert told["tls"]["problems"][0]["type"] == "certificate-expired"
    assert said["ignored"] == []


def test_reports_go_to_nobodys_mailbox_and_other_mail_is_no_report(tmp_path: Path) -> None:
    mail = b"Subject: hello\r\n\r\nNo report.\r\n"

    async def scenario() -> None:
        async with StubDns({}) as dns:
            config = load_config(config_of(tmp_path, "ours.test", dns))
            async with running(config, "ours.test") as (app, port):
                ann = await app.store.add_account("ann@ours.test", "", 1)

                async def sent(*recipients: str) -> int:
                    """How much Ann has afterwards."""

                    def send() -> None:
                        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
                            client.sendmail("x@there.test", list(recipients), mail)

                    await asyncio.to_thread(send)
                    return (await app.store.stat(ann.id, "INBOX")).messages

                assert await sent("dmarc@ours.test") == 0
                assert await sent("dmarc@ours.test", "ann@ours.test") == 1
                assert await sent("Dmarc@OURS.test", "tlsrpt@ours.test") == 1
                ignored = dict(await app.store.ignored_reports(0))
                assert ignored == {"the message has no attachment that could be a report": 3}
                with pytest.raises(smtplib.SMTPRecipientsRefused):
                    await sent("nobody@ours.test")
                with pytest.raises(smtplib.SMTPRecipientsRefused):
                    await sent("dmarc@elsewhere.test")

    asyncio.run(scenario())


def test_where_no_reports_are_sent_nothing_is_counted(tmp_path: Path) -> None:
    file = config_of(tmp_path, "ours.test", None, "[reports]\nsend = false\n")

    async def scenario() -> None:
        async with running(load_config(file), "ours.test") as (app, _):
            assert isinstance(app.parts.notes, NoNotes)
            assert [duty.name for duty in reporting.reporting_duties(app.parts)] == [
                "forget reports"
            ]

    asyncio.run(scenario())


def test_what_was_counted_last_is_written_down_at_the_end(tmp_path: Path) -> None:
    config = load_config(config_of(tmp_path, "ours.test"))

    async def scenario() -> None:
        async with running(config, "ours.test") as (app, _):
            app.parts.notes.dmarc_verdict(1_700_000_000, POLICY, ROW)

    asyncio.run(scenario())

    async def noted() -> int:
        async with opened(tmp_path / "data") as store:
            return sum(topic.seen for topic in await store.reports_of_ours(0))

    assert asyncio.run(noted()) == 1
