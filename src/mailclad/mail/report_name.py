"""How a report is called: file name and Subject (RFC 7489 §7.2.1.1, RFC 8460 §5.1, §5.3).

In come domains, times in seconds and an identifier; out go the text of a file name and the
octets of a Subject value, folded.  What could leave its place (path signs, line ends,
blanks) is dropped from each part: the domains come from strangers' mail.
"""

import re

MAX_PART_CHARACTERS = 255
"""A domain name's; four of them stay under what file systems and header lines hold."""

_NOT_DOMAIN = re.compile(r"[^A-Za-z0-9.\-]")
_NOT_LETTER = re.compile(r"[^A-Za-z0-9]")
_NOT_ID = re.compile(r"[^A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.@]")


def report_file_name(
    submitter: str, policy_domain: str, begin: int, end: int, report_id: str, extension: str
) -> str:
    """``mail.receiver.example!example.com!1013662812!1013749130!id.xml.gz``."""
    unique = _NOT_LETTER.sub("", report_id)[:MAX_PART_CHARACTERS]
    names = f"{clean_domain(submitter)}!{clean_domain(policy_domain)}"
    return f"{names}!{begin}!{end}{f'!{unique}' if unique else ''}.{extension}"


def report_subject(policy_domain: str, submitter: str, report_id: str) -> bytes:
    """The value of Subject, over three lines."""
    identity = _NOT_ID.sub("", report_id)[:MAX_PART_CHARACTERS]
    return (
        f"Report Domain: {clean_domain(policy_domain)}\r\n\tSubmitter: {clean_domain(submitter)}"
        f"\r\n\tReport-ID: <{identity}>"
    ).encode("ascii")


def clean_domain(text: str) -> str:
    """Nothing that could end a line or a path."""
    return _NOT_DOMAIN.sub("", text)[:MAX_PART_CHARACTERS]
