"""The mail that carries a report to whoever asked for it (RFC 8460 §5.3, RFC 7489 §7.2.1.1).

In come the packed report and the facts of the mail; out come its octets, 7-bit, CRLF.  A TLS
report is a multipart/report of two parts and asks that TLS policies be ignored on its way
(``TLS-Required: No``, RFC 8689 §3): it may be about the very fault that would hold it up.
A DMARC report needs no certain form.  Names that come from strangers are cleaned; addresses are
ASCII and written as they were parsed.  Time, boundary and Message-ID are the caller's.
"""

import base64
import textwrap
from dataclasses import dataclass

from mailclad.mail.address import Address
from mailclad.mail.date import format_date
from mailclad.mail.report_name import clean_domain

_LINE_OCTETS = 76


@dataclass(frozen=True, slots=True)
class ReportMail:
    """``subject`` and ``file_name`` as ``tls_rpt`` and ``dmarc.report`` make them.

    ``submitter`` is our domain, ``policy_domain`` the one that the report is about.
    """

    author: Address
    reply_to: Address
    to: Address
    subject: bytes
    file_name: str
    media_type: str
    policy_domain: str
    submitter: str
    packed: bytes
    now: int
    token: str
    tls: bool


def compose_report_mail(mail: ReportMail) -> bytes:
    boundary = f"report-{mail.token}"
    what = "TLS with its mail servers" if mail.tls else "mail in its name"
    words = (
        f"This is a daily report from {mail.submitter} about {what}, for {mail.policy_domain}, "
        "made for programs to read. It is sent because the domain asks for it in DNS. "
        f"Questions go to {mail.reply_to}."
    )
    lines = [
        *_header(mail),
        f'Content-Type: multipart/{_KIND[mail.tls]}; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        *_base64("\r\n".join(textwrap.wrap(words, _LINE_OCTETS)).encode() + b"\r\n"),
        f"--{boundary}",
        f"Content-Type: {mail.media_type}",
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment;\r\n\tfilename="{mail.file_name}"',
        "",
        *_base64(mail.packed),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode()


_KIND = {True: "report; report-type=tlsrpt", False: "mixed"}


def _header(mail: ReportMail) -> list[str]:
    fields = [
        f"Date: {format_date(mail.now).decode()}",
        f"From: <{mail.author}>",
        f"Reply-To: <{mail.reply_to}>",
        f"To: <{mail.to}>",
        f"Subject: {mail.subject.decode()}",
        f"Message-ID: <{mail.token}@{mail.submitter}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ]
    if mail.tls:
        fields += [
            f"TLS-Report-Domain: {clean_domain(mail.policy_domain)}",
            f"TLS-Report-Submitter: {mail.submitter}",
            "TLS-Required: No",
        ]
    return fields


def _base64(octets: bytes) -> list[str]:
    text = base64.b64encode(octets).decode()
    return [text[at : at + _LINE_OCTETS] for at in range(0, len(text), _LINE_OCTETS)]
