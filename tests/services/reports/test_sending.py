"""Reports of ours: to whom, in what form, once, and given up in the end."""

import asyncio
import gzip
import json
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mailclad.base.resolver import Answer, DnsProblem
from mailclad.mail.dkim.verify import verify_dkim
from mailclad.services.reports import sending
from mailclad.store.reports import SendOutcome, Topic
from tests.services.reports.scene import (
    DAY,
    DNS,
    EXPIRED,
    FORGED,
    NEXT_NOON,
    NOON,
    POLICY,
    PUBLISHED,
    ROW,
    STS,
    FakePoster,
    Scene,
    play,
)

HOUR = 3_600


def note_dmarc(scene: Scene) -> None:
    for row in (ROW, ROW, FORGED):
        scene.counting.dmarc_verdict(NOON, POLICY, row)


def note_tls(scene: Scene) -> None:
    for failure in (None, None, None, EXPIRED, EXPIRED):
        scene.counting.tls_session(NOON, STS, failure)


async def one_of_ours(scene: Scene) -> Topic:
    (topic,) = await scene.store.reports_of_ours(DAY)
    return topic


def parsed(octets: bytes) -> EmailMessage:
    return message_from_bytes(octets, policy=policy.default)


def attachment(mail: EmailMessage) -> tuple[str, bytes]:
    (_, part) = mail.iter_parts()
    return part.get_filename("") or "", gzip.decompress(part.get_content())


