"""What the world sees of a domain, beside what it should see: a finding for each record.

Comes in: wanted records, and what several name servers say, untrusted.  Goes out: findings with
what was seen and the remedy.  A record counts as right if it does what ours does: who publishes a
stricter DMARC policy, or lets more servers send, has chosen so.  Pure, and never raises.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailclad.mail import mta_sts, tls_rpt
from mailclad.mail.dkim.outcome import Unusable
from mailclad.mail.dkim.record import parse_key
from mailclad.mail.dmarc.record import parse_record as parse_dmarc
from mailclad.mail.spf.record import parse_record as parse_spf
from mailclad.mail.spf.result import SpfProblem
from mailclad.services.provision.dns_changes import is_digest, same_slot, version
from mailclad.services.provision.dns_records import TTL, DnsRecord, Need
from mailclad.services.provision.zone_text import written


class State(StrEnum):
    """From good to bad; the worst that anybody sees counts."""

    RIGHT = "right"
    UNKNOWN = "unknown"
    DIFFERENT = "different"
    MISSING = "missing"


Said = tuple[str, ...] | str
"""Values, or why there are none to be had."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``seen`` is what each name server says, by its name."""

    name: str
    kind: str
    state: State
    need: Need
    purpose: str
    wanted: str = ""
    seen: Mapping[str, Said] | None = None
    remedy: str = ""

    @property
    def is_problem(self) -> bool:
        """What is merely handy may be left out, but not be wrong."""
        if self.state is State.MISSING:
            return self.need is not Need.HANDY
        return self.state is not State.RIGHT


def judge(record: DnsRecord, seen: Mapping[str, Said]) -> Finding:
    """One record, as several name servers see it."""
    states = {
        view: _state(record, said) for view, said in seen.items() if not isinstance(said, str)
    }
    worst = max(states.values(), key=list(State).index, default=State.UNKNOWN)
    return Finding(
        name=record.name,
        kind=record.kind,
        state=worst,
        need=record.need,
        purpose=record.purpose,
        wanted=written(record.kind, record.value),
        seen=seen,
        remedy=_remedy(record, worst, states),
    )


def _state(record: DnsRecord, values: Iterable[str]) -> State:
    there = [value for value in values if same_slot(record, value)]
    if not there:
        return State.MISSING
    good = [value for value in there if does_the_same(record, value)]
    if not good and record.kind == "TLSA":
        return (
            State.MISSING
        )  # several stand beside each other; one that fits no key is found apart
    lonely = record.kind == "TXT" and not is_digest(record)
    if not good or (lonely and len(there) > 1):
        return State.DIFFERENT
    if record.kind == "MX" and _preference(good[0]) > min(map(_preference, there)):
        return State.DIFFERENT
    return State.RIGHT


def _preference(mx: str) -> int:
    return int(mx.partition(" ")[0])


def _remedy(record: DnsRecord, state: State, states: Mapping[str, State]) -> str:
    line = f"{record.name}. {TTL} IN {record.kind} {written(record.kind, record.value)}"
    if state is State.RIGHT:
        return ""
    if state is State.UNKNOWN:
        return "No name server answered: ask again later, or others with --resolver."
    if State.RIGHT in states.values():
        return "Some name servers say it already: wait until the old answer has run out."
    if state is State.MISSING:
        return f"Add it: {line}"
    return f"Have this one and no other of its kind: {line}"


_OWN_CHOICE: Mapping[str, int] = {"MX": 1, "SRV": 2}
"""How many fields at the start (preference, priority and weight) are for each to choose."""


def does_the_same(record: DnsRecord, value: str) -> bool:
    """Whether another value is as good as ours."""
    if value == record.value:
        return True
    own = _OWN_CHOICE.get(record.kind)
    if own is not None:
        return value.split()[own:] == record.value.split()[own:]
    same = _SAME.get(version(record.value)) if record.kind == "TXT" else None
    return same is not None and same(record.value, value)


def _same_spf(_: str, value: str) -> bool:
    try:
        parse_spf(value.encode())
    except SpfProblem:
        return False
    terms = value.lower().split()
    return ("mx" in terms or "+mx" in terms) and "+all" not in terms and "all" not in terms


def _same_key(ours: str, value: str) -> bool:
    return _public(ours) == _public(value)


def _public(value: str) -> bytes:
    try:
        key = parse_key(value.encode(), b"email").public
    except Unusable:
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _same_dmarc(_: str, value: str) -> bool:
    found = parse_dmarc(value.encode())
    return found is not None and found.usable and not found.problems


def _same_sts(ours: str, value: str) -> bool:
    try:
        return mta_sts.parse_record([value.encode()]) == mta_sts.parse_record([ours.encode()])
    except mta_sts.StsProblem:
        return False


def _same_tls_rpt(_: str, value: str) -> bool:
    return bool(tls_rpt.parse_record([value.encode()]))


_SAME: Mapping[str, Callable[[str, str], bool]] = {
    "v=spf1": _same_spf,
    "v=dkim1": _same_key,
    "v=dmarc1": _same_dmarc,
    "v=stsv1": _same_sts,
    "v=tlsrptv1": _same_tls_rpt,
}


def forbids_all(caa: Sequence[str]) -> bool:
    """Whether CAA records let no authority issue (RFC 8659 §4.2)."""
    issuers = [value.split(" ", 2)[2] for value in caa if value.split(" ", 2)[1] == "issue"]
    return bool(issuers) and not any(one.partition(";")[0].strip() for one in issuers)
