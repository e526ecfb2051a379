"""Reports of others: taken where sound and, for TLS, signed; else counted with the reason."""

import asyncio
import base64
import gzip
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.base.resolver import Answer, DnsProblem
from mailclad.mail.dkim.sign import sign_dkim
from mailclad.mail.dkim.signing_key import KeyKind, load_key, make_key, public_record
from mailclad.mail.dmarc import report as dmarc
from mailclad.mail.dmarc.record import Policy
from mailclad.mail.packed import unpack
from mailclad.mail.tls_rpt import TlsReport, read_report, write_report
from mailclad.services.reports import intake
from mailclad.services.reports.intake import TryLater
from mailclad.store.reports import ReportKind
from tests.dns.fake import Known
from tests.mail.dkim.test_dkimpy import signed_by_dkimpy
from tests.services.reports.scene import EXPIRED, FORGED, NOON, ROW, STS, Scene, play

KEY = load_key(make_key(KeyKind.ED25519), "reporter.test", "k")
KEY_AT = ("k._domainkey.reporter.test", "TXT")
RECORD = public_record(KEY).encode()
DNS: dict[tuple[str, str], Known] = {KEY_AT: [RECORD]}

DMARC = dmarc.Report(
    "Reporter <b>", "abuse@reporter.test", "id-1", 0, 86_399,
    dmarc.PolicyShown("ours.test", Policy.REJECT), (ROW, replace(FORGED, count=5)),
)  # fmt: skip
TLS = TlsReport(
    "Reporter", "tls@reporter.test", "id-1", 0, 86_399,
    (replace(STS, policy_domain="ours.test", successful_sessions=7, failed_sessions=1,
             failures=(EXPIRED,)),),
)  # fmt: skip


def mail(content: bytes, media_type: str = "application/gzip", name: str = "r.xml.gz") -> bytes:
    return b"\r\n".join([
        b"From: Reports <noreply@reporter.test>",
        b"To: <dmarc@ours.test>",
        b"Subject: Report",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="b"',
        b"",
        b"--b",
        b"Content-Type: text/plain",
        b"",
        b"Look here.",
        b"--b",
        b"Content-Type: " + media_type.encode(),
        b"Content-Transfer-Encoding: base64",
        b'Content-Disposition: attachment; filename="' + name.encode() + b'"',
        b"",
        base64.encodebytes(content).replace(b"\n", b"\r\n") + b"--b--",
        b"",
    ])  # fmt: skip


def dmarc_mail(report: dmarc.Report = DMARC) -> bytes:
    return mail(dmarc.pack_report(report))


def tls_mail(report: TlsReport = TLS) -> bytes:
    return mail(gzip.compress(write_report(report)), "application/tlsrpt+gzip", "r.json.gz")


def signed(message: bytes) -> bytes:
    return sign_dkim(message, [KEY], NOON) + message