@pytest.mark.rfc("7489", "7.2.1.1")
def test_a_dmarc_report_as_its_domain_gets_it(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        note_dmarc(scene)
        await scene.send()
        (octets,) = await scene.mails()
        mail = parsed(octets)
        assert (mail["From"], mail["To"]) == ("dmarc@ours.test", "d@theirs.test")
        assert mail["Subject"].startswith(
            "Report Domain: theirs.test\tSubmitter: ours.test\tRepor"
        )
        assert mail["Auto-Submitted"] == "auto-generated"
        assert "TLS-Required" not in mail
        name, xml = attachment(mail)
        begin = DAY * 86_400
        assert name.startswith(f"ours.test!theirs.test!{begin}!{begin + 86_399}!")
        assert name.endswith(".xml.gz")
        root = ET.fromstring(xml)
        assert root.findtext("policy_published/domain") == "theirs.test"
        assert root.findtext("report_metadata/email") == "postmaster@ours.test"
        counts = {
            r.findtext("row/source_ip"): r.findtext("row/count") for r in root.iter("record")
        }
        assert counts == {"192.0.2.1": "2", "203.0.113.9": "1"}
        (queued,) = (await scene.store.queue_page()).messages
        assert queued.recipients[0].destination == "theirs.test"
        topic = await one_of_ours(scene)
        assert (topic.outcome, topic.places) == (SendOutcome.SENT, ("mailto:d@theirs.test",))

    play(tmp_path, scenario)


@pytest.mark.rfc("8460", "5.3")
def test_a_tls_report_is_signed_and_asks_to_arrive_whatever_tls_does(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        note_tls(scene)
        await scene.send()
        (octets,) = await scene.mails()
        mail = parsed(octets)
        assert mail.get_content_type() == "multipart/report"
        assert mail.get_param("report-type") == "tlsrpt"
        assert mail["TLS-Report-Domain"] == "theirs.test"
        assert mail["TLS-Report-Submitter"] == "ours.test"
        assert mail["TLS-Required"] == "No"
        signed = mail["DKIM-Signature"].replace("\t", "").replace(" ", "")
        assert "tls-report-domain:tls-report-submitter" in signed
        (result,) = await verify_dkim(octets, scene.resolver, NOON, b"tlsrpt")
        assert (result.outcome, result.domain) == ("pass", "ours.test")
        name, text = attachment(mail)
        assert name.endswith(".json.gz")
        report = json.loads(text)
        assert report["contact-info"] == "postmaster@ours.test"
        (told,) = report["policies"]
        assert told["summary"] == {
            "total-successful-session-count": 3,
            "total-failure-session-count": 2,
        }
        assert told["failure-details"][0]["failed-session-count"] == 2

    play(tmp_path, scenario)


def test_before_it_is_time_nothing_goes_and_afterwards_only_once(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        note_dmarc(scene)
        await scene.send(NOON + 60)
        assert await scene.mails() == []
        await scene.send(NEXT_NOON)
        await scene.send(NEXT_NOON + 2 * HOUR)
        assert len(await scene.mails()) == 1

    play(tmp_path, scenario)


def test_a_crash_before_the_commit_is_made_up_for_with_the_same_identifier(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        note_dmarc(scene)
        await scene.counting.flush()
        scene.clock.time = NEXT_NOON
        await scene.store.take_due_reports(NEXT_NOON, NEXT_NOON + HOUR, 10)  # and dies
        await scene.send(NEXT_NOON + HOUR - 1)
        assert await scene.mails() == []
        await scene.send(NEXT_NOON + HOUR)
        (octets,) = await scene.mails()
        first = ET.fromstring(attachment(parsed(octets))[1]).findtext("report_metadata/report_id")
        assert first is not None
        assert first.startswith("2026-02-16.")

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ({}, SendOutcome.UNWANTED),
        ({("_dmarc.theirs.test", "TXT"): [b"v=DMARC1; p=none"]}, SendOutcome.UNWANTED),
        (
            {("_dmarc.theirs.test", "TXT"): [b"v=DMARC1; p=none; rua=mailto:x@victim.test"]},
            SendOutcome.UNWANTED,
        ),
        (
            {("_dmarc.theirs.test", "TXT"): [b"v=DMARC1; p=none; rua=mailto:x@theirs.test!1k"]},
            SendOutcome.TOO_LARGE,
        ),
    ],
    ids=["no record", "no rua", "elsewhere without consent", "too large"],
)
def test_nothing_is_sent_to_who_does_not_want_it(
    tmp_path: Path, records: dict[tuple[str, str], list[bytes]], outcome: SendOutcome
) -> None:
    async def scenario(scene: Scene) -> None:
        note_dmarc(scene)
        await scene.send()
        assert await scene.mails() == []
        assert (await one_of_ours(scene)).outcome is outcome

    play(tmp_path, scenario, dict(records))


@pytest.mark.rfc("7489", "7.1")
def test_elsewhere_with_consent(tmp_path: Path) -> None:
    dns = {
        ("_dmarc.theirs.test", "TXT"): [b"v=DMARC1; p=none; rua=mailto:x@reader.test"],
        ("theirs.test._report._dmarc.reader.test", "TXT"): [b"v=DMARC1"],
    }

    async def scenario(scene: Scene) -> None:
        note_dmarc(scene)
        await scene.send()
        (octets,) = await scene.mails()
        assert parsed(octets)["To"] == "x@reader.test"

    play(tmp_path, scenario, dict(dns))


@pytest.mark.rfc("8460", "3")
def test_a_tls_report_without_a_key_waits_for_one_and_is_given_up_after_a_day(
    tmp_path: Path,
) -> None:
    async def scenario(scene: Scene) -> None:
        scene.signer.keys.clear()
        note_tls(scene)
        await scene.send()
        assert (await one_of_ours(scene)).outcome is None
        await scene.send(NEXT_NOON + 25 * HOUR)
        assert (await one_of_ours(scene)).outcome is SendOutcome.UNSIGNED
        assert await scene.mails() == []

    play(tmp_path, scenario)


@pytest.mark.rfc("8460", "5.5")
def test_while_dns_does_not_answer_it_is_tried_every_hour(tmp_path: Path) -> None:
    dns = DNS | {("_dmarc.theirs.test", "TXT"): DnsProblem("no answer")}

    async def scenario(scene: Scene) -> None:
        note_dmarc(scene)
        await scene.send()
        await scene.send(NEXT_NOON + HOUR)
        assert len(scene.resolver.asked) == 2
        assert (await one_of_ours(scene)).outcome is None
        await scene.send(NEXT_NOON + 25 * HOUR)
        assert (await one_of_ours(scene)).outcome is SendOutcome.FAILED

    play(tmp_path, scenario, dns)


def test_dns_that_never_answers_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "REPORT_SECONDS", 0.1)

    async def scenario(scene: Scene) -> None:
        txt = scene.resolver.txt

        async def silent(name: str) -> Answer[bytes]:
            if name == "_dmarc.silent.test":
                await asyncio.Event().wait()
            return await txt(name)

        monkeypatch.setattr(scene.resolver, "txt", silent)
        scene.counting.dmarc_verdict(NOON, replace(POLICY, domain="silent.test"), ROW)
        note_dmarc(scene)
        await scene.send()
        outcomes = {
            topic.domain: topic.outcome for topic in await scene.store.reports_of_ours(DAY)
        }
        assert outcomes == {"silent.test": None, "theirs.test": SendOutcome.SENT}

    play(tmp_path, scenario)


@pytest.mark.rfc("8460", "5.4")
@pytest.mark.parametrize("takes", [True, False])
def test_by_https_where_the_domain_asks_for_it(tmp_path: Path, takes: bool) -> None:
    dns = {("_smtp._tls.theirs.test", "TXT"): [b"v=TLSRPTv1; rua=https://theirs.test/r"]}

    async def scenario(scene: Scene) -> None:
        poster = scene.poster = FakePoster(takes)
        note_tls(scene)
        await scene.send()
        ((url, media_type, octets),) = poster.posted
        assert (url, media_type) == ("https://theirs.test/r", "application/tlsrpt+gzip")
        assert json.loads(gzip.decompress(octets))["organization-name"] == "ours.test"
        assert (await one_of_ours(scene)).outcome is (SendOutcome.SENT if takes else None)

    play(tmp_path, scenario, dict(dns))


def test_without_an_https_client_only_mail_is_sent(tmp_path: Path) -> None:
    record = b"v=TLSRPTv1; rua=https://theirs.test/r,mailto:t@theirs.test"

    async def scenario(scene: Scene) -> None:
        note_tls(scene)
        await scene.send()
        assert len(await scene.mails()) == 1
        assert (await one_of_ours(scene)).places == ("mailto:t@theirs.test",)

    play(tmp_path, scenario, {("_smtp._tls.theirs.test", "TXT"): [record]})


def test_addresses_that_cannot_be_mailed_to_are_passed_over(tmp_path: Path) -> None:
    record = b"v=TLSRPTv1; rua=mailto:x@[192.0.2.1],mailto:%C3%A9@theirs.test"

    async def scenario(scene: Scene) -> None:
        note_tls(scene)
        await scene.send()
        assert await scene.mails() == []
        assert (await one_of_ours(scene)).outcome is SendOutcome.UNWANTED

    play(tmp_path, scenario, {("_smtp._tls.theirs.test", "TXT"): [record]})


def test_a_domain_of_ours_gets_its_report_here_without_mail(tmp_path: Path) -> None:
    """The address of reports takes it in, an account's INBOX has it as well."""
    record = b"v=DMARC1; p=none; rua=mailto:dmarc@ours.test,mailto:ann@ours.test"

    async def scenario(scene: Scene) -> None:
        for row in (ROW, FORGED):
            scene.counting.dmarc_verdict(NOON, replace(POLICY, domain="ours.test"), row)
        await scene.send()
        assert await scene.mails() == []
        (received,) = await scene.store.received_reports(0)
        told = received.report
        assert (told.domain, told.passed, told.failed) == ("ours.test", 1, 1)
        ann = await scene.store.find_account("ann@ours.test")
        assert (await scene.store.stat(ann.id, "INBOX")).messages == 1

    play(tmp_path, scenario, {("_dmarc.ours.test", "TXT"): [record], PUBLISHED[0]: PUBLISHED[1]})


def test_one_report_that_fails_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dns = DNS | {("_dmarc.bad.test", "TXT"): [b"v=DMARC1; p=none; rua=mailto:x@bad.test"]}

    async def scenario(scene: Scene) -> None:
        note_dmarc(scene)
        scene.counting.dmarc_verdict(NOON, replace(POLICY, domain="bad.test"), ROW)
        sign = scene.signer.sign_message

        async def fail_for_bad(octets: bytes, domain: str) -> bytes:
            if b"x@bad.test" in octets:
                raise RuntimeError("broken")
            return await sign(octets, domain)

        monkeypatch.setattr(scene.signer, "sign_message", fail_for_bad)
        await scene.send()
        assert len(await scene.mails()) == 1

    play(tmp_path, scenario, dns)


def test_in_whose_name(tmp_path: Path) -> None:
    """The domain that the host is in, of several."""

    async def scenario(scene: Scene) -> None:
        sender = await scene.senders.find()
        assert sender is not None
        assert (str(sender.contact), sender.organization) == ("postmaster@ours.test", "ours.test")

    play(tmp_path, scenario, None, "alpha.test", "ours.test", "zeta.test")
