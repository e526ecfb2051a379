"""What others reported, as people and programs read it; nothing of theirs reaches the terminal."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailclad.app.clock import SystemClock
from mailclad.cli.commands import mailclad
from mailclad.cli.words import shown
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.tls_rpt import Failure, ResultType
from mailclad.services.reports.counting import Counting
from mailclad.services.reports.intake import Intake
from mailclad.services.reports.remedy import MEANINGS
from tests.dns.fake import FakeResolver
from tests.services.reports.scene import POLICY, ROW, STS
from tests.services.reports.test_intake import DMARC, DNS, TLS, dmarc_mail, signed, tls_mail

pytestmark = pytest.mark.slow

EVIL = "\x1b[2J\x9b\u202e<b>&"


def run(file: Path, *words: str, status: int = 0) -> str:
    done = CliRunner().invoke(mailclad, [*words, "--config", str(file)])
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def run_json(file: Path, *words: str) -> Any:
    return json.loads(run(file, *words, "--json"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "mailclad.toml"
    file.write_text('[server]\nhostname = "mail.ours.test"\ndata = "data"\n')
    run(file, "domain", "add", "ours.test")
    return file


async def fill(directory: Path) -> None:
    store, clock = SqliteStore.open(directory), SystemClock()
    now = clock.now()
    begin = now - 86_400
    intake = Intake(store, store, FakeResolver(DNS), clock)
    await intake.take(signed(dmarc_mail(replace(DMARC, begin=begin, end=now))))
    rows = (replace(ROW, header_from=EVIL, source_ip="192.0.2.1", count=2),)
    evil = replace(DMARC, organization=EVIL, report_id=EVIL, rows=rows, begin=begin, end=now)
    # The writer of XML takes controls out itself; JSON has them as they are.
    await intake.take(dmarc_mail(evil))
    failure = Failure(ResultType.CERTIFICATE_EXPIRED, 1, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL)
    policy = replace(TLS.policies[0], failures=(failure, *TLS.policies[0].failures))
    tls = replace(TLS, organization=EVIL, contact=EVIL, policies=(policy,), begin=begin, end=now)
    await intake.take(signed(tls_mail(tls)))
    await intake.take(tls_mail(replace(TLS, begin=begin, end=now)))
    counting = Counting(store, "mail.ours.test")
    counting.dmarc_verdict(now, replace(POLICY, domain=EVIL), ROW)
    counting.tls_session(now, STS, None)
    await counting.flush()
    await store.close()


@pytest.fixture
def filled(config: Path) -> Path:
    asyncio.run(fill(config.parent / "data"))
    return config


def test_who_sends_in_our_name_and_how_tls_fares(filled: Path) -> None:
    said = run(filled, "report")
    assert said.startswith("ours.test, the last 30 days\n")
    assert "Mail in its name: 8 messages in 2 reports; 5 failed (DMARC)." in said
    assert "1 report came without a signature" in said
    assert "TLS to its servers: 8 connections in 1 report; 1 failed." in said
    assert "The certificate had expired." in said
    assert "✕ once at mx.theirs.test" in said
    assert "! once ignored: a TLS report without a valid signature of its sender (DKIM)." in said


def test_the_same_for_a_program(filled: Path) -> None:
    said = run_json(filled, "report", "--domain", "OURS.test", "--days", "2")
    (domain,) = said["domains"]
    assert (domain["dmarc"]["passed"], domain["dmarc"]["failed"]) == (3, 5)
    first = domain["dmarc"]["sources"][0]
    assert (first["source"], first["failed"], first["done"]) == ("203.0.113.9", 5, {"reject": 5})
    assert domain["tls"]["sessions"] == 8
    assert {one["type"] for one in domain["tls"]["problems"]} == {"certificate-expired"}
    assert said["ignored"][0]["number"] == 1
    assert run_json(filled, "report", "--domain", "other.test")["domains"] == []


def test_nothing_of_strangers_reaches_the_terminal(filled: Path) -> None:
    words: list[tuple[str, ...]] = [("report",), ("report", "list"), ("report", "sent")]
    words += [("report", "show", str(number)) for number in (1, 2, 3)]
    for command in words:
        for told in (run(filled, *command), run(filled, *command, "--json")):
            assert not {"\x1b", "\x9b", "\u202e"} & set(told), command
    assert "<b>&" in run(filled, "report", "show", "3")


def test_one_report_and_all(filled: Path) -> None:
    listed = run_json(filled, "report", "list")
    assert [(one["id"], one["kind"], one["signed_by"]) for one in listed] == [
        (1, "dmarc", "reporter.test"),
        (2, "dmarc", ""),
        (3, "tls", "reporter.test"),
    ]
    assert "203.0.113.9" in run(filled, "report", "show", "1")
    assert run_json(filled, "report", "show", "1")["rows"][1]["messages"] == 5
    assert "7 connections were well, 1 failed" in run(filled, "report", "show", "3")
    assert run_json(filled, "report", "show", "3")["policies"][0]["passed"] == 7
    assert "There is no report 99" in run(filled, "report", "show", "99", status=1)


def test_what_we_report(filled: Path) -> None:
    said = run_json(filled, "report", "sent")
    told = {(one["kind"], one["domain"]): (one["noted"], one["outcome"]) for one in said}
    assert told["tls", "theirs.test"] == (1, None)
    assert "waits" in run(filled, "report", "sent")


def test_without_reports_it_is_said_how_to_get_some(config: Path) -> None:
    assert "Other servers send them where DNS asks for them" in run(config, "report")
    assert "No report in 30 days" in run(config, "report", "list")
    assert "Nothing was noted" in run(config, "report", "sent")


def test_every_type_of_failure_has_a_meaning_and_a_remedy() -> None:
    assert set(MEANINGS) == set(ResultType)


def test_texts_are_cut_and_cleaned() -> None:
    assert shown("a\x00\x1b\x9f\u2028\ud800é😀") == r"a\x00\x1b\x9f\u2028\ud800é😀"
    assert shown("x" * 999, 3) == "xx…"
