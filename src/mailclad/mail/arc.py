"""Authenticated Received Chain, verified (RFC 8617 §5.2; signatures as in RFC 6376).

In come the octets, a resolver and the time; out comes the state of the chain and, of each set,
who added it and what that handler says it found on arrival.  A chain that passes proves who says
so, never that it is true: whom to believe is the caller's to decide.  All failures are permanent,
DNS's too (§5.2.1).  Never raises, is linear in the octets: seals are hashed from one running
hash.  Stricter than the RFC in one thing: a message signature with ``l=`` must cover all of the
body.  Limits: ``MAX_SETS``; as many DNS questions.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailclad.base.octets import Octets
from mailclad.base.resolver import Resolver
from mailclad.mail.dkim.key_ring import KeyRing
from mailclad.mail.dkim.message import HeaderTooLong, SignedMessage
from mailclad.mail.dkim.outcome import Outcome, Unusable
from mailclad.mail.dkim.signature import (
    Signature,
    Signer,
    parse_message_signature,
    parse_signature_tags,
    parse_signer,
)
from mailclad.mail.dkim.tags import Tags
from mailclad.mail.dkim.verify import (
    Bodies,
    check_body,
    check_header,
    check_time,
    digest_bodies,
)
from mailclad.mail.headers import unfold

MAX_SETS = 50
"""RFC 8617 §4.2.1."""

_RESULTS, _MESSAGE, _SEAL = (
    b"arc-authentication-results", b"arc-message-signature", b"arc-seal",
)  # fmt: skip
_NAMES = (_RESULTS, _MESSAGE, _SEAL)
_COMMENT = rb"(?>(?:[ \t]++|\([^()\\]*+\))*)"
_INSTANCE = re.compile(rb"%bi%b=%b([0-9]{1,2})%b;" % ((_COMMENT,) * 4))
_CONTROL = re.compile(rb"[^\t -~\x80-\xff]")
_NUMBER = re.compile(rb"[0-9]{1,2}")


class ArcOutcome(StrEnum):
    """Chain Validation Status (RFC 8617 §4.4)."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 -- the status's name, not a password
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class ArcSet:
    """``results`` is what stands behind the instance in ARC-Authentication-Results, unfolded,
    with "?" for each control.  ``message_domain`` is "" where it could not be read.
    """

    instance: int
    message_domain: str
    seal_domain: str
    results: str


@dataclass(frozen=True, slots=True)
class ArcResult:
    """``sets`` from the first on, only where the chain passes.

    ``oldest_pass``: the message is unchanged since this instance sealed it, 0: since the first.
    """

    outcome: ArcOutcome
    sets: tuple[ArcSet, ...] = ()
    oldest_pass: int = 0
    problem: str = ""


HEADER_TOO_LONG = ArcResult(ArcOutcome.FAIL, problem="the header is longer than is looked at")
"""The result for a message of which no ``SignedMessage`` can be made."""


class _Broken(Exception):
    """The chain fails; says why in plain words."""


@dataclass(frozen=True, slots=True)
class _Set:
    """Places of the three fields; the tags of the two that have some."""

    places: Mapping[bytes, int]
    message_tags: Tags
    seal_tags: Tags


@dataclass(frozen=True, slots=True)
class ReadChain:
    """A chain that is in order, with what the body hashes to; DNS was not asked yet."""

    message: SignedMessage
    sets: Sequence[_Set]
    signatures: Sequence[Signature | None]
    bodies: Bodies


async def verify_arc(octets: Octets, resolver: Resolver, now: int) -> ArcResult:
    try:
        message = SignedMessage(octets)
    except HeaderTooLong:
        return HEADER_TOO_LONG
    return await judge_chain(read_chain(message), resolver, now)


def read_chain(message: SignedMessage) -> ReadChain | ArcResult:
    """All that can be done without DNS; the result where that is enough."""
    if not any(map(message.places, _NAMES)):
        return ArcResult(ArcOutcome.NONE, problem="the message has no chain")
    try:
        sets = _collect(message)
        signatures = _read_message_signatures(sets)
    except _Broken as broken:
        return ArcResult(ArcOutcome.FAIL, problem=str(broken))
    bodies = digest_bodies(message, [found.coverage for found in signatures if found])
    return ReadChain(message, sets, signatures, bodies)


async def judge_chain(chain: ReadChain | ArcResult, resolver: Resolver, now: int) -> ArcResult:
    """The state of a chain that was read."""
    if isinstance(chain, ArcResult):
        return chain
    message = chain.message
    try:
        ring = KeyRing(resolver, b"email", MAX_SETS)
        oldest_pass = await _check_messages(chain, ring, now)
        signers = await _check_seals(message, chain.sets, ring)
    except _Broken as broken:
        return ArcResult(ArcOutcome.FAIL, problem=str(broken))
    found = tuple(
        ArcSet(
            instance,
            "" if signature is None else signature.signer.domain,
            signer.domain,
            _payload(message, one),
        )
        for instance, (one, signature, signer) in enumerate(
            zip(chain.sets, chain.signatures, signers, strict=True), start=1
        )
    )
    return ArcResult(ArcOutcome.PASS, found, oldest_pass)


