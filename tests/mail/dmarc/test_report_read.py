"""Aggregate reports of strangers: real ones, strange ones, bombs."""

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dmarc.record import Policy
from mailclad.mail.dmarc.report import Report, pack_report, write_report
from mailclad.mail.dmarc.report_read import (
    MAX_ALL_ELEMENTS,
    MAX_COUNT,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_ERRORS,
    MAX_PACKED_OCTETS,
    MAX_REASONS,
    MAX_ROWS,
    MAX_RUN_OCTETS,
    MAX_SECONDS,
    MAX_SPF_RESULTS,
    MAX_TEXT_CHARACTERS,
    MAX_XML_OCTETS,
    ReportProblem,
    read_report,
)
from tests.mail.dmarc.reports import REPORT, reports

HEAD = (
    b"<report_metadata><org_name>o</org_name><email>e</email><report_id>i</report_id>"
    b"<date_range><begin>1</begin><end>2</end></date_range></report_metadata>"
    b"<policy_published><domain>Example.com</domain><p>reject</p></policy_published>"
)
ROW = b"<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>"


def feedback(inside: bytes, head: bytes = HEAD) -> bytes:
    return b"<feedback>" + head + inside + b"</feedback>"


def test_what_is_written_is_read() -> None:
    assert read_report(write_report(REPORT)) == REPORT
    assert read_report(pack_report(REPORT)) == REPORT


@given(reports)
def test_any_report_that_is_written_is_read(report: Report) -> None:
    assert read_report(write_report(report)) == report


@pytest.mark.rfc("9990", "B")
def test_a_report_of_the_newer_standard() -> None:
    report = read_report(
        b"""<?xml version="1.0" encoding="UTF-8"?>
        <feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
          <version>1.0</version>
          <report_metadata>
            <org_name>Sample Reporter</org_name>
            <email>report_sender@example-reporter.com</email>
            <generator>Dmarcify 2000 milter v1.2</generator>
            <report_id>3v98abbp8ya9n3va8yr8oa3ya</report_id>
            <date_range><begin>1732665600</begin><end>1732751999</end></date_range>
          </report_metadata>
          <policy_published>
            <domain>example.com</domain><p>quarantine</p><sp>none</sp><np>none</np>
            <testing>n</testing><discovery_method>treewalk</discovery_method>
          </policy_published>
          <extension><x:more xmlns:x="urn:x"><x:deep>1</x:deep></x:more></extension>
          <record>
            <row>
              <source_ip>192.168.4.4</source_ip><count>123</count>
              <policy_evaluated>
                <disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf>
              </policy_evaluated>
            </row>
            <identifiers>
              <envelope_from>example.com</envelope_from><header_from>example.com</header_from>
            </identifiers>
            <auth_results>
              <dkim><domain>example.com</domain><result>pass</result><selector>abc123</selector></dkim>
              <spf><domain>example.com</domain><result>fail</result></spf>
            </auth_results>
          </record>
        </feedback>"""
    )
    (row,) = report.rows
    assert (report.organization, report.begin, report.policy.policy) == (
        "Sample Reporter",
        1732665600,
        Policy.QUARANTINE,
    )
    assert (row.count, row.dkim, row.spf, row.disposition) == (123, True, False, Policy.NONE)
    assert row.dkim_results[0].selector == "abc123"
    assert row.spf_results[0].scope == "mfrom"


def test_prefixes_and_latin_1_are_read() -> None:
    text = (
        "<?xml version='1.0' encoding='ISO-8859-1'?><d:feedback xmlns:d='u'>"
        + HEAD.decode().replace("<o", "<d:o").replace("</o", "</d:o").replace(">o<", ">ö<")
        + "</d:feedback>"
    )
    assert read_report(text.encode("latin-1")).organization == "ö"


@pytest.mark.parametrize(
    "row",
    [
        b"<source_ip>192.0.2.1</source_ip><count>-5</count>",
        b"<source_ip>192.0.2.1</source_ip><count>1e3</count>",
        b"<source_ip>192.0.2.1</source_ip><count>9999999999999999999</count>",
        b"<source_ip>192.0.2.1</source_ip>",
        b"<source_ip>&lt;script></source_ip><count>1</count>",
        b"<count>1</count>",
    ],
)
def test_rows_that_make_no_sense_are_skipped_and_counted(row: bytes) -> None:
    report = read_report(feedback(b"<record><row>" + row + b"</row></record>" + ROW))
    assert (len(report.rows), report.skipped_rows) == (1, 1)


def test_numbers_are_capped() -> None:
    report = read_report(feedback(ROW.replace(b">1</count>", b">" + b"9" * 18 + b"</count>")))
    assert report.rows[0].count == MAX_COUNT
    late = HEAD.replace(b"<end>2<", b"<end>" + b"9" * 18 + b"<")
    assert read_report(feedback(b"", late)).end == MAX_SECONDS


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "well-formed"),
        (b"hello", "well-formed"),
        (b"<feedback>", "well-formed"),
        (feedback(b"") + b"<more/>", "well-formed"),
        (feedback(b"&undefined;"), "well-formed"),
        (b"<?xml version='1.0' encoding='punycode'?><html/>", "no feedback element"),
        (b"<html/>", "no feedback element"),
        (feedback(b"").decode().encode("utf-16"), "not UTF-8"),
        (("<!DOCTYPE x>" + feedback(b"").decode()).encode("utf-16"), "not UTF-8"),
        (("<!DOCTYPE x>" + feedback(b"").decode()).encode("utf-16-be"), "not UTF-8"),
        (feedback(b"", HEAD.replace(b"<begin>1</begin>", b"")), "which days"),
        (feedback(b"", HEAD.replace(b"<end>2<", b"<end>0<")), "which days"),
        (feedback(b"", HEAD.replace(b"Example.com", b" ")), "which domain"),
        (gzip.compress(feedback(b""))[:-4], "cut off"),
    ],
)
def test_what_is_no_report_is_told(octets: bytes, words: str) -> None:
    with pytest.raises(ReportProblem, match=words):
        read_report(octets)


