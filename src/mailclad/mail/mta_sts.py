"""MTA-STS: the record that announces a policy, and the policy itself (RFC 8461 §3.1, §3.2, §4.1).

Comes in: TXT answers of ``_mta-sts.<domain>`` and the text at the policy host, both a stranger's.
Goes out: an id, an ``StsPolicy``, or ``StsProblem`` in plain words; and the inverse for domains
of ours.  Strict where the grammar is, except that empty lines are passed over.
Limits: octets of record and policy, and ``max_age``.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailclad.mail.address import AddressProblem, check_domain

MAX_RECORD_OCTETS = 8 * 1024
"""Real records stay under 50."""

MAX_POLICY_OCTETS = 64 * 1024
"""RFC 8461 §3.3 suggests it."""

LONGEST_MAX_AGE = 31_557_600
"""RFC 8461 §3.2: a year; what says more holds for a year."""

WELL_KNOWN_PATH = "/.well-known/mta-sts.txt"

MEDIA_TYPE = "text/plain"


class StsMode(StrEnum):
    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


class StsProblem(ValueError):
    """Why there is no policy to be had from it, in plain words."""


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """``id`` is the TXT record's; ``mx`` the patterns, ``lines`` the whole policy, as written."""

    domain: str
    id: str
    mode: StsMode
    mx: tuple[str, ...]
    max_age: int
    lines: tuple[str, ...]

    def allows(self, host: str) -> bool:
        """Whether a pattern matches this MX host; ``*`` stands for one whole label (§4.1)."""
        name = host.lower().removesuffix(".")
        label, _, parent = name.partition(".")
        patterns = {pattern.lower() for pattern in self.mx}
        return name in patterns or (bool(label) and f"*.{parent}" in patterns)


_STARTS = re.compile(rb"v=STSv1[ \t]*;")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([!-:<>-~]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_MAX_AGE = re.compile(r"[0-9]{1,10}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def record_name(domain: str) -> str:
    return f"_mta-sts.{domain}"


def policy_host(domain: str) -> str:
    return f"mta-sts.{domain}"


def policy_url(domain: str) -> str:
    return f"https://{policy_host(domain)}{WELL_KNOWN_PATH}"


def parse_record(answers: Iterable[bytes]) -> str | None:
    """The policy's id; None where none is announced; raises StsProblem."""
    records = [answer for answer in answers if _STARTS.match(answer)]
    if not records:
        return None
    if len(records) > 1:
        raise StsProblem("there are several records that start with v=STSv1")
    if len(records[0]) > MAX_RECORD_OCTETS or not records[0].isascii():
        raise StsProblem("the record is too long or not in ASCII")
    fields = [field.strip(" \t") for field in records[0].decode("ascii").split(";")[1:]]
    if fields[-1] == "":
        fields.pop()
    found: dict[str, str] = {}
    for field in fields:
        read = _FIELD.fullmatch(field)
        if read is None:
            raise StsProblem("the record has something that is not name=value")
        found.setdefault(read[1], read[2])
    if _ID.fullmatch(found.get("id", "")) is None:
        raise StsProblem("the record has no id of 1 to 32 letters and digits")
    return found["id"]


def parse_policy(octets: bytes, domain: str, policy_id: str) -> StsPolicy:
    """Raises StsProblem."""
    if len(octets) > MAX_POLICY_OCTETS:
        raise StsProblem(f"the policy is longer than {MAX_POLICY_OCTETS} octets")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise StsProblem("the policy is not UTF-8") from None
    lines = tuple(line for line in re.split(r"\r?\n", text) if line.strip(" \t"))
    fields = [_read_line(line) for line in lines]
    first = dict(reversed(fields))
    patterns = tuple(value for name, value in fields if name == "mx")
    if first.get("version") != "STSv1":
        raise StsProblem("the policy does not say “version: STSv1”")
    mode = _mode(first.get("mode", ""))
    _check_patterns(patterns, mode)
    if _MAX_AGE.fullmatch(first.get("max_age", "")) is None:
        raise StsProblem("the policy has no max_age in seconds")
    max_age = min(int(first["max_age"]), LONGEST_MAX_AGE)
    return StsPolicy(domain, policy_id, mode, patterns, max_age, lines)


def _read_line(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    value = value.strip(" \t")
    if _NAME.fullmatch(name) is None or not value or _CONTROL.search(value):
        raise StsProblem("the policy has a line that is not “name: value”")
    return name, value


def _mode(text: str) -> StsMode:
    try:
        return StsMode(text)
    except ValueError:
        raise StsProblem("the policy has no mode of enforce, testing or none") from None


def _check_patterns(patterns: Sequence[str], mode: StsMode) -> None:
    if not patterns and mode is not StsMode.NONE:
        raise StsProblem("the policy names no mx")
    for pattern in patterns:
        name = pattern.removeprefix("*.")
        try:
            check_domain(name)
        except AddressProblem:
            name = ""
        if not name or name.startswith("[") or not name.isascii():
            raise StsProblem("the policy has an mx that is no host name, with or without “*.”")


def make_policy(domain: str, mode: StsMode, mx: Sequence[str], max_age: int) -> StsPolicy:
    """A policy of our own; its id follows from what it says, and changes exactly with it."""
    patterns = (f"mx: {host}" for host in mx)
    lines = ("version: STSv1", f"mode: {mode}", *patterns, f"max_age: {max_age}")
    policy_id = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]
    return StsPolicy(domain, policy_id, mode, tuple(mx), max_age, lines)


def write_policy(policy: StsPolicy) -> bytes:
    return "".join(f"{line}\r\n" for line in policy.lines).encode()


def write_record(policy: StsPolicy) -> str:
    """The TXT value."""
    return f"v=STSv1; id={policy.id};"