def _collect(message: SignedMessage) -> list[_Set]:
    """Steps 1 to 3: the sets in order; raises _Broken."""
    tags: dict[int, Tags] = {}
    places = _gather(message, tags)
    newest = max(places)
    if newest > MAX_SETS or min(places) < 1:
        raise _Broken(f"the chain has an instance that is not from 1 to {MAX_SETS}")
    if _SEAL in places[newest] and tags[places[newest][_SEAL]].get(b"cv") == b"fail":
        raise _Broken("its last handler found the chain broken already")
    if len(places) < newest or any(len(of_set) < len(_NAMES) for of_set in places.values()):
        raise _Broken("a set of the chain is missing, or a field of one")
    sets = []
    for instance in range(1, newest + 1):
        of_set = places[instance]
        seal_tags = tags[of_set[_SEAL]]
        if seal_tags.get(b"cv") != (b"none" if instance == 1 else b"pass"):
            raise _Broken(f"seal {instance} of the chain has the wrong state (cv=)")
        sets.append(_Set(of_set, tags[of_set[_MESSAGE]], seal_tags))
    return sets


def _gather(message: SignedMessage, tags: dict[int, Tags]) -> dict[int, dict[bytes, int]]:
    """Instance → name → place of the field; raises _Broken."""
    if any(len(message.places(name)) > MAX_SETS for name in _NAMES):
        raise _Broken(f"the chain has more than {MAX_SETS} sets")
    places: dict[int, dict[bytes, int]] = {}
    for name in _NAMES:
        for place in message.places(name):
            instance = _instance(message, name, place, tags)
            if name in places.setdefault(instance, {}):
                raise _Broken(f"set {instance} of the chain has a field twice")
            places[instance][name] = place
    return places


def _instance(message: SignedMessage, name: bytes, place: int, tags: dict[int, Tags]) -> int:
    """The number of the set that a field belongs to; its tags are put into ``tags``."""
    value = message.fields[place][2]
    if name == _RESULTS:
        found = _INSTANCE.match(unfold(value))
        number = found[1] if found else b""
    else:
        try:
            tags[place] = parse_signature_tags(value)
        except Unusable as unusable:
            raise _Broken(f"a field of the chain cannot be read: {unusable.problem}") from None
        number = tags[place].get(b"i", b"")
    if _NUMBER.fullmatch(number) is None:
        raise _Broken("a field of the chain has no instance (i=)")
    return int(number)


def _read_message_signatures(sets: Sequence[_Set]) -> list[Signature | None]:
    """From the first set on; the newest must be readable, raises _Broken."""
    signatures: list[Signature | None] = []
    for instance, one in enumerate(sets, start=1):
        try:
            signatures.append(parse_message_signature(one.message_tags))
        except Unusable as unusable:
            if instance == len(sets):
                raise _Broken(_about("message signature", instance, unusable)) from None
            signatures.append(None)
    return signatures


async def _check_messages(chain: ReadChain, ring: KeyRing, now: int) -> int:
    """Steps 4 and 5: from when on the message is unchanged; raises _Broken."""
    newest = len(chain.sets)
    for instance in range(newest, 0, -1):
        place = chain.sets[instance - 1].places[_MESSAGE]
        signature = chain.signatures[instance - 1]
        try:
            await _check_message(chain.message, place, signature, chain.bodies, ring, now)
        except Unusable as unusable:
            if instance == newest:
                raise _Broken(_about("message signature", instance, unusable)) from None
            return instance + 1
    return 0


async def _check_message(
    message: SignedMessage,
    place: int,
    signature: Signature | None,
    bodies: Bodies,
    ring: KeyRing,
    now: int,
) -> None:
    """Raises Unusable."""
    if signature is None:
        raise Unusable(Outcome.NEUTRAL, "it cannot be read")
    check_time(signature.coverage, now)
    if not check_body(signature.coverage, bodies):
        raise Unusable(Outcome.POLICY, "it leaves the end of the body unsigned (l=)")
    check_header(message, place, signature, await ring.find(signature.signer))
    if "from" in message.added(signature.coverage.names):
        raise Unusable(Outcome.POLICY, "there are more From fields than were signed")


async def _check_seals(
    message: SignedMessage, sets: Sequence[_Set], ring: KeyRing
) -> list[Signer]:
    """Step 6; raises _Broken.  From the first on: each seal continues the hash of the former."""
    signers = []
    chain = hashlib.sha256()
    for instance, one in enumerate(sets, start=1):
        for name in (_RESULTS, _MESSAGE):
            chain.update(message.relaxed_field(one.places[name]))
        sealed = chain.copy()
        sealed.update(message.canonical_signature(one.places[_SEAL], relaxed=True))
        try:
            signers.append(await _check_seal(one.seal_tags, sealed.digest(), ring))
        except Unusable as unusable:
            raise _Broken(_about("seal", instance, unusable)) from None
        chain.update(message.relaxed_field(one.places[_SEAL]))
    return signers


async def _check_seal(tags: Tags, digest: bytes, ring: KeyRing) -> Signer:
    """Raises Unusable."""
    if b"h" in tags:
        raise Unusable(Outcome.PERMERROR, "it has a list of fields (h=), which no seal may have")
    signer = parse_signer(tags)
    keys = await ring.find(signer)
    if not any(key.verifies(signer.signature, digest) for key in keys):
        raise Unusable(
            Outcome.FAIL, "the sets were changed, or the key in DNS is not its sealer's"
        )
    return signer


def _about(what: str, instance: int, unusable: Unusable) -> str:
    return f"{what} {instance} of the chain does not hold: {unusable.problem}"


def _payload(message: SignedMessage, one: _Set) -> str:
    value = unfold(message.fields[one.places[_RESULTS]][2])
    found = _INSTANCE.match(value)
    payload = value[found.end() if found else 0 :].strip()
    return _CONTROL.sub(b"?", payload).decode("utf-8", "replace")
