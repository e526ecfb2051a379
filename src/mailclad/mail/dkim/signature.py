"""DKIM-Signature, ARC-Message-Signature and ARC-Seal, read (RFC 6376 §3.5, §6.1.1; RFC 8617 §4.1).

In comes a tag list; out comes a ``Signature`` that says what is to be checked, or ``Unusable``
with the outcome and why.  "Meticulously": what the RFC demands and is not so is never guessed.
Only SHA-256 (RFC 8301 §3.1), with RSA or Ed25519 (RFC 8463).  Domains may have U-labels
(RFC 8616 §5); they come out as A-labels.  Limit: ``MAX_SIGNATURE_OCTETS``.
"""

import re
from dataclasses import dataclass

from mailclad.mail.address import AddressProblem, normalise_domain
from mailclad.mail.dkim.outcome import Outcome, Unusable
from mailclad.mail.dkim.tags import TagProblem, Tags, decode_base64, parse_tags, split_list

MAX_SIGNATURE_OCTETS = 32_768
"""Usual ones have 500 to 1,500; with copied fields (z=) up to 10,000 were seen."""

_NAME_OCTETS = 253
"""RFC 1035 §2.3.4, in presentation form."""

_ENDLESS = 10**12
"""RFC 6376 §3.5: times of more than 12 digits may count as infinite."""

_SHA256_OCTETS = 32
_LABELS = re.compile(r"(?!-)[a-z0-9_\-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_\-]{1,63}(?<!-))*")
_FIELD_NAME = re.compile(rb"[!-9;-~]++")
_DIGITS = re.compile(rb"[0-9]{1,76}")
_KINDS = {b"rsa-sha256": "rsa", b"ed25519-sha256": "ed25519"}
_FORMS = {b"simple": False, b"relaxed": True}
_ARC_FIELDS = {b"arc-authentication-results", b"arc-message-signature", b"arc-seal"}


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key made which signature, and of which kind it is."""

    domain: str
    selector: str
    kind: str
    signature: bytes

    @property
    def key_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is signed: ``names`` of fields, and ``length`` octets of the body (None: all)."""

    names: tuple[bytes, ...]
    relaxed_header: bool
    relaxed_body: bool
    length: int | None
    body_digest: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class Signature:
    """``identity`` is ``i=`` as it stands; ``same_domain``: its domain is ``d=`` itself."""

    signer: Signer
    coverage: Coverage
    identity: str
    same_domain: bool


def parse_signature_tags(value: bytes) -> Tags:
    """Raises Unusable."""
    try:
        return parse_tags(value, MAX_SIGNATURE_OCTETS)
    except TagProblem as problem:
        raise Unusable(Outcome.NEUTRAL, f"the signature cannot be read: {problem}") from None


def parse_signature(tags: Tags) -> Signature:
    """DKIM-Signature; raises Unusable."""
    if _need(tags, b"v") != b"1":
        raise Unusable(Outcome.NEUTRAL, "the signature has a version that is not known here")
    signer = parse_signer(tags)
    identity, same_domain = _identity(tags, signer.domain)
    return Signature(signer, parse_coverage(tags), identity, same_domain)


def parse_message_signature(tags: Tags) -> Signature:
    """ARC-Message-Signature: ``v`` means nothing, ``i`` is the instance (RFC 8617 §4.1.2)."""
    coverage = parse_coverage(tags)
    if not _ARC_FIELDS.isdisjoint(coverage.names):
        raise Unusable(Outcome.PERMERROR, "the signature covers fields of the chain itself")
    return Signature(parse_signer(tags), coverage, "", same_domain=True)


def parse_names(tags: Tags) -> tuple[str, str]:
    """The domain in A-labels and the selector; raises Unusable."""
    domain = _labels(_need(tags, b"d"), "the signature's domain (d=)")
    selector = _labels(_need(tags, b"s"), "the signature's selector (s=)")
    if "." not in domain or len(selector) + len("._domainkey.") + len(domain) > _NAME_OCTETS:
        raise Unusable(Outcome.PERMERROR, "no key can stand at the signature's domain (d=)")
    return domain, selector