@pytest.mark.parametrize(
    "bomb",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + feedback(b"&b;"),
        b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd">' + feedback(b""),
        b"<!DOCTYPE x [" + b"<!ELEMENT a (" * 100_000 + b"]>",
        feedback(b"<!ENTITY>"),
    ],
)
def test_a_document_type_is_refused(bomb: bytes) -> None:
    for octets in (bomb, gzip.compress(bomb)):
        with pytest.raises(ReportProblem, match="document type"):
            read_report(octets)


@pytest.mark.slow
def test_octets_have_a_limit_packed_and_unpacked() -> None:
    with pytest.raises(ReportProblem, match="attachment is larger"):
        read_report(bytes(MAX_PACKED_OCTETS + 1))
    padding = MAX_XML_OCTETS - len(feedback(ROW))
    assert read_report(gzip.compress(feedback(ROW) + b"\n<!---->" * (padding // 8))).rows
    with pytest.raises(ReportProblem, match="unpacked"):
        read_report(gzip.compress(feedback(ROW) + b"\n<!---->" * (padding // 8 + 1)))
    bomb = gzip.compress(bytes(100 << 20))
    tracemalloc.start()
    with pytest.raises(ReportProblem, match="unpacked"):
        read_report(bomb)
    assert tracemalloc.get_traced_memory()[1] < 4 * MAX_XML_OCTETS
    tracemalloc.stop()


@pytest.mark.slow
def test_rows_have_a_limit() -> None:
    assert read_report(feedback(b"<record/>" * MAX_ROWS)).skipped_rows == MAX_ROWS
    with pytest.raises(ReportProblem, match=f"{MAX_ROWS} rows"):
        read_report(feedback(b"<record/>" * (MAX_ROWS + 1)))


def test_elements_have_a_limit_in_each_part() -> None:
    most = MAX_ELEMENTS
    full = b"<record>" + b"<a/>" * most + b"</record>"
    assert read_report(feedback(full * 3)).skipped_rows == 3
    for bomb in (b"<record>" + b"<a/>" * (most + 1) + b"</record>", b"<a/>" * most):
        with pytest.raises(ReportProblem, match="elements in one part"):
            read_report(feedback(bomb))


@pytest.mark.slow
def test_all_elements_together_have_a_limit() -> None:
    record = b"<record>" + b"<a/>" * 1_999 + b"</record>"
    with pytest.raises(ReportProblem, match=f"{MAX_ALL_ELEMENTS} elements"):
        read_report(feedback(record * (MAX_ALL_ELEMENTS // 2_000 + 1)))
    tracemalloc.start()
    assert read_report(feedback(record * 30)).skipped_rows == 30
    assert tracemalloc.get_traced_memory()[1] < 3 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("start", [b"<a>", b"<!--", b"<![CDATA[", b"<a b='", b"<a "])
def test_a_text_or_all_attributes_together_have_a_limit(start: bytes) -> None:
    with pytest.raises(ReportProblem, match="a text of the report is longer"):
        read_report(feedback(start + b"x" * MAX_RUN_OCTETS))
    with pytest.raises(ReportProblem, match="well-formed"):
        read_report(feedback(start + b"x" * (MAX_RUN_OCTETS - len(start))))


@pytest.mark.slow
def test_millions_of_elements_stay_small_in_memory() -> None:
    bomb = feedback(b"<a/>" * 2_000_000)
    tracemalloc.start()
    with pytest.raises(ReportProblem, match="elements in one part"):
        read_report(bomb)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_depth_has_a_limit() -> None:
    def nested(depth: int) -> bytes:
        return feedback(b"<a>" * depth + b"</a>" * depth)

    assert read_report(nested(MAX_DEPTH - 1)).rows == ()
    for depth in (MAX_DEPTH, 100_000):
        with pytest.raises(ReportProblem, match="nests"):
            read_report(nested(depth))


def test_text_and_lists_are_cut() -> None:
    long = HEAD.replace(b">o<", b">" + b"o&amp;" * 5_000 + b"<")
    assert len(read_report(feedback(b"", long)).organization) == MAX_TEXT_CHARACTERS
    many = HEAD.replace(b"<email>", b"<error>x</error>" * 50 + b"<email>")
    assert len(read_report(feedback(b"", many)).errors) == MAX_ERRORS
    row = ROW.replace(
        b"</row>",
        b"<policy_evaluated>" + b"<reason/>" * 50 + b"</policy_evaluated></row>"
        b"<auth_results>" + b"<spf/>" * 50 + b"</auth_results>",
    )
    (read,) = read_report(feedback(row)).rows
    assert (len(read.overrides), len(read.spf_results)) == (MAX_REASONS, MAX_SPF_RESULTS)


@given(st.binary(max_size=200))
def test_any_octets_are_a_report_or_a_problem(octets: bytes) -> None:
    for start in (
        b"",
        b"<?xml version='1.0' encoding='",
        b"\x1f\x8b\x08\0",
        b"PK\x03\x04",
        b"<feedback>",
    ):
        with pytest.raises(ReportProblem):
            read_report(start + octets)


def test_one_octet_changed_anywhere_never_raises_anything_else() -> None:
    octets = write_report(REPORT)
    for at in range(len(octets)):
        for value in (b"\0", b"\xff", b"<", b"&"):
            try:
                read_report(octets[:at] + value + octets[at + 1 :])
            except ReportProblem:
                continue
