"""The report is found however its attachment is called, and nothing a stranger sends raises."""

import gzip
import zipfile
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address import Address
from mailclad.mail.dmarc import report as dmarc
from mailclad.mail.dmarc.report import Report, pack_report, write_report
from mailclad.mail.report_attachment import MAX_CANDIDATES, NoReport, find_report
from mailclad.mail.report_message import ReportMail, compose_report_mail
from mailclad.mail.tls_rpt import Failure, PolicySummary, PolicyType, ResultType, TlsReport
from mailclad.mail.tls_rpt import write_report as write_tls
from tests.mail.dmarc.reports import REPORT, rows

XML = write_report(REPORT)
TLS = TlsReport(
    "org", "c@a.test", "id", 0, 86_399,
    (PolicySummary(PolicyType.STS, "a.test", failures=(Failure(ResultType.TLSA_INVALID, 1),)),),
)  # fmt: skip
JSON = write_tls(TLS)


def zipped(name: str, content: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def part(header: bytes, content: bytes) -> bytes:
    return header + b"\r\nContent-Transfer-Encoding: binary\r\n\r\n" + content


def multipart(*parts: bytes) -> bytes:
    head = b'Content-Type: multipart/mixed; boundary="=b="\r\n\r\n'
    return head + b"".join(b"--=b=\r\n%b\r\n" % one for one in parts) + b"--=b=--\r\n"


TEXT = part(b"Content-Type: text/plain", b"Hello.")


@pytest.mark.parametrize(
    ("header", "content", "kind"),
    [
        (b"Content-Type: application/gzip", gzip.compress(XML), Report),
        (b"Content-Type: application/x-gzip; name=a!b!1!2.xml.gz", gzip.compress(XML), Report),
        (b"Content-Type: application/zip", zipped("r.xml", XML), Report),
        (b"Content-Type: text/xml", XML, Report),
        (b"Content-Type: application/octet-stream", zipped("r.xml", XML), Report),
        (b"Content-Disposition: attachment; filename*=utf-8''r.xml", XML, Report),
        (b"Content-Type: application/tlsrpt+gzip", gzip.compress(JSON), TlsReport),
        (b"Content-Type: application/TLSRPT+JSON; charset=utf-8", JSON, TlsReport),
        (b"Content-Type: application/json", JSON, TlsReport),
        (b'Content-Type: application/gzip; name="r.json.gz"', gzip.compress(JSON), TlsReport),
    ],
)
def test_it_is_told_by_its_type_or_its_name(header: bytes, content: bytes, kind: type) -> None:
    alone = find_report(part(header, content))[0]
    inside = find_report(multipart(TEXT, multipart(part(header, content))))[0]
    assert type(alone) is type(inside) is kind


def test_of_several_the_first_that_can_be_read() -> None:
    broken = part(b"Content-Type: text/xml", b"<a>")
    good = part(b"Content-Type: text/xml", XML)
    few = multipart(*[broken] * (MAX_CANDIDATES - 1), good)
    many = multipart(*[broken] * MAX_CANDIDATES, good)
    assert isinstance(find_report(few)[0], Report)
    with pytest.raises(NoReport, match="well-formed"):
        find_report(many)


def test_a_forwarded_message_is_not_looked_into() -> None:
    inner = multipart(part(b"Content-Type: text/xml", XML))
    with pytest.raises(NoReport, match="no attachment"):
        find_report(multipart(TEXT, part(b"Content-Type: message/rfc822", inner)))


def test_an_attachment_that_is_too_large_is_not_even_decoded() -> None:
    with pytest.raises(NoReport, match="larger than 15728640"):
        find_report(part(b"Content-Type: text/xml", bytes(15 * 1024 * 1024 + 1)))


@given(
    st.one_of(
        st.binary(), st.binary().map(lambda b: multipart(part(b"Content-Type: text/xml", b)))
    )
)
def test_nothing_raises_but_no_report(octets: bytes) -> None:
    with pytest.raises(NoReport):
        find_report(octets)


names = st.from_regex(r"[a-z]{1,9}(\.[a-z]{2,9}){1,3}", fullmatch=True)


@pytest.mark.rfc("7489", "7.2.1.1")
@given(st.lists(rows, max_size=3), names, st.binary(min_size=1, max_size=3))
def test_what_we_compose_is_what_is_found(
    some: list[dmarc.Row], domain: str, noise: bytes
) -> None:
    """And nothing of a stranger's leaves its field."""
    report = replace(REPORT, rows=dmarc.gather_rows(some))
    mail = ReportMail(
        author=Address("dmarc", "ours.test"),
        reply_to=Address("postmaster", "ours.test"),
        to=Address("a b", domain),
        subject=dmarc.subject(report, "ours.test"),
        file_name=dmarc.file_name(report, "ours.test"),
        media_type=dmarc.MEDIA_TYPE,
        policy_domain=domain + "\r\n\r\n" + noise.decode("latin-1"),
        submitter="ours.test",
        packed=pack_report(report),
        now=1_700_000_000,
        token="0123456789ab",
        tls=True,
    )
    octets = compose_report_mail(mail)
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) < 999
    found, fields = find_report(octets)
    assert isinstance(found, Report)
    assert write_report(found) == write_report(report)
    assert [name for _, name, _ in fields] == [
        b"Date", b"From", b"Reply-To", b"To", b"Subject", b"Message-ID", b"Auto-Submitted",
        b"MIME-Version", b"TLS-Report-Domain", b"TLS-Report-Submitter", b"TLS-Required",
        b"Content-Type",
    ]  # fmt: skip
