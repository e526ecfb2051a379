"""The report in a mail of somebody else: found and read (RFC 8460 §5.3, RFC 7489 §7.2.1.1).

In come the octets of a message; out comes a TLS or a DMARC report, or ``NoReport`` in plain
words, the only exception.  Reporters name the type of the attachment in many ways: it is told
by its file name too.  Of a message the first ``MAX_CANDIDATES`` parts that may be a report are
tried; the first that can be read is the one.  Nothing said is trusted, see ``tls_rpt`` and
``dmarc.report_read``, which take the time: up to two seconds for the worst.
"""

from collections.abc import Iterator

from mailclad.base.octets import Octets
from mailclad.mail import tls_rpt
from mailclad.mail.dmarc import report_read
from mailclad.mail.dmarc.report import Report
from mailclad.mail.headers import Field
from mailclad.mail.mime import scan_fields
from mailclad.mail.parameters import find_text, parse_disposition
from mailclad.mail.parts import Part
from mailclad.mail.tls_rpt import TlsReport
from mailclad.mail.transfer import decode_transfer

MAX_CANDIDATES = 3
"""A report mail has one attachment; each that is tried may cost two seconds."""

MAX_ENCODED_OCTETS = report_read.MAX_PACKED_OCTETS * 3 // 2
"""In base64, four octets for three, and its line ends."""

_TLS_TYPES = frozenset({"application/tlsrpt+gzip", "application/tlsrpt+json"})
_ARCHIVE_TYPES = frozenset({
    "application/gzip", "application/x-gzip", "application/zip", "application/x-zip",
    "application/x-zip-compressed", "application/octet-stream", "text/xml", "application/xml",
    "application/json",
})  # fmt: skip
_TLS_NAMES = (".json", ".json.gz", ".json.zip")
_NAMES = (*_TLS_NAMES, ".xml", ".xml.gz", ".xml.zip", ".zip", ".gz")


class NoReport(ValueError):
    """Why the message brings no report that can be used, in plain words of ours."""


def find_report(octets: Octets) -> tuple[TlsReport | Report, list[Field]]:
    """The report, and the fields of the message's header; raises NoReport."""
    message, fields = scan_fields(octets)
    problem = NoReport("the message has no attachment that could be a report")
    tried = 0
    for part in _leaves(message):
        tls = _promises(part)
        if tls is None:
            continue
        try:
            return _read(octets, part, tls), fields
        except NoReport as found:
            problem = found
        tried += 1
        if tried == MAX_CANDIDATES:
            break
    raise problem


def _leaves(part: Part) -> Iterator[Part]:
    """Messages inside the message are not looked into: they are what somebody forwards."""
    if not part.is_multipart:
        yield part
        return
    for child in part.children:
        yield from _leaves(child)


def _promises(part: Part) -> bool | None:
    """Whether it should be a TLS report; None where it should be none at all."""
    if part.media_type in _TLS_TYPES:
        return True
    name = _file_name(part)
    if part.media_type in _ARCHIVE_TYPES or name.endswith(_NAMES):
        return name.endswith(_TLS_NAMES) or part.media_type == "application/json"
    return None


def _file_name(part: Part) -> str:
    disposition = parse_disposition(part.values.get(b"content-disposition", b""))
    name = find_text(disposition[1], b"filename") if disposition is not None else ""
    return (name or find_text(part.parameters, b"name")).strip().lower()


def _read(octets: Octets, part: Part, tls: bool) -> TlsReport | Report:
    if part.octets > MAX_ENCODED_OCTETS:
        raise NoReport(f"the attachment is larger than {MAX_ENCODED_OCTETS} octets")
    content = decode_transfer(octets[part.body_start : part.body_end], part.transfer_encoding)
    try:
        return tls_rpt.read_report(content) if tls else report_read.read_report(content)
    except (tls_rpt.TlsReportProblem, report_read.ReportProblem) as found:
        raise NoReport(str(found)) from None
