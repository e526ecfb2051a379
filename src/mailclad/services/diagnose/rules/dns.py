"""C42, C45 and the entries DNS-411 to DNS-423: where a domain's mail goes, and who may send it.

RFC 5321 §5.1, RFC 7505 (null MX), RFC 8601 §2.7.3 (reverse names), RFC 7208 (SPF), RFC 6376
(DKIM), RFC 9989 (DMARC).
"""

import re
from collections.abc import Iterator

from mailclad.mail.dkim.outcome import Unusable
from mailclad.mail.dkim.record import parse_key
from mailclad.mail.dmarc.record import Policy
from mailclad.mail.dmarc.record import parse_record as parse_dmarc
from mailclad.mail.server_identity import matches
from mailclad.mail.spf.record import parse_record as parse_spf
from mailclad.mail.spf.result import SpfProblem
from mailclad.services.diagnose.facts import PolicySeen
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.rules.case import Case, plain_host
from mailclad.services.diagnose.rules.policies import found, policies
from mailclad.services.diagnose.rules.reach import greeting

_OWN_NAME = re.compile(r"220[ -]([^ ]+)")
"""RFC 5321 §4.2: a greeting begins with the server's name."""

_WEAK_DKIM_BITS = 1024
"""RFC 8301 §3.2: verifiers refuse less."""


# --- where mail goes ---


def mail_servers(case: Case) -> Iterator[Found]:
    """C42: no server, or one that cannot be reached by its name"""
    for seen in policies(case):
        if any(one.host == "" for one in seen.mx.records):
            what = "the domain says that it takes no mail (null MX)"
            yield found("DNS-411", "C42", seen.domain, Level.NOTE, what=what)
            continue
        if not seen.mx.problem and not seen.mx.records:
            yield _no_mx(seen)
        for exchange in seen.exchanges:
            asked = (exchange.addresses4, exchange.addresses6)
            if not any(one.problem or one.records for one in asked):
                what = f"{exchange.host} has no address"
                yield found("DNS-411", "C42", seen.domain, what=what)
            elif exchange.alias:  # forbidden, and yet nearly everybody delivers there
                what = f"{exchange.host} is an alias (CNAME) of {exchange.alias}"
                yield found("DNS-411", "C42", seen.domain, Level.WATCH, what=what)


def _no_mx(seen: PolicySeen) -> Found:
    if not seen.exchanges:
        what = "no record says which server takes its mail"
        return found("DNS-411", "C42", seen.domain, what=what)
    what = "there is no MX record, so senders use the domain's own address"
    return found("DNS-411", "C42", seen.domain, Level.NOTE, what=what)


def reverse_names(case: Case) -> Iterator[Found]:
    """C45"""
    for seen in policies(case):
        for exchange in seen.exchanges:
            for reverse in exchange.reverse:
                if not reverse.names.problem and not reverse.confirmed:
                    names = ", ".join(reverse.names.records)
                    yield found(
                        "DNS-412", "C45", exchange.host, address=reverse.address, names=names
                    )


def own_names(case: Case) -> Iterator[Found]:
    """C45: what a server calls itself is neither its name, its certificate's nor its address's"""
    for shown in case.shown:
        exchange = case.exchanges.get(plain_host(shown.host))
        said = _OWN_NAME.match(greeting(shown.door.port))
        if exchange is None or not shown.door.is_between_servers or said is None:
            continue
        reverse = [one for one in exchange.reverse if one.address == shown.door.port.address]
        pointers = [name for one in reverse for name in one.names.records]
        name = plain_host(said[1])
        names = shown.chain.leaf.names
        related = {plain_host(shown.host), *map(plain_host, pointers), *names.dns}
        if matches(names, (name,)) or _owner(name) in map(_owner, related):
            continue
        yield shown.door.found(
            "DNS-423",
            "C45",
            greeting=name,
            ptr=", ".join(pointers),
            names=shown.chain.leaf.names_shown,
        )


def _owner(name: str) -> str:
    """The last two labels: one machine of many greets by its own name, as large farms do."""
    return ".".join(name.split(".")[-2:])


# --- who may send ---


def spf(case: Case) -> Iterator[Found]:
    """RFC 7208 §4.5"""
    for seen in policies(case):
        what = "" if seen.spf.problem else _wrong_spf(seen.spf.records)
        if what:
            yield found("DNS-413", "DNS", seen.domain, what=what)


def _wrong_spf(records: tuple[bytes, ...]) -> str:
    if not records:
        return "there is no SPF record, so anybody may seem to send from this domain"
    if len(records) > 1:
        return f"there are {len(records)} SPF records, and one is allowed"
    try:
        parse_spf(records[0])
    except SpfProblem as problem:
        return str(problem)
    terms = records[0].lower().split()
    if b"+all" in terms or b"all" in terms:
        return "it lets everybody send (all)"
    return ""


def dkim(case: Case) -> Iterator[Found]:
    """RFC 6376 §3.6.1; a key that was withdrawn (an empty p=) is none that is wrong"""
    for seen in policies(case):
        for selector, asked in seen.dkim.items():
            for record in asked.records:
                what = _wrong_key(record)
                if what:
                    yield found("DNS-414", "DNS", seen.domain, what=f"{selector}: {what}")


def _wrong_key(record: bytes) -> str:
    if record.replace(b" ", b"").rstrip(b";").endswith(b"p="):
        return ""
    try:
        key = parse_key(record, b"email")
    except Unusable as problem:
        return str(problem)
    if key.kind == "rsa" and key.bits < _WEAK_DKIM_BITS:
        return f"its key has {key.bits} bits, and {_WEAK_DKIM_BITS} are the least"
    return ""


def dmarc(case: Case) -> Iterator[Found]:
    """RFC 9989 §4.7"""
    for seen in policies(case):
        if seen.dmarc.problem:
            continue
        what, level = _wrong_dmarc(seen.dmarc.records)
        if what:
            yield found("DNS-415", "DNS", seen.domain, level, what=what)


def _wrong_dmarc(records: tuple[bytes, ...]) -> tuple[str, Level | None]:
    if not records:
        return "there is no DMARC record, so nobody knows what to do with forged mail", None
    if len(records) > 1:
        return f"there are {len(records)} DMARC records, and one is allowed", None
    record = parse_dmarc(records[0])
    if record is None or not record.usable:
        return "the record cannot be read, so nobody obeys it", None
    if record.problems:
        return "; ".join(record.problems), None
    if record.policy is Policy.NONE:
        return (
            "it asks only for reports: forged mail is delivered all the same (p=none)",
            Level.NOTE,
        )
    return "", None


# --- records in the wrong place ---


def misplaced(case: Case) -> Iterator[Found]:
    """Names that programs ask for settings, and names entered twice over"""
    for seen in policies(case):
        for name in seen.twice:
            yield found("DNS-421", "DNS", seen.domain, name=name)
        is_known = seen.set_up and not seen.mx.problem
        if is_known and not any(seen.set_up.values()):
            yield found("DNS-420", "DNS", seen.domain, names=", ".join(seen.set_up))
