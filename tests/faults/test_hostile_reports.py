"""Reports of strangers that are meant to harm, as mail through 25 (T-XM1 to T-XM4).

Each is answered, counted with its reason, and shown harmless; meanwhile others are served.
"""

import asyncio
import base64
import gzip
import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailclad.cli.commands import mailclad
from mailclad.mail.dkim.sign import sign_dkim
from mailclad.mail.dkim.signing_key import KeyKind, load_key, make_key, public_record
from mailclad.mail.dmarc.report_read import MAX_COUNT
from tests.dns.server import StubDns
from tests.faults.posting import Posting, posting
from tests.faults.test_hostile_dns import check_harmless

pytestmark = pytest.mark.slow

GREETED_SECONDS = 1.0
"""However long a report takes to read: it is read on a thread."""

YESTERDAY = int(time.time()) // 86_400 * 86_400 - 86_400
ZEROS = b"\0" * (64 << 20)
RECORD = (
    "<record><row><source_ip>192.0.2.1</source_ip><count>{count}</count><policy_evaluated>"
    "<disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>"
    "<identifiers><header_from>ours.test</header_from></identifiers><auth_results>"
    "<spf><domain>ours.test</domain><result>fail</result></spf></auth_results></record>"
)


def dmarc(
    records: str = RECORD.format(count=1), name: str = "There", end: str = str(YESTERDAY + 86_400),
    prologue: str = "", report: str = "r1",
) -> bytes:  # fmt: skip
    return (
        f'<?xml version="1.0"?>{prologue}<feedback><report_metadata><org_name>{name}</org_name>'
        f"<email>a@there.test</email><report_id>{report}</report_id><date_range>"
        f"<begin>{YESTERDAY}</begin><end>{end}</end></date_range></report_metadata>"
        "<policy_published><domain>ours.test</domain><p>none</p></policy_published>"
        f"{records}</feedback>"
    ).encode()


def zipped(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in members.items():
            archive.writestr(name, octets)
    return held.getvalue()


def laughs() -> str:
    entities = ["<!ENTITY a 'ha'>"]
    entities += [f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)]
    return f"<!DOCTYPE x [{''.join(entities)}]>"


def mail(octets: bytes, name: str, media_type: str = "application/octet-stream") -> bytes:
    return (
        b"From: reports@there.test\r\nTo: dmarc@ours.test\r\nSubject: Report\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: %b; name=%b\r\n"
        b"Content-Disposition: attachment; filename=%b\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
        % (media_type.encode(), name.encode(), name.encode())
    ) + base64.encodebytes(octets).replace(b"\n", b"\r\n")


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip of zeros": lambda: mail(gzip.compress(ZEROS), "r.xml.gz"),
    "zip of zeros": lambda: mail(zipped(r=ZEROS), "r.zip"),
    "zip in a zip": lambda: mail(zipped(r=zipped(r=dmarc())), "r.zip"),
    "zip of two": lambda: mail(zipped(r=dmarc(), s=dmarc()), "r.zip"),
    "gzip behind a gzip": lambda: mail(gzip.compress(dmarc()) * 2, "r.xml.gz"),
    "billion laughs": lambda: mail(dmarc("&j;", prologue=laughs()), "r.xml"),
    "a file of ours": lambda: mail(
        dmarc("&x;", prologue='<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "r.xml"
    ),
    "a DTD elsewhere": lambda: mail(
        dmarc(prologue='<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'), "r.xml"
    ),
    "a deep tree": lambda: mail(dmarc("<a>" * 100_000), "r.xml"),
    "a million records": lambda: mail(gzip.compress(dmarc("<record/>" * 1_000_000)), "r.xml.gz"),
    "a date beyond all": lambda: mail(dmarc(end="9" * 30), "r.xml"),
    "JSON without end": lambda: mail(gzip.compress(b"[" * 5_000_000), "r.json.gz"),
    "not signed, of TLS": lambda: mail(tls(), "r.json.gz", "application/tlsrpt+gzip"),
}