def parse_signer(tags: Tags) -> Signer:
    """Raises Unusable."""
    domain, selector = parse_names(tags)
    algorithm = _need(tags, b"a").lower()
    if algorithm == b"rsa-sha1":
        raise Unusable(
            Outcome.PERMERROR,
            "the signature uses SHA-1, which no longer counts: its signer must use SHA-256",
        )
    if algorithm not in _KINDS:
        raise Unusable(Outcome.NEUTRAL, "the signature's algorithm (a=) is not known here")
    if b"dns/txt" not in split_list(tags.get(b"q", b"dns/txt")):
        raise Unusable(
            Outcome.NEUTRAL, "the signature wants its key fetched otherwise than by DNS"
        )
    return Signer(domain, selector, _KINDS[algorithm], _base64(tags, b"b"))


def signature_start(tags: Tags) -> str:
    """The first characters of ``b=``: RFC 6008 wants eight or more; "" where it is no base64."""
    start = b"".join(tags.get(b"b", b"").split())[:12].decode("ascii", "replace")
    return start if re.fullmatch(r"[A-Za-z0-9+/=]*", start) else ""


def parse_coverage(tags: Tags) -> Coverage:
    """Raises Unusable."""
    names = split_list(_need(tags, b"h"))
    if not all(map(_FIELD_NAME.fullmatch, names)):
        raise Unusable(Outcome.NEUTRAL, "the signature's list of fields (h=) cannot be read")
    if b"from" not in names:
        raise Unusable(Outcome.PERMERROR, "the signature does not cover From")
    header, slash, body = tags.get(b"c", b"simple").lower().partition(b"/")
    if not slash:
        body = b"simple"
    if header not in _FORMS or body not in _FORMS:
        raise Unusable(Outcome.NEUTRAL, "the signature's canonical form (c=) is not known here")
    body_digest = _base64(tags, b"bh")
    if len(body_digest) != _SHA256_OCTETS:
        raise Unusable(Outcome.PERMERROR, "the signature's hash of the body (bh=) is no SHA-256")
    length = _number(tags, b"l")
    return Coverage(names, _FORMS[header], _FORMS[body], length, body_digest, _expiry(tags))


def _need(tags: Tags, name: bytes) -> bytes:
    value = tags.get(name)
    if not value:
        raise Unusable(Outcome.PERMERROR, f"the signature lacks {name.decode()}=")
    return value


def _base64(tags: Tags, name: bytes) -> bytes:
    try:
        return decode_base64(_need(tags, name))
    except TagProblem as problem:
        raise Unusable(
            Outcome.NEUTRAL, f"the signature's {name.decode()}= cannot be read: {problem}"
        ) from None


def _number(tags: Tags, name: bytes) -> int | None:
    value = tags.get(name)
    if value is None:
        return None
    if _DIGITS.fullmatch(value) is None:
        raise Unusable(Outcome.NEUTRAL, f"the signature's {name.decode()}= is not a number")
    return int(value)


def _expiry(tags: Tags) -> int:
    made, expires = _number(tags, b"t"), _number(tags, b"x")
    if expires is None:
        return _ENDLESS
    if made is not None and expires <= made:
        raise Unusable(Outcome.PERMERROR, "the signature ends (x=) before it begins (t=)")
    return min(expires, _ENDLESS)


def _identity(tags: Tags, domain: str) -> tuple[str, bool]:
    value = tags.get(b"i")
    if value is None:
        return f"@{domain}", True
    value = b"".join(value.split())
    own = _labels(value.rpartition(b"@")[2], "the signature's identity (i=)")
    if b"@" not in value or not f".{own}".endswith(f".{domain}"):
        raise Unusable(
            Outcome.PERMERROR, "the signature's identity (i=) is not in its domain (d=)"
        )
    return value.decode("utf-8", "replace"), own == domain


def _labels(value: bytes, what: str) -> str:
    try:
        labels = normalise_domain(value.decode())
    except (AddressProblem, UnicodeDecodeError):
        labels = ""
    if _LABELS.fullmatch(labels) is None:
        raise Unusable(Outcome.PERMERROR, f"{what} is not a domain name")
    return labels