def zipped(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


async def ignored(scene: Scene) -> dict[str, int]:
    return dict(await scene.store.ignored_reports(0))


def test_a_dmarc_report_is_kept_as_it_was_said(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.intake.take(signed(dmarc_mail()))
        (one,) = await scene.store.received_reports(0)
        told = one.report
        assert (told.kind, told.domain, told.organization) == (
            ReportKind.DMARC, "ours.test", "Reporter <b>",
        )  # fmt: skip
        assert (told.passed, told.failed, told.vouched) == (1, 5, "reporter.test")
        assert unpack(told.content, 10_000) == dmarc.write_report(DMARC)
        assert await ignored(scene) == {}

    play(tmp_path, scenario, DNS)


def test_of_a_dmarc_report_nobody_vouches_for_that_is_written_down(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.intake.take(dmarc_mail())
        (one,) = await scene.store.received_reports(0)
        assert one.report.vouched == ""

    play(tmp_path, scenario, DNS)


@pytest.mark.rfc("8460", "3")
def test_a_signed_tls_report_is_kept(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.intake.take(signed(tls_mail()))
        (one,) = await scene.store.received_reports(0)
        assert (one.report.kind, one.report.passed, one.report.failed) == (ReportKind.TLS, 7, 1)
        assert read_report(one.report.content) == TLS

    play(tmp_path, scenario, DNS)


def altered(message: bytes) -> bytes:
    return signed(message).replace(b"Look here.", b"Look away.")


def by_somebody_else(message: bytes) -> bytes:
    return signed(message.replace(b"noreply@reporter.test", b"noreply@victim.test"))


def with_length(message: bytes) -> bytes:
    """A signature over the beginning of the body only."""
    forms = (b"relaxed", b"relaxed")
    return signed_by_dkimpy(message, KEY, forms, length=True) + b"and more\r\n"


@pytest.mark.rfc("8460", "3")
@pytest.mark.parametrize("make", [bytes, altered, by_somebody_else, with_length])
def test_a_tls_report_without_a_good_signature_is_ignored_and_counted(
    tmp_path: Path, make: type[bytes]
) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.intake.take(make(tls_mail()))
        assert await scene.store.received_reports(0) == []
        assert await ignored(scene) == {
            "a TLS report without a valid signature of its sender (DKIM)": 1
        }

    play(tmp_path, scenario, DNS)


@pytest.mark.parametrize(
    ("service", "kept"), [(b"tlsrpt", 1), (b"*", 1), (b"email", 0), (b"tlsrpt:email", 1)]
)
def test_the_key_must_be_good_for_tls_reports(tmp_path: Path, service: bytes, kept: int) -> None:
    record = RECORD.replace(b"v=DKIM1;", b"v=DKIM1; s=" + service + b";")

    async def scenario(scene: Scene) -> None:
        await scene.intake.take(signed(tls_mail()))
        assert len(await scene.store.received_reports(0)) == kept

    play(tmp_path, scenario, {KEY_AT: [record]})


def test_while_dns_does_not_answer_the_sender_is_asked_to_come_again(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        with pytest.raises(TryLater):
            await scene.intake.take(signed(tls_mail()))
        assert await ignored(scene) == {}

    play(tmp_path, scenario, {KEY_AT: DnsProblem("no answer")})


def test_the_same_report_counts_once(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.intake.take(dmarc_mail())
        await scene.intake.take(dmarc_mail(replace(DMARC, end=86_400)))
        await scene.intake.take(dmarc_mail(replace(DMARC, report_id="id-2")))
        assert len(await scene.store.received_reports(0)) == 2
        assert await ignored(scene) == {"the report was here already": 1}

    play(tmp_path, scenario, DNS)


def test_without_an_identifier_what_is_said_is_the_identifier(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        for end in (1, 2, 2):
            await scene.intake.take(dmarc_mail(replace(DMARC, report_id="", end=end)))
        assert len(await scene.store.received_reports(0)) == 2

    play(tmp_path, scenario, DNS)


def test_a_tls_report_about_several_domains_is_one_for_each_of_ours(tmp_path: Path) -> None:
    policies = tuple(
        replace(STS, policy_domain=name, failed_sessions=1)
        for name in ("ours.test", "mx.ours.test", "foreign.test", "yours.test")
    )

    async def scenario(scene: Scene) -> None:
        await scene.intake.take(signed(tls_mail(replace(TLS, policies=policies))))
        found = await scene.store.received_reports(0)
        assert [one.report.domain for one in found] == ["ours.test", "mx.ours.test"]

    play(tmp_path, scenario, DNS)


BOMB = gzip.compress(bytes(200 * 1024 * 1024))
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">'
    b"]><feedback>&b;</feedback>"
)
MANY = b"<feedback>" + b"<record/>" * 1_000_000 + b"</feedback>"
REAL = dmarc.write_report(DMARC)


def lying(content: bytes) -> bytes:
    """A zip that declares ten octets and unpacks to many more."""
    made = bytearray(zipped(("r.xml", content)))
    made[22:26] = (10).to_bytes(4, "little")
    return bytes(made)


BAD = {
    "nothing": (b"", "text/plain", "a.txt"),
    "no xml": (gzip.compress(b"hello"), "application/gzip", "r.xml.gz"),
    "gzip bomb": (BOMB, "application/gzip", "r.xml.gz"),
    "gzip bomb of TLS": (BOMB, "application/tlsrpt+gzip", "r.json.gz"),
    "zip bomb": (zipped(("r.xml", bytes(200 << 20))), "application/zip", "r.zip"),
    "lying zip bomb": (lying(bytes(50 << 20)), "application/zip", "r.zip"),
    "zip in a zip": (zipped(("r.zip", zipped(("r.xml", REAL)))), "application/zip", "r.zip"),
    "two members": (zipped(("a.xml", REAL), ("b.xml", REAL)), "application/zip", "r.zip"),
    "billion laughs": (gzip.compress(LAUGHS), "application/gzip", "r.xml.gz"),
    "a million records": (gzip.compress(MANY), "application/gzip", "r.xml.gz"),
    "deep": (b"<a>" * 100_000, "text/xml", "r.xml"),
    "deep JSON": (b"[" * 100_000, "application/json", "r.json"),
    "cut off": (dmarc.pack_report(DMARC)[:-20], "application/gzip", "r.xml.gz"),
    "another's": (
        dmarc.pack_report(replace(DMARC, policy=dmarc.PolicyShown("victim.test"))),
        "application/gzip", "r.xml.gz",
    ),
    "the year 10000": (
        dmarc.pack_report(replace(DMARC, begin=10**17, end=0)), "application/gzip", "r.xml.gz"
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_report_is_counted_with_the_reason(tmp_path: Path, name: str) -> None:
    content, media_type, file_name = BAD[name]

    async def scenario(scene: Scene) -> None:
        await scene.intake.take(signed(mail(content, media_type, file_name)))
        assert await scene.store.received_reports(0) == []
        ((reason, number),) = (await ignored(scene)).items()
        assert number == 1
        assert reason.isascii()
        assert len(reason) < 100

    play(tmp_path, scenario, DNS)


def test_texts_that_hold_anything_are_kept(tmp_path: Path) -> None:
    text = '"organization-name":"\\u0000\\u001b[2J\\u202e' + "x" * 5_000 + '"'
    report = write_report(TLS).replace(b'"organization-name":"Reporter"', text.encode())

    async def scenario(scene: Scene) -> None:
        await scene.intake.take(signed(mail(report, "application/tlsrpt+json", "r.json")))
        (one,) = await scene.store.received_reports(0)
        assert one.report.organization.startswith("\0\x1b[2J\u202e")
        assert len(one.report.organization) == 1_000

    play(tmp_path, scenario, DNS)


def test_one_is_read_at_a_time_and_only_so_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "WAITING", 2)

    async def scenario(scene: Scene) -> None:
        first = asyncio.create_task(scene.intake.take(dmarc_mail()))
        second = asyncio.create_task(scene.intake.take(dmarc_mail(replace(DMARC, report_id="2"))))
        await asyncio.sleep(0)
        with pytest.raises(TryLater):
            await scene.intake.take(dmarc_mail())
        await asyncio.gather(first, second)
        await scene.intake.take(dmarc_mail(replace(DMARC, report_id="3")))
        assert len(await scene.store.received_reports(0)) == 3

    play(tmp_path, scenario, DNS)


def test_while_one_waits_for_dns_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(scene: Scene) -> None:
        txt, answering = scene.resolver.txt, asyncio.Event()

        async def slow(name: str) -> Answer[bytes]:
            await answering.wait()
            return await txt(name)

        monkeypatch.setattr(scene.resolver, "txt", slow)
        waiting = asyncio.create_task(scene.intake.take(signed(tls_mail())))
        await scene.intake.take(dmarc_mail())
        assert len(await scene.store.received_reports(0)) == 1
        answering.set()
        await waiting
        assert len(await scene.store.received_reports(0)) == 2

    play(tmp_path, scenario, DNS)


def test_a_message_that_is_larger_than_any_report_is_not_read(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.intake.take(bytes(intake.TAKEN_OCTETS))
        assert await ignored(scene) == {"the message is larger than 16777216 octets": 1}

    play(tmp_path, scenario, DNS)