def at(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def tls() -> bytes:
    policy = {
        "policy": {"policy-type": "sts", "policy-domain": "ours.test"},
        "summary": {"total-successful-session-count": 7, "total-failure-session-count": 0},
    }
    report = {
        "organization-name": "There",
        "date-range": {"start-datetime": at(YESTERDAY), "end-datetime": at(YESTERDAY + 86_399)},
        "contact-info": "a@there.test",
        "report-id": "t1",
        "policies": [policy],
    }
    return gzip.compress(json.dumps(report).encode())


def reported(folder: Path, *words: str) -> str:
    """What `mailclad report` says."""
    file = folder / "mailclad.toml"
    file.write_text(f'[server]\nhostname = "mail.ours.test"\ndata = "{folder}/data"\n')
    ran = CliRunner().invoke(mailclad, ["report", "--config", str(file), *words])
    assert ran.exit_code == 0, ran.output
    return ran.output


async def greeted(post: Posting) -> float:
    """How long somebody else waits for a greeting and an answer."""
    began = time.monotonic()
    line = await post.connect()
    assert (await line.answer()).startswith("220")
    line.write(b"EHLO other.test\r\n")
    assert (await line.answer()).startswith("250")
    await line.close()
    return time.monotonic() - began


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_answered_and_counted_while_others_are_served(tmp_path: Path, bomb: str) -> None:
    octets = BOMBS[bomb]()

    async def main() -> str:
        async with StubDns({}) as stub, posting(tmp_path, stub) as post:
            sending = asyncio.create_task(post.deliver(octets, "dmarc@ours.test"))
            slowest = await greeted(post)
            while not sending.done():
                slowest = max(slowest, await greeted(post))
            assert slowest < GREETED_SECONDS
            return await sending

    said = asyncio.run(main())
    assert said[0] == "2", said
    found = json.loads(reported(tmp_path, "--json"))
    assert sum(one["number"] for one in found["ignored"]) == 1, found
    assert not any(one["dmarc"]["passed"] + one["dmarc"]["failed"] for one in found["domains"])
    text = reported(tmp_path)
    check_harmless(text)
    assert "root:" not in text


def signed(octets: bytes, **tags: Any) -> tuple[bytes, dict[str, Any]]:
    """By there.test, with the record of its key; ``services``: what that is good for."""
    key = load_key(make_key(KeyKind.ED25519), "there.test", "s1")
    record = public_record(key).replace("v=DKIM1;", f"v=DKIM1; {tags.pop('services', '')}")
    zones = {"s1._domainkey.there.test": {"TXT": [f'"{record}"']}}
    return sign_dkim(octets, [key], int(time.time())) + octets, zones


@pytest.mark.parametrize(
    ("services", "changed", "sessions"),
    [("", b"", 7), ("s=tlsrpt;", b"", 7), ("s=email;", b"", 0), ("", b"VGFpbA==\r\n", 0)],
    ids=["good", "a key for it", "a key for other things", "something behind what was signed"],
)
def test_a_report_of_tls_counts_by_its_signature(
    tmp_path: Path, services: str, changed: bytes, sessions: int
) -> None:
    report = mail(tls(), "r.json.gz", "application/tlsrpt+gzip")
    octets, zones = signed(report, services=services)

    async def main() -> None:
        async with StubDns(zones) as stub, posting(tmp_path, stub) as post:
            assert (await post.deliver(octets + changed, "tlsrpt@ours.test"))[0] == "2"

    asyncio.run(main())
    found = json.loads(reported(tmp_path, "--json"))
    counted = [one["tls"]["sessions"] for one in found["domains"] if one["domain"] == "ours.test"]
    assert sum(counted) == sessions, found
    assert len(found["ignored"]) == (not sessions)


def test_names_in_reports_command_no_terminal_and_counts_are_capped(tmp_path: Path) -> None:
    hostile = (
        dmarc(name="&lt;script>alert(1)&lt;/script>\u202e\u009b31m", report="r1"),
        dmarc(RECORD.format(count="9" * 17), report="r2"),
        dmarc(RECORD.format(count=-5), report="r3"),
    )

    async def main() -> None:
        async with StubDns({}) as stub, posting(tmp_path, stub) as post:
            for octets in hostile:
                assert (await post.deliver(mail(octets, "r.xml"), "dmarc@ours.test"))[0] == "2"

    asyncio.run(main())
    text = reported(tmp_path)
    check_harmless(text)
    assert "\u202e" not in text
    check_harmless(reported(tmp_path, "--json"))
    (domain,) = json.loads(reported(tmp_path, "--json"))["domains"]
    assert 1 + MAX_COUNT <= domain["dmarc"]["failed"] <= 2 + MAX_COUNT, "none is below zero"
    assert domain["dmarc"]["unsigned_reports"] == 3
