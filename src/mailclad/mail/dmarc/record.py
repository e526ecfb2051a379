"""What a domain asks for: the DMARC policy record (RFC 9989 §4.7, §4.8; RFC 7489 §6.3).

In comes one TXT record, its strings joined; out comes a ``DmarcRecord``, or None where it is
not a DMARC record.  Lenient as RFC 9989 §4.8 wants it: unknown tags are skipped, a value
that is not understood gives way to the default, of a tag that stands twice the first counts;
what was passed over is told in ``problems``, in words for people.

Only a wrong ``p``, ``sp`` or ``np`` weighs more (§4.10.1): with a reporting URI the record
counts as ``p=none``, without one it is not ``usable``.  No ``p`` at all is ``p=none`` (§4.7).
``pct``, ``rf`` and ``ri`` of RFC 7489 are unknown tags now; ``t=y`` took the place of ``pct``.
Never raises.  Limits: ``MAX_RECORD_OCTETS``, ``MAX_TAGS``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from mailclad.mail.report_uri import ReportUri, parse_report_uris

MAX_RECORD_OCTETS = 8 * 1024
"""Real records stay under 500; a DNS answer could carry 64 KiB."""

MAX_TAGS = 50
"""RFC 9989 knows eleven."""


REMEMBERED = 1_024
"""Records whose reading is remembered; a busy server sees the same few hundred all day."""


class Policy(StrEnum):
    """What to do with mail that fails; in order of strictness."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class Alignment(StrEnum):
    RELAXED = "r"
    STRICT = "s"


class Suffix(StrEnum):
    """``psd=``: whether strangers can register below this domain."""

    YES = "y"
    NO = "n"
    UNKNOWN = "u"


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """``subdomain_policy`` and ``absent_policy`` (``sp``, ``np``) are None where not given."""

    policy: Policy = Policy.NONE
    subdomain_policy: Policy | None = None
    absent_policy: Policy | None = None
    testing: bool = False
    suffix: Suffix = Suffix.UNKNOWN
    adkim: Alignment = Alignment.RELAXED
    aspf: Alignment = Alignment.RELAXED
    failure_options: frozenset[str] = frozenset("0")
    rua: tuple[ReportUri, ...] = ()
    ruf: tuple[ReportUri, ...] = ()
    usable: bool = True
    problems: tuple[str, ...] = ()


Choice = TypeVar("Choice", bound=StrEnum)

_VERSION = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_TAG = re.compile(r"[ \t]*([A-Za-z]+)[ \t]*=[ \t]*([ -:<-~]*)")
_FAILURE_OPTION = frozenset("01ds")


@lru_cache(REMEMBERED)
def parse_record(octets: bytes) -> DmarcRecord | None:
    """None where the text does not begin with ``v=DMARC1``: some other record."""
    text = octets[:MAX_RECORD_OCTETS].decode("latin-1")
    version = _VERSION.match(text)
    if version is None:
        return None
    reader = _Reader(text[version.end() :])
    rua, any_rua = parse_report_uris(reader.tags.get("rua", ""))
    ruf, _ = parse_report_uris(reader.tags.get("ruf", ""))
    policies = [reader.choice(tag, Policy) for tag in ("p", "sp", "np")]
    wrong = any(
        tag in reader.tags and policy is None
        for tag, policy in zip(("p", "sp", "np"), policies, strict=True)
    )
    if wrong:
        policies = [None, None, None]
    return DmarcRecord(
        policy=policies[0] or Policy.NONE,
        subdomain_policy=policies[1],
        absent_policy=policies[2],
        testing=reader.tags.get("t", "n").lower() == "y",
        suffix=reader.choice("psd", Suffix) or Suffix.UNKNOWN,
        adkim=reader.choice("adkim", Alignment) or Alignment.RELAXED,
        aspf=reader.choice("aspf", Alignment) or Alignment.RELAXED,
        failure_options=reader.failure_options(),
        rua=rua,
        ruf=ruf,
        usable=any_rua or not wrong,
        problems=tuple(reader.problems),
    )


def choose_record(answers: Iterable[bytes]) -> DmarcRecord | None:
    """The one DMARC record of a name; several are none (RFC 9989 §4.10 step 2)."""
    found = [record for answer in answers if (record := parse_record(answer)) is not None]
    return found[0] if len(found) == 1 else None


class _Reader:
    """The tags of a record, and what was wrong with them."""

    def __init__(self, text: str) -> None:
        self.tags: dict[str, str] = {}
        self.problems: list[str] = []
        pieces = text.split(";", MAX_TAGS)
        if len(pieces) > MAX_TAGS:
            self.problems.append(f"the record has more than {MAX_TAGS} tags")
        for piece in pieces[:MAX_TAGS]:
            self._take(piece)

    def _take(self, piece: str) -> None:
        match = _TAG.fullmatch(piece)
        if match is None:
            if piece.strip(" \t"):
                self.problems.append("between two semicolons stands no tag=value")
            return
        tag = match[1].lower()
        if tag in self.tags:
            self.problems.append(f"the tag {tag[:20]} stands twice; the first one counts")
        else:
            self.tags[tag] = match[2].rstrip(" \t")

    def choice(self, tag: str, kind: type[Choice]) -> Choice | None:
        value = self.tags.get(tag)
        if value is None:
            return None
        try:
            return kind(value.lower())
        except ValueError:
            wanted = ", ".join(kind)
            self.problems.append(f"{tag}= has a value that is none of {wanted}")
            return None

    def failure_options(self) -> frozenset[str]:
        value = self.tags.get("fo", "0").lower()
        found = frozenset(part.strip(" \t") for part in value.split(":", 8)) & _FAILURE_OPTION
        if not found:
            self.problems.append("fo= has a value that is none of 0, 1, d, s")
        return found or frozenset("0")
