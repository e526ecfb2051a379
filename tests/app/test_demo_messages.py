"""The sample mailbox: varied, sound where it means to be, and leading nowhere."""

# ruff: noqa: E501 - a case is one line of a table

import email
import email.policy
import re
import zlib

import pytest

from mailclad.app.demo_messages import ADA, GRACE, Sample, sample_mailbox
from mailclad.mail.parts import unpack_parts
from mailclad.protocols.imap.prepare import prepare
from mailclad.store.model import Flag

NOW = 1_780_000_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def samples() -> tuple[Sample, ...]:
    return sample_mailbox(NOW)


def test_there_are_about_forty_for_two_people(samples: tuple[Sample, ...]) -> None:
    assert 40 <= len({sample.octets for sample in samples}) <= 50
    assert {sample.address for sample in samples} == {ADA, GRACE}
    assert {sample.mailbox for sample in samples} == {
        "INBOX",
        "Sent",
        "Drafts",
        "Junk",
        "Trash",
        "Archive",
    }


def test_the_newest_says_what_to_try(samples: tuple[Sample, ...]) -> None:
    for owner in (ADA, GRACE):
        inbox = [one for one in samples if one.address == owner and one.mailbox == "INBOX"]
        assert prepare(inbox[-1].octets).subject == "three things to try"
        assert not inbox[-1].flags & Flag.SEEN
        assert [one.date for one in inbox] == sorted(one.date for one in inbox)
        assert inbox[-1].date <= NOW


def test_they_can_be_stored_and_sent(samples: tuple[Sample, ...]) -> None:
    for sample in samples:
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", sample.octets)
        assert max(map(len, sample.octets.split(b"\r\n"))) <= 998
        prepared = prepare(sample.octets)
        assert prepared.sent_at == sample.date


def test_they_lead_nowhere(samples: tuple[Sample, ...]) -> None:
    for sample in samples:
        hosts = re.findall(rb"(?:https?://|[\w.]@)([\w.-]+)", sample.octets)
        assert all(host.rstrip(b".").endswith((b".example", b"demo.localhost")) for host in hosts)


def test_those_meant_to_be_sound_are(samples: tuple[Sample, ...]) -> None:
    for sample in samples:
        message = email.message_from_bytes(sample.octets, policy=email.policy.default)
        defects = [defect for part in message.walk() for defect in part.defects]
        assert not defects or b"An end that never comes" in sample.octets


def test_the_thread_hangs_together(samples: tuple[Sample, ...]) -> None:
    thread = [
        email.message_from_bytes(one.octets) for one in samples if b"<engine." in one.octets[:600]
    ]
    ids = {one["Message-ID"] for one in thread if one["Subject"].endswith("Analytical Engine")}
    asked = {word for one in thread for word in (one["References"] or "").split()}

    assert len(ids) >= 5
    assert asked < ids


def test_the_awkward_kinds_are_there(samples: tuple[Sample, ...]) -> None:
    types = {
        part.get_content_type()
        for sample in samples
        for part in email.message_from_bytes(sample.octets).walk()
    }
    assert types >= {
        "text/calendar", "application/pdf", "image/png", "message/rfc822", "multipart/digest", "multipart/report",
        "message/delivery-status", "application/tlsrpt+gzip", "text/html", "multipart/related",
    }  # fmt: skip
    charsets = {unpack_parts(prepare(sample.octets).parts).charset for sample in samples}
    assert charsets >= {"iso-2022-jp", "koi8-r", "iso-8859-1", "utf-8"}
    assert max(len(sample.octets) for sample in samples) > 8_000_000


def test_the_pictures_are_pictures(samples: tuple[Sample, ...]) -> None:
    for sample in samples:
        for part in email.message_from_bytes(sample.octets).walk():
            if part.get_content_type() == "image/png":
                octets = part.get_payload(decode=True)
                assert isinstance(octets, bytes)
                assert octets.startswith(b"\x89PNG\r\n\x1a\n")
                size = int.from_bytes(octets[33:37], "big")
                assert zlib.crc32(octets[37 : 41 + size]) == int.from_bytes(
                    octets[41 + size : 45 + size], "big"
                )
