"""DMARC aggregate reports of strangers, read (RFC 7489 appendix C, RFC 9990).

In come the octets of an attachment: gzip, zip or XML; out comes a ``report.Report``, or
``ReportProblem`` in plain words, the only exception.  Lenient about what reporters leave out,
misspell or add, and about name spaces; a row without a real IP address or count is skipped and
counted.  Nothing said is trusted: texts are cut and may hold anything that XML can, markup
included: whoever shows them escapes them.  That the mail came from the reporter (DKIM) is
checked elsewhere.

A document type is refused before the parser sees it: no entities, no external anything.
Encodings are UTF-8, or ISO 8859-1 where declared; UTF-16, in which a document type could hide
from that look, is refused.
Limits: all below; memory follows the limits, not the file, and time is linear in the octets.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from xml.parsers import expat

from mailclad.mail.dmarc.record import Alignment, Policy
from mailclad.mail.dmarc.report import (
    MAX_DKIM_RESULTS,
    DkimShown,
    Override,
    PolicyShown,
    Report,
    Row,
    SpfShown,
)
from mailclad.mail.packed import PackedProblem, unpack

MAX_PACKED_OCTETS = 10 * 1024 * 1024
MAX_XML_OCTETS = 10 * 1024 * 1024
"""RFC 7489 §7.2.1.1: "a commonly observed receiver limit is ten megabytes"."""

MAX_ROWS = 20_000
"""Some 500 octets each: what ten megabytes of a real report hold."""

MAX_DEPTH = 20
"""RFC 7489 needs six; extensions a few more."""

MAX_ELEMENTS = 2_000
"""Of one record, or of all outside records: 100 signatures need 500."""

MAX_ALL_ELEMENTS = 600_000
"""Of the whole report; a real one of ten megabytes has some 350,000.  About two seconds."""

MAX_RUN_OCTETS = 64 * 1024
"""From one ``<`` to the next: a text, or all attributes of an element, which the parser holds."""

MAX_TEXT_CHARACTERS = 1_000
"""Of one element; longer text is cut."""

MAX_COUNT = 10**12
"""Messages of a row; more are not believed."""

MAX_SECONDS = 253_402_300_799
"""The end of the year 9999."""

MAX_REASONS = 20
MAX_SPF_RESULTS = 10
MAX_ERRORS = 20
"""Shown of each; real reports have one or two."""


class ReportProblem(ValueError):
    """Why it is not a report that can be used, in plain words."""


def read_report(octets: bytes) -> Report:
    """Raises ReportProblem."""
    if len(octets) > MAX_PACKED_OCTETS:
        raise ReportProblem(f"the attachment is larger than {MAX_PACKED_OCTETS} octets")
    try:
        xml = unpack(octets, MAX_XML_OCTETS)
    except PackedProblem as problem:
        raise ReportProblem(str(problem)) from None
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise ReportProblem("the report declares a document type, which reports do not need")
    if _LONG_RUN.search(xml):
        raise ReportProblem(f"a text of the report is longer than {MAX_RUN_OCTETS} octets")
    if b"\0" in xml:  # the parser obeys a mark of UTF-16, whatever it is told
        raise ReportProblem("the report is not UTF-8 text")
    builder = _Builder()
    parser = expat.ParserCreate("iso-8859-1" if _LATIN_1.match(xml) else "utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(xml, True)
    except expat.ExpatError:
        raise ReportProblem("the report is not well-formed XML") from None
    return builder.report()


_LATIN_1 = re.compile(
    rb"\s*<\?xml[^>]{0,100}encoding=[\"'](?:iso-8859-1|windows-1252)[\"']", re.IGNORECASE
)
_LONG_RUN = re.compile(rb"<[^<]{0,%d}+(?!<|\Z)" % MAX_RUN_OCTETS)
_DIGITS = re.compile(r"[0-9]{1,18}")
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(slots=True)
class _Element:
    """A small tree; of a record it lives until the record ends."""

    name: str
    inside: "list[_Element]" = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def find(self, name: str) -> "_Element":
        """The first of that name, or an empty one."""
        return next((child for child in self.inside if child.name == name), _Element(name))

    def all(self, name: str, most: int) -> "list[_Element]":
        return [child for child in self.inside if child.name == name][:most]

    def text(self, name: str) -> str:
        return "".join(self.find(name).pieces)[:MAX_TEXT_CHARACTERS].strip()

    def number(self, name: str, most: int) -> int | None:
        text = self.text(name)
        return min(int(text), most) if _DIGITS.fullmatch(text) else None

    def choice(self, name: str, kind: type[Choice]) -> Choice | None:
        try:
            return kind(self.text(name).lower())
        except ValueError:
            return None


class _Builder:
    """Takes what the parser finds; each record becomes a row as soon as it ends."""

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self._outside = 0
        self._of_record = 0
        self._all = 0
        self._root = _Element("")
        self._rows: list[Row] = []
        self._skipped = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        element = _Element(name.rpartition(":")[2].lower())
        self._all += 1
        in_record = len(self._open) > 1 and self._open[1].name == "record"
        if in_record:
            self._of_record += 1
        else:
            self._outside += element.name != "record"
        if max(self._of_record, self._outside) > MAX_ELEMENTS:
            raise ReportProblem(f"more than {MAX_ELEMENTS} elements in one part of the report")
        if self._all > MAX_ALL_ELEMENTS:
            raise ReportProblem(f"the report has more than {MAX_ALL_ELEMENTS} elements")
        if len(self._open) >= MAX_DEPTH:
            raise ReportProblem(f"the report nests more than {MAX_DEPTH} elements")
        if self._open:
            self._open[-1].inside.append(element)
        else:
            self._root = element
        self._open.append(element)

    def end(self, _name: str) -> None:
        element = self._open.pop()
        if element.name != "record" or len(self._open) != 1:
            return
        self._open[0].inside.pop()
        self._of_record = 0
        row = _row(element)
        if row is None:
            self._skipped += 1
        else:
            self._rows.append(row)
        if len(self._rows) + self._skipped > MAX_ROWS:
            raise ReportProblem(f"the report has more than {MAX_ROWS} rows")

    def text(self, text: str) -> None:
        self._open[-1].pieces.append(text)

    def report(self) -> Report:
        if self._root.name != "feedback":
            raise ReportProblem("the XML is not a DMARC report: it is no feedback element")
        metadata = self._root.find("report_metadata")
        dates = metadata.find("date_range")
        begin, end = dates.number("begin", MAX_SECONDS), dates.number("end", MAX_SECONDS)
        policy = self._root.find("policy_published")
        if begin is None or end is None or end < begin:
            raise ReportProblem("the report does not say which days it is about")
        if not policy.text("domain"):
            raise ReportProblem("the report does not say which domain it is about")
        return Report(
            organization=metadata.text("org_name"),
            contact=metadata.text("email"),
            report_id=metadata.text("report_id"),
            begin=begin,
            end=end,
            policy=_policy(policy),
            rows=tuple(self._rows),
            extra_contact=metadata.text("extra_contact_info"),
            errors=tuple(
                "".join(error.pieces)[:MAX_TEXT_CHARACTERS].strip()
                for error in metadata.all("error", MAX_ERRORS)
            ),
            skipped_rows=self._skipped,
        )


def _policy(element: _Element) -> PolicyShown:
    return PolicyShown(
        domain=element.text("domain").lower(),
        policy=element.choice("p", Policy) or Policy.NONE,
        subdomain_policy=element.choice("sp", Policy),
        absent_policy=element.choice("np", Policy),
        adkim=element.choice("adkim", Alignment) or Alignment.RELAXED,
        aspf=element.choice("aspf", Alignment) or Alignment.RELAXED,
        testing=element.text("testing").lower() == "y",
        failure_options=element.text("fo") or "0",
    )


def _row(record: _Element) -> Row | None:
    """None where address or count make no sense."""
    row, identifiers = record.find("row"), record.find("identifiers")
    evaluated, results = row.find("policy_evaluated"), record.find("auth_results")
    count = row.number("count", MAX_COUNT)
    try:
        source_ip = str(ipaddress.ip_address(row.text("source_ip")))
    except ValueError:
        return None
    if count is None:
        return None
    return Row(
        source_ip=source_ip,
        count=count,
        disposition=evaluated.choice("disposition", Policy) or Policy.NONE,
        dkim=evaluated.text("dkim").lower() == "pass",
        spf=evaluated.text("spf").lower() == "pass",
        header_from=identifiers.text("header_from").lower(),
        envelope_from=identifiers.text("envelope_from").lower(),
        envelope_to=identifiers.text("envelope_to").lower(),
        overrides=tuple(
            Override(reason.text("type"), reason.text("comment"))
            for reason in evaluated.all("reason", MAX_REASONS)
        ),
        dkim_results=tuple(map(_dkim, results.all("dkim", MAX_DKIM_RESULTS))),
        spf_results=tuple(map(_spf, results.all("spf", MAX_SPF_RESULTS))),
    )


def _dkim(element: _Element) -> DkimShown:
    return DkimShown(
        element.text("domain").lower(),
        element.text("selector"),
        element.text("result").lower(),
        element.text("human_result"),
    )


def _spf(element: _Element) -> SpfShown:
    scope = element.text("scope").lower() or "mfrom"
    return SpfShown(element.text("domain").lower(), element.text("result").lower(), scope)
