"""One kind of thing that a report will tell, as the store keeps it (RFC 8460 §4.4, RFC 9990).

In come a policy and what happened under it; out come octets, the same for the same facts
whatever their counts, and back.  Texts come from strangers: each is cut, few are kept.
What is read is what was written here.
"""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from mailclad.mail.dmarc.report import PolicyShown, Row
from mailclad.mail.tls_rpt import Failure, PolicySummary

TEXT_CHARACTERS = 320
"""Of one text: the longest mail address."""

SIGNATURES = 10
"""Of one row; the caller puts those that count first, and real mail has up to four."""

POLICY_LINES = 50
"""Of MTA-STS or TLSA records; real ones have under twenty."""


@dataclass(frozen=True, slots=True)
class TlsFacts:
    policy: PolicySummary
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class DmarcFacts:
    policy: PolicyShown
    row: Row


_encode = msgspec.json.Encoder().encode
_decode_tls = msgspec.json.Decoder(TlsFacts).decode
_decode_dmarc = msgspec.json.Decoder(DmarcFacts).decode


def write_tls(facts: TlsFacts) -> bytes:
    policy = replace(
        facts.policy,
        policy_domain=cut_text(facts.policy.policy_domain),
        policy_string=tuple(map(cut_text, facts.policy.policy_string[:POLICY_LINES])),
        mx_hosts=tuple(map(cut_text, facts.policy.mx_hosts[:POLICY_LINES])),
        successful_sessions=0,
        failed_sessions=0,
        failures=(),
    )
    failure = facts.failure
    return _encode(TlsFacts(policy, failure and _with_cut_texts(replace(failure, sessions=0))))


def write_dmarc(facts: DmarcFacts) -> bytes:
    row = facts.row
    row = replace(
        _with_cut_texts(row),
        count=0,
        overrides=tuple(map(_with_cut_texts, row.overrides[:SIGNATURES])),
        dkim_results=tuple(map(_with_cut_texts, row.dkim_results[:SIGNATURES])),
        spf_results=tuple(map(_with_cut_texts, row.spf_results[:SIGNATURES])),
    )
    return _encode(DmarcFacts(_with_cut_texts(facts.policy), row))


def read_tls(octets: bytes) -> TlsFacts:
    return _decode_tls(octets)


def read_dmarc(octets: bytes) -> DmarcFacts:
    return _decode_dmarc(octets)


def cut_text(text: str) -> str:
    """Without lone surrogates, which undecodable octets of a peer become."""
    return text[:TEXT_CHARACTERS].encode("utf-8", "replace").decode("utf-8")


def _with_cut_texts(facts: Any) -> Any:
    """All plain texts of a value cut; words of ours (enumerations) are left."""
    texts = {
        name: cut_text(value)
        for name in facts.__dataclass_fields__
        if type(value := getattr(facts, name)) is str
    }
    return replace(facts, **texts)
