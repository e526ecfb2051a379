"""Octets of a pack that decay: that message is refused, all others are served, verify names it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailclad.engines.packs.reader import pack_numbers, scan
from mailclad.engines.packs.writer import pack_path
from tests.faults.client import READER, Client
from tests.faults.load import octets_of
from tests.faults.serving import House

pytestmark = pytest.mark.slow

LONG = b"Subject: long\r\n\r\n" + b"".join(b"line %d\r\n" % number for number in range(150_000))
MESSAGES = [octets_of(1), octets_of(2), LONG, octets_of(3)]
SHORT_DAMAGED, LONG_DAMAGED = 2, 3


@dataclass(frozen=True)
class Record:
    """Where the record of a message lies."""

    file: Path
    start: int
    header_octets: int
    octets: int

    def flip(self, at: int) -> None:
        """Turn around one octet of it."""
        with self.file.open("r+b") as pack:
            pack.seek(self.start + at)
            (octet,) = pack.read(1)
            pack.seek(self.start + at)
            pack.write(bytes([octet ^ 0xFF]))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One worker, so that one pack has all messages in their order."""
    made = House(tmp_path, tmp_path / "data", workers=1)
    made.prepare([READER])
    try:
        made.start()
        with Client(made, "imap") as client:
            client.log_in()
            for octets in MESSAGES:
                assert client.append(b"INBOX", octets).startswith(b"a OK")
        yield made
    finally:
        made.end()


def records(house: House) -> list[Record]:
    packs = house.data / "packs"
    (number,) = pack_numbers(packs)
    file = pack_path(packs, number)
    return [
        Record(file, start, header.header_octets, header.record_octets)
        for start, header in scan(packs, number)
    ]


def verified(house: House) -> tuple[int, list[str]]:
    """What `mailclad verify` says, and its exit status."""
    file = str(house.folder / "mailclad.toml")
    command = [sys.executable, "-m", "mailclad", "verify", "--json", "--config", file]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return done.returncode, json.loads(done.stdout)["problems"]


def fetched(client: Client, number: int) -> bytes:
    return b"".join(client.tagged(b"f FETCH %d BODY.PEEK[]" % number))


def check_the_others(house: House) -> None:
    """Over IMAP and POP3, one by one."""
    with Client(house, "imap") as imap, Client(house, "pop3") as pop:
        imap.log_in()
        pop.log_in()
        imap.tagged(b"s SELECT INBOX")
        for number in (1, 4):
            octets = MESSAGES[number - 1]
            assert octets in fetched(imap, number)
            pop.send(b"RETR %d\r\n" % number)
            assert pop.line().startswith(b"+OK")
            read = b""
            while (line := pop.line()) != b".\r\n":
                read += line.removeprefix(b".")
            assert read == octets


@pytest.mark.parametrize("place", ["header", "octets"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_damaged_message_is_refused_alone(house: House, place: str, restarted: bool) -> None:
    record = records(house)[SHORT_DAMAGED - 1]
    if restarted:
        house.stop()
    record.flip(20 if place == "header" else record.octets - 50)
    if restarted:
        house.start()
    with Client(house, "imap") as imap, Client(house, "pop3") as pop:
        imap.log_in()
        imap.tagged(b"s SELECT INBOX")
        assert fetched(imap, SHORT_DAMAGED).startswith(b"f NO [CORRUPTION]")
        together = b"".join(imap.tagged(b"f FETCH 1,2,4 BODY.PEEK[]"))
        assert b"f NO [CORRUPTION]" in together
        assert MESSAGES[0] in together
        assert MESSAGES[3] in together
        envelope = imap.tagged(b"f FETCH 1:* (ENVELOPE FLAGS RFC822.SIZE)")
        assert len(envelope) == len(MESSAGES) + 1, "lists do not need the octets"
        assert imap.tagged(b"c COPY 1:* Shelf")[-1].startswith(b"c OK")
        pop.log_in()
        assert pop.ask(b"RETR %d" % SHORT_DAMAGED).startswith(b"-ERR [SYS/PERM]")
        pop.others_are_served()
        pop.lives_on()
        imap.lives_on()
    check_the_others(house)
    status, problems = verified(house)
    assert status == 3
    assert len(problems) == 1
    assert f"pack 1, offset {record.start}" in problems[0]


def test_damage_behind_what_was_sent_ends_the_connection(house: House) -> None:
    """No client may take the half for the whole."""
    record = records(house)[LONG_DAMAGED - 1]
    record.flip(record.octets - 50)
    with Client(house, "imap") as imap:
        imap.log_in()
        imap.tagged(b"s SELECT INBOX")
        imap.send(b"f FETCH %d BODY.PEEK[]\r\n" % LONG_DAMAGED)
        sent = imap.rest()
        assert b"{%d}" % len(LONG) in sent
        assert b"f OK" not in sent
        assert len(sent) < len(LONG)
    with Client(house, "pop3") as pop:
        pop.log_in()
        pop.send(b"RETR %d\r\n" % LONG_DAMAGED)
        sent = pop.rest()
        assert not sent.endswith(b"\r\n.\r\n")
        assert len(sent) < len(LONG)
    with Client(house, "imap") as imap:
        imap.log_in()
        imap.tagged(b"s SELECT INBOX")
        start = b"".join(imap.tagged(b"f FETCH %d BODY.PEEK[]<0.1000>" % LONG_DAMAGED))
        assert LONG[:1000] in start, "what is whole is served"
    check_the_others(house)
    status, problems = verified(house)
    assert status == 3
    assert [f"pack 1, offset {record.start}" in problem for problem in problems] == [True]


def test_a_search_through_damaged_octets_goes_on(house: House) -> None:
    record = records(house)[SHORT_DAMAGED - 1]
    record.flip(record.octets - 50)
    with Client(house, "imap") as imap:
        imap.log_in()
        imap.tagged(b"s SELECT INBOX")
        assert imap.ask(b'q SEARCH BODY "the end of 3"') == b"* SEARCH 4\r\n"
        assert imap.line().startswith(b"q OK")
        assert imap.tagged(b'q SEARCH SUBJECT "letter"')[-1].startswith(b"q OK")
        imap.lives_on()


def test_a_pack_that_is_gone_costs_its_messages_only(house: House) -> None:
    (pack,) = (house.data / "packs").glob("*.pack")
    house.stop()
    pack.unlink()
    house.start()
    with Client(house, "imap") as imap:
        imap.log_in()
        imap.tagged(b"s SELECT INBOX")
        assert fetched(imap, 1).startswith(b"f NO [CORRUPTION]")
        octets = octets_of(9)
        assert imap.append(b"INBOX", octets).startswith(b"a OK")
        assert octets in fetched(imap, len(MESSAGES) + 1)
    status, problems = verified(house)
    assert status == 3
    assert len(problems) == len(MESSAGES)
