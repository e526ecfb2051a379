"""An authority's refusals in words for people: what happened, and what to do.

RFC 8555 §6.7 (every type of problem), RFC 9773 §7.4 (alreadyReplaced).

Comes in: a problem document, the kind of proof that it speaks of.  Goes out: sentences with the
authority's own words quoted, and the entry of the catalogue.
"""

import re
from collections.abc import Mapping

from mailclad.protocols.acme.objects import Problem
from mailclad.services.certificates.acme.challenge import ChallengeKind

RATE_LIMITED = "ACME-433"
ACCOUNT = "ACME-434"
OTHER = "ACME-435"
CAA = "DNS-419"

_PROVED: Mapping[ChallengeKind | None, tuple[str, str]] = {
    ChallengeKind.HTTP: (
        "ACME-431",
        "let everybody reach port 80 of this machine; every A and AAAA record must lead to it",
    ),
    ChallengeKind.TLS_ALPN: (
        "ACME-431",
        "let everybody reach port 443 of this machine, with no proxy that ends TLS before it",
    ),
    ChallengeKind.DNS: (
        "ACME-432",
        "all name servers of the zone must give the TXT record _acme-challenge in time",
    ),
    None: (OTHER, "try again; if it stays, ask the authority"),
}
"""How a name was to be proved: the catalogue's entry, and what helps where the proof failed."""

_PROOFS: Mapping[str, str] = {
    "connection": "the authority could not connect to this server",
    "dns": "the authority could not look the name up in the DNS",
    "incorrectResponse": "the authority found another answer than ours: somebody else answers "
    "there, or a proxy changes it",
    "tls": "the authority found a fault in TLS where it looked for our answer",
    "unauthorized": "the authority did not find our answer",
}
"""Failures of a proof, whose remedy depends on its kind."""

_WORDS: Mapping[str, tuple[str, str]] = {
    "accountDoesNotExist": ("the authority does not know our account any more", "try again"),
    "alreadyReplaced": ("the certificate to renew was replaced already", "nothing is to be done"),
    "alreadyRevoked": ("the certificate was revoked already", "nothing is to be done"),
    "badCSR": (
        "the authority does not take this kind of key or these names in a certificate",
        "use an EC key on P-256 or an RSA key of 2048 bits",
    ),
    "badNonce": ("the authority took none of the nonces that it gave us", "try again later"),
    "badPublicKey": ("the authority does not take our account's key", "use another authority"),
    "badRevocationReason": ("the authority does not know that reason", "give none"),
    "badSignatureAlgorithm": (
        "the authority does not take signatures with ES256",
        "use another authority",
    ),
    "caa": (
        "a CAA record in the DNS forbids this authority to certify the name",
        "add a CAA record that allows it, or use an authority that the record allows",
    ),
    "compound": ("the authority has several objections", "see each of them"),
    "conflict": ("the authority is at work on the same request", "try again later"),
    "dnssec": (
        "DNSSEC of the name is broken, so authorities may not believe its zone",
        "repair its signatures or the DS record at the registrar",
    ),
    "externalAccountRequired": (
        "the authority opens accounts only for its customers",
        "fetch a key id and HMAC key (“EAB”) on its web site and put them into the configuration",
    ),
    "invalidContact": (
        "the authority does not take the contact address",
        "give an address in a domain that exists, or none",
    ),
    "invalidProfile": (
        "the authority does not know that profile, or not for these names",
        "leave the profile out of the configuration, or name one that the authority lists",
    ),
    "malformed": ("the authority did not understand our request", "update Mailclad; report it"),
    "orderNotReady": ("the authority took the names as unproved still", "try again"),
    "rateLimited": ("the authority's limit for requests is used up", "wait until it allows more"),
    "rejectedIdentifier": (
        "the authority does not certify this name by its rules",
        "check the spelling; else use another authority, or leave the name out",
    ),
    "serverInternal": ("the authority has a fault of its own", "try again later"),
    "unauthorized": ("the authority does not allow that to our account", "see what it says"),
    "unsupportedContact": ("the authority takes no contact of that kind", "leave it out"),
    "unsupportedIdentifier": (
        "the authority certifies no names of this kind",
        "for IP addresses use an authority that takes them; else leave the name out",
    ),
    "userActionRequired": (
        "the authority wants something done on its web site first, often to agree to new terms",
        "follow its link",
    ),
}
"""By the token of RFC 8555 §6.7: what happened, what to do."""

_FINDINGS: Mapping[str, str] = {
    "accountDoesNotExist": ACCOUNT,
    "caa": CAA,
    "externalAccountRequired": ACCOUNT,
    "invalidContact": ACCOUNT,
    "rateLimited": RATE_LIMITED,
    "unsupportedContact": ACCOUNT,
    "userActionRequired": ACCOUNT,
}

AUTHORITY_ONLY = frozenset({"caa", "rejectedIdentifier", "unsupportedIdentifier"})
"""Objections to a name that another authority need not have."""


def explain(problem: Problem, proof: ChallengeKind | None = None, *, issuer: str = "") -> str:
    """One or two sentences; ``proof`` is how the name was to be proved.

    ``issuer`` is the authority's own name in CAA records, where it told it.
    """
    if problem.kind in _PROOFS and (proof is not None or problem.kind not in _WORDS):
        happened, remedy = _PROOFS[problem.kind], _PROVED[proof][1]
    else:
        happened, remedy = _WORDS.get(
            problem.kind, ("the authority refused it", "see what it says")
        )
    if problem.kind == "caa" and _is_name(issuer):
        remedy = f'add the CAA record “0 issue "{issuer}"”, or use an authority that is allowed'
    said = f" (it says: “{problem.words}”)" if problem.words else ""
    link = f" {problem.instance}" if _is_link(problem.instance) else ""
    return f"{happened}{said}: {remedy}{link}"


def finding(problem: Problem, proof: ChallengeKind | None = None) -> str:
    """The catalogue's entry."""
    return _FINDINGS.get(problem.kind, _PROVED[proof][0])


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9.-]{1,253}", text) is not None


def _is_link(url: str) -> bool:
    return url.startswith("https://") and url.isascii() and url.isprintable() and len(url) < 500
