"""The disk is full: mail is deferred, reading goes on, nothing is lost, and it ends by itself.

On a tmpfs and on an ext4 where this may mount them (as root), else with a limit on the size
of files.  The log lies on the same disk: what cannot be logged must not stop the mail.
"""

import asyncio
import base64
import contextlib
import imaplib
import os
import poplib
import random
import signal
import smtplib
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from mailclad.app.open import opened
from mailclad.engines.sqlite.verify import verify
from mailclad.store.queue import QueueCounts
from tests.faults.load import PEOPLE, octets_of
from tests.faults.serving import PASSWORD, SECONDS, House, address, wait_until
from tests.faults.sink import Sink, in_background
from tests.faults.small_disk import SmallDisk, small_disk

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*poplib:DeprecationWarning")]

ADA = address(PEOPLE[0])
LARGE = b"Subject: large\r\n\r\n" + b"all of it\r\n" * 60_000
BULK = b"Subject: more than the index\r\n\r\n" + base64.encodebytes(
    random.Random(1).randbytes(6 << 20)
).replace(b"\n", b"\r\n")
SHORT_OF_ROOM = 400_000
KINDS = ["limit", "tmpfs", "ext4"]

ROUTE = """
[[deliver.route]]
domain = "there.test"
host = "127.0.0.1"
port = {port}
policy = "none"
"""

Tell = Callable[[Callable[[], None]], object]
"""Has something done where the sink is."""


class Shop:
    """One person's mail on a small disk, and what was acknowledged of it."""

    def __init__(self, house: House, disk: SmallDisk) -> None:
        self.house, self.disk = house, disk
        self.clients = contextlib.ExitStack()
        self.acknowledged: list[bytes] = []

    def smtp(self) -> smtplib.SMTP:
        port = self.house.ports["smtp", "starttls"]
        client = self.clients.enter_context(smtplib.SMTP("localhost", port, timeout=SECONDS))
        client.starttls(context=self.house.context())
        return client

    def submission(self) -> smtplib.SMTP:
        port, context = self.house.ports["submission", "implicit"], self.house.context()
        client = smtplib.SMTP_SSL("localhost", port, timeout=SECONDS, context=context)
        self.clients.enter_context(client)
        client.login(ADA, PASSWORD)
        return client

    def lmtp(self) -> smtplib.SMTP:
        port = self.house.ports["lmtp", "none"]
        return self.clients.enter_context(smtplib.LMTP("localhost", port, timeout=SECONDS))

    def imap(self) -> imaplib.IMAP4_SSL:
        port, context = self.house.ports["imap", "implicit"], self.house.context()
        client = imaplib.IMAP4_SSL("localhost", port, ssl_context=context, timeout=SECONDS)
        self.clients.callback(client.shutdown)
        client.login(ADA, PASSWORD)
        return client

    def deliver(self, client: smtplib.SMTP, octets: bytes) -> str:
        """The refusal; "" when the message was taken."""
        try:
            client.sendmail(ADA, [ADA], octets)
        except smtplib.SMTPDataError as refusal:
            said = refusal.smtp_error
            return f"{refusal.smtp_code} {said if isinstance(said, str) else said.decode()}"
        self.acknowledged.append(octets)
        return ""

    def append(self, client: imaplib.IMAP4_SSL, octets: bytes) -> str:
        """The refusal; "" when the message was taken."""
        status, (text,) = client.append("INBOX", "", "", octets)
        if status == "OK":
            self.acknowledged.append(octets)
            return ""
        return f"{status} {text.decode()}"

    def stored(self) -> list[bytes]:
        """Every message, read as a mail program reads: without PEEK."""
        client = self.imap()
        client.select("INBOX")
        status, answer = client.fetch("1:*", "(BODY[])")
        assert status == "OK", "reading goes on although \\Seen cannot be kept"
        return [item[1] for item in answer if isinstance(item, tuple)]

    def check_all_there(self) -> None:
        stored = self.stored()
        missing = [o[:80] for o in self.acknowledged if not any(s.endswith(o) for s in stored)]
        assert missing == []


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    log = tmp_path / "disk" / "log"
    # One worker: two would each have a pack to fill, where the limit is on each file.
    house = House(tmp_path, tmp_path / "disk" / "data", workers=1, log=log)

    def processes() -> list[int]:
        return [house.running.pid, *house.worker_pids()]

    with small_disk(request.param, tmp_path / "disk", processes) as disk:
        try:
            house.prepare(PEOPLE[:1])
            house.start()
            made = Shop(house, disk)
            with made.clients:
                yield made
        finally:
            house.end()


def until_refused(shop: Shop, client: smtplib.SMTP) -> str:
    """Deliver until there is no room: the first refusal."""
    for number in range(10_000):
        refusal = shop.deliver(client, octets_of(number))
        if refusal:
            return refusal
    raise AssertionError("the disk does not fill")


def check_everything_is_deferred(shop: Shop) -> None:
    for client in (shop.smtp(), shop.submission(), shop.lmtp()):
        for octets in (octets_of(1) + octets_of(2), LARGE):
            assert shop.deliver(client, octets).startswith("452 4.3.1")
    imap = shop.imap()
    for octets in (octets_of(1) + octets_of(2), LARGE):
        assert shop.append(imap, octets).startswith("NO [UNAVAILABLE]")


