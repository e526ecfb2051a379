"""DKIM signatures of a message, judged (RFC 6376 §6, RFC 8301, RFC 8463, RFC 8601 §2.7.1).

In come the octets, a resolver and the time; out comes one result for each signature, in the
order of the header.  The body is read once for all of them, and before DNS is asked: whose body
was changed needs no key.  That part is work alone (``read_signatures``) and may run elsewhere
for a large message; ``judge_signatures`` asks DNS.  Trusts nothing in a message, never raises
on one, and is linear in it: ``MAX_SIGNATURES`` are judged, the rest is reported in one result.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from mailclad.base.octets import Octets
from mailclad.base.resolver import Resolver
from mailclad.mail.dkim.canonical import BodyDigests, digest_body
from mailclad.mail.dkim.key_ring import KeyRing
from mailclad.mail.dkim.message import HeaderTooLong, SignedMessage
from mailclad.mail.dkim.outcome import DkimResult, Outcome, Unusable
from mailclad.mail.dkim.record import Key
from mailclad.mail.dkim.signature import (
    Coverage,
    Signature,
    parse_names,
    parse_signature,
    parse_signature_tags,
    signature_start,
)
from mailclad.mail.dkim.tags import Tags

MAX_SIGNATURES = 10
"""Usual messages have one to three; each may cost a DNS question and a verification."""

DRIFT_SECONDS = 300
"""Clocks differ; RFC 6376 §3.5 allows a fudge factor at expiry."""

HEADER_TOO_LONG = (DkimResult(Outcome.POLICY, "the header is longer than is looked at"),)
"""The result for a message of which no ``SignedMessage`` can be made."""

Bodies = Mapping[bool, BodyDigests]


@dataclass(frozen=True, slots=True)
class ReadSignature:
    """A signature field: its place, what is known of it already, and itself if it can be read."""

    place: int
    result: DkimResult
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class ReadSignatures:
    """The signatures of a message, with what its body hashes to; ``more`` were not looked at."""

    message: SignedMessage
    read: Sequence[ReadSignature]
    bodies: Bodies
    more: int


async def verify_dkim(
    octets: Octets, resolver: Resolver, now: int, service: bytes = b"email"
) -> tuple[DkimResult, ...]:
    """Never empty: one result ``none`` where there is no signature."""
    try:
        message = SignedMessage(octets)
    except HeaderTooLong:
        return HEADER_TOO_LONG
    return await judge_signatures(read_signatures(message), resolver, now, service)


def read_signatures(message: SignedMessage) -> ReadSignatures:
    """All that can be done without DNS."""
    places = message.places(b"dkim-signature")
    read = [_read(message, place) for place in places[:MAX_SIGNATURES]]
    bodies = digest_bodies(message, [one.signature.coverage for one in read if one.signature])
    return ReadSignatures(message, read, bodies, len(places) - len(read))


async def judge_signatures(
    signatures: ReadSignatures, resolver: Resolver, now: int, service: bytes = b"email"
) -> tuple[DkimResult, ...]:
    """Never empty, as ``verify_dkim``."""
    ring = KeyRing(resolver, service, MAX_SIGNATURES)
    return put_together(
        signatures, [await judge_signature(signatures, one, ring, now) for one in signatures.read]
    )


def put_together(
    signatures: ReadSignatures, results: Sequence[DkimResult]
) -> tuple[DkimResult, ...]:
    """The results of all that was read, with a word about what was not."""
    if not signatures.read:
        return (DkimResult(Outcome.NONE, "the message has no signature"),)
    if not signatures.more:
        return tuple(results)
    problem = f"{signatures.more} more signatures were not looked at"
    return (*results, DkimResult(Outcome.POLICY, problem))


def digest_bodies(message: SignedMessage, coverages: Collection[Coverage]) -> Bodies:
    forms = {(one.relaxed_body, one.length) for one in coverages}
    return digest_body(message.octets, message.body_start, forms)


def check_body(coverage: Coverage, bodies: Bodies) -> bool:
    """Raises Unusable unless the body is as it was signed; whether all of it is signed."""
    body = bodies[coverage.relaxed_body]
    digest = body.digests.get(coverage.length)
    if digest is None:
        raise Unusable(Outcome.FAIL, "the body is shorter than what was signed of it (l=)")
    if digest != coverage.body_digest:
        raise Unusable(Outcome.FAIL, "the body was changed after it was signed")
    return coverage.length is None or coverage.length == body.octets


def check_time(coverage: Coverage, now: int) -> None:
    """Raises Unusable."""
    if coverage.expires + DRIFT_SECONDS < now:
        raise Unusable(Outcome.POLICY, "the signature has expired (x=)")


def check_header(
    message: SignedMessage, place: int, signature: Signature, keys: Collection[Key]
) -> Key:
    """The key that made the signature; raises Unusable."""
    coverage = signature.coverage
    relaxed = coverage.relaxed_header
    signed = message.canonical_fields(coverage.names, relaxed, own=place)
    signed += message.canonical_signature(place, relaxed)
    digest = hashlib.sha256(signed).digest()
    for key in keys:
        if key.verifies(signature.signer.signature, digest):
            return key
    raise Unusable(
        Outcome.FAIL,
        "the header was changed after it was signed, or the key in DNS is not the signer's",
    )


def _read(message: SignedMessage, place: int) -> ReadSignature:
    result = DkimResult(Outcome.PASS)
    try:
        tags = parse_signature_tags(message.fields[place][2])
        result = _named(tags)
        signature = parse_signature(tags)
    except Unusable as problem:
        failed = replace(result, outcome=problem.outcome, problem=problem.problem)
        return ReadSignature(place, failed, None)
    result = replace(
        result,
        identity=signature.identity,
        algorithm=f"{signature.signer.kind}-sha256",
        added=message.added(signature.coverage.names),
    )
    return ReadSignature(place, result, signature)


def _named(tags: Tags) -> DkimResult:
    domain, selector = parse_names(tags)
    return DkimResult(
        Outcome.PASS, domain=domain, selector=selector, signature=signature_start(tags)
    )


async def judge_signature(
    signatures: ReadSignatures, one: ReadSignature, ring: KeyRing, now: int
) -> DkimResult:
    """``one`` of those that were read; asks DNS for its key."""
    message, bodies = signatures.message, signatures.bodies
    result, signature = one.result, one.signature
    if signature is None:
        return result
    try:
        check_time(signature.coverage, now)
        result = replace(result, whole=check_body(signature.coverage, bodies))
        keys = await ring.find(signature.signer)
        result = replace(result, key_bits=keys[0].bits, testing=keys[0].testing)
        key = check_header(message, one.place, signature, keys)
        _check_rules(result, signature, key)
    except Unusable as problem:
        return replace(result, outcome=problem.outcome, problem=problem.problem)
    return replace(result, key_bits=key.bits, testing=key.testing)


def _check_rules(result: DkimResult, signature: Signature, key: Key) -> None:
    if key.strict and not signature.same_domain:
        raise Unusable(
            Outcome.PERMERROR, "the key is not for subdomains (t=s), but the identity (i=) is one"
        )
    if "from" in result.added:
        raise Unusable(
            Outcome.POLICY,
            "there are more From fields than were signed: somebody may have added the one shown",
        )