def check_reading_goes_on(shop: Shop) -> None:
    shop.check_all_there()
    port, context = shop.house.ports["pop3", "implicit"], shop.house.context()
    pop = poplib.POP3_SSL("localhost", port, timeout=SECONDS, context=context)
    shop.clients.callback(pop.close)
    pop.user(ADA)
    pop.pass_(PASSWORD)
    _, lines, _ = pop.retr(2)
    assert lines[-1].startswith(b"the end of")
    pop.quit()


def test_a_full_disk_defers_mail_and_loses_none(shop: Shop) -> None:
    client = shop.smtp()
    assert shop.deliver(client, BULK) == ""
    assert shop.deliver(client, octets_of(0)) == ""
    shop.disk.fill(leave=SHORT_OF_ROOM)
    assert until_refused(shop, client).startswith("452 4.3.1")
    shop.disk.fill()
    check_everything_is_deferred(shop)
    check_reading_goes_on(shop)

    shop.disk.make_room()
    assert shop.deliver(client, octets_of(7)) == "", "on the same connection"
    imap = shop.imap()
    assert shop.append(imap, octets_of(8)) == ""
    shop.check_all_there()
    assert verify(shop.house.data) == []
    shop.house.kill_all()
    shop.house.start()
    shop.check_all_there()


def test_what_dies_while_the_disk_is_full_is_replaced_and_serves(shop: Shop) -> None:
    client = shop.lmtp()
    assert shop.deliver(client, BULK) == ""
    assert shop.deliver(client, octets_of(1)) == ""
    shop.disk.fill()
    before = shop.house.worker_pids()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not set(before) & set(shop.house.worker_pids()), "a worker is not gone")
    check_reading_goes_on(shop)
    shop.house.kill_all()
    shop.house.start()  # of the whole server too
    check_reading_goes_on(shop)
    shop.disk.make_room()
    client = shop.lmtp()
    assert shop.deliver(client, octets_of(2)) == ""
    shop.check_all_there()
    assert verify(shop.house.data) == []


def test_a_log_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    """Neither a message nor a process: each line of the log fails from the start."""
    house = House(tmp_path, tmp_path / "data", log=Path("/dev/full"))
    house.prepare(PEOPLE[:1])
    try:
        house.start()
        shop = Shop(house, SmallDisk(tmp_path))
        with shop.clients:
            assert shop.deliver(shop.smtp(), octets_of(1)) == ""
            for pid in (before := house.worker_pids()):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not set(before) & set(house.worker_pids()), "a worker is not gone")
            assert shop.deliver(shop.lmtp(), octets_of(2)) == ""
            assert len(shop.stored()) == 2
            shop.check_all_there()
        house.stop()
    finally:
        house.end()


BOB = "bob@there.test"


@pytest.fixture(params=KINDS)
def sending(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Shop, Sink, Tell]]:
    """A shop whose mail for elsewhere goes to a sink."""
    house = House(tmp_path, tmp_path / "disk" / "data", workers=1)

    def processes() -> list[int]:
        return [house.running.pid, *house.worker_pids()]

    with (
        in_background() as (sink, loop),
        small_disk(request.param, tmp_path / "disk", processes) as disk,
    ):
        try:
            house.prepare(PEOPLE[:1], ROUTE.format(port=sink.port))
            house.start()
            made = Shop(house, disk)
            with made.clients:
                yield made, sink, loop.call_soon_threadsafe
        finally:
            house.end()


def test_what_was_queued_before_the_disk_was_full_is_sent_once(
    sending: tuple[Shop, Sink, Tell],
) -> None:
    """Full while the other server decides: what it took cannot be written down, until it can."""
    shop, sink, tell = sending
    tell(sink.taking.clear)
    client = shop.submission()
    client.sendmail(ADA, [ADA], BULK)  # so that the packs are what fills the disk
    letters = [octets_of(number) for number in range(1, 11)]
    for octets in letters:
        client.sendmail(ADA, [BOB], octets)
    wait_until(lambda: len(sink.messages) >= 3, "nothing is under way")
    wait_until(lambda: _counts(shop.house.data).waiting == 0, "not all is leased")
    shop.disk.fill()
    tell(sink.taking.set)
    wait_until(lambda: len(sink.messages) == len(letters), "a full disk stops what is queued")
    for octets in (octets_of(11) + octets_of(12), LARGE):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(ADA, [BOB], octets)
        assert refused.value.smtp_code == 452

    shop.disk.make_room()
    wait_until(lambda: _waiting(shop.house.data) == 0, "the queue does not empty")
    client.sendmail(ADA, [BOB], octets_of(13))
    wait_until(lambda: len(sink.messages) == len(letters) + 1, "nothing is sent any more")
    wait_until(lambda: _waiting(shop.house.data) == 0, "the queue does not empty")
    assert len(sink.messages) == len(letters) + 1, "each once"
    sent = [message_from_bytes(one.replace(b"\r\n..", b"\r\n.")) for one in sink.messages]
    for octets in (*letters, octets_of(13)):
        letter = message_from_bytes(octets)
        (found,) = [one for one in sent if one["Message-ID"] == letter["Message-ID"]]
        assert found.get_payload(decode=True) == letter.get_payload(decode=True)
    assert verify(shop.house.data) == []


def _waiting(data: Path) -> int:
    return _counts(data).messages


def _counts(data: Path) -> QueueCounts:
    async def count() -> QueueCounts:
        async with opened(data) as things:
            return await things.store.queue_counts()

    return asyncio.run(count())
