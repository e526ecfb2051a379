"""What a server's certificates say, read without trusting them, and how they hang together.

RFC 5280 §4; RFC 8446 §4.4.2 (order).  Comes in: DER as sent, a stranger's.  Goes
out: a ``Chain`` of facts; what cannot be read is a fact too, never an exception.  Whether a path
leads to an authority that somebody trusts is not known here.  Limits: certificates, octets,
names, URLs and signatures verified.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from mailclad.mail.dane import public_key_info
from mailclad.mail.server_identity import UNREADABLE, Identities, read_identities

MAX_CERTIFICATES = 20
"""Of a chain that are looked at; real ones have at most six."""
MAX_OCTETS = 64 * 1024
"""Of one certificate; real ones have 2 kB, with a thousand names some 30."""
MAX_NAMES = 1000
"""Of a certificate that are kept; authorities stop at 100 or 1000."""
MAX_URLS = 4
"""Of one kind in a certificate that are kept; real ones have one or two."""
MAX_SIGNATURES = 64
"""Verified in one chain: they cost, and hostile chains may give all certificates one name."""

BROKEN = (*UNREADABLE, UnsupportedAlgorithm, TypeError, OverflowError)
"""What the library raises on what breaks the rules of its encoding, or is of unknown kind."""

T = TypeVar("T")
E = TypeVar("E", bound=x509.ExtensionType)

_WEAK_SIGNATURES = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.1.1.5": "SHA-1",
    "1.3.14.3.2.29": "SHA-1",
    "1.2.840.10040.4.3": "SHA-1",
    "1.2.840.10045.4.1": "SHA-1",
}


@dataclass(frozen=True, slots=True)
class Name:
    """``der`` compares; ``words`` are for people: common name, else organisation, else all."""

    der: bytes = b""
    common_name: str = ""
    organization: str = ""
    words: str = "nobody"


@dataclass(frozen=True, slots=True)
class Certificate:
    """``problem`` is why there is nothing more.  ``key_bits`` is 0 for keys of an unknown kind.

    None for ``authority``, ``purposes`` (OIDs) and ``usages`` means that it does not say.
    ``weak_signature`` is the broken hash in its signature.
    """

    der: bytes = field(repr=False)
    problem: str = ""
    parsed: x509.Certificate | None = field(default=None, repr=False, compare=False)
    subject: Name = Name()
    issuer: Name = Name()
    begins: datetime | None = None
    ends: datetime | None = None
    key_type: str = ""
    key_bits: int = 0
    weak_signature: str = ""
    names: Identities = Identities()
    names_critical: bool = False
    authority: bool | None = None
    purposes: tuple[str, ...] | None = None
    usages: frozenset[str] | None = None
    key_id: bytes | None = None
    issuer_key_id: bytes | None = None
    timestamps: int = 0
    issuer_urls: tuple[str, ...] = ()
    revocation_urls: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @property
    def key_digest(self) -> str:
        """SHA-256 of SubjectPublicKeyInfo, as TLSA 3 1 1 has it."""
        return hashlib.sha256(public_key_info(self.der) or b"").hexdigest()

    @property
    def life(self) -> timedelta:
        return self.ends - self.begins if self.begins and self.ends else timedelta(0)

    @property
    def is_self_issued(self) -> bool:
        return bool(self.subject.der) and self.subject.der == self.issuer.der

    @property
    def names_shown(self) -> str:
        shown = (*self.names.dns, *self.names.addresses)
        rest = f" and {len(shown) - 10} more" if len(shown) > 10 else ""
        return ", ".join(shown[:10]) + rest


class Link(Enum):
    """Whether one certificate is another's issuer."""

    NONE = auto()
    PROVEN = auto()
    BROKEN = auto()
    """By name it is; the signature says no."""
    UNPROVEN = auto()
    """By name it is; the signature is of a kind that nobody verifies any more."""


@dataclass(frozen=True, slots=True)
class Chain:
    """``path`` are the places of the leaf, its issuer, and so on, as far as they were sent.

    ``broken``: the place of a certificate whose issuer was sent by name, but did not sign it.
    ``self_signed`` is about the leaf.
    """

    certificates: tuple[Certificate, ...]
    path: tuple[int, ...]
    broken: int | None = None
    self_signed: bool = False

    @property
    def leaf(self) -> Certificate:
        return self.certificates[0]

    @property
    def links(self) -> tuple[Certificate, ...]:
        """The path without the leaf."""
        return tuple(self.certificates[place] for place in self.path[1:])

    @property
    def top(self) -> Certificate:
        """The last of the path: whose issuer was not sent, or who is its own."""
        return self.certificates[self.path[-1]]

    @property
    def issuer(self) -> Certificate | None:
        return self.links[0] if self.links else None

    @property
    def surplus(self) -> tuple[Certificate, ...]:
        """What no program needs: outside the path, or a root at its end."""
        root = {self.path[-1]} if len(self.path) > 1 and self.top.is_self_issued else set()
        needed = set(self.path) - root
        return tuple(one for place, one in enumerate(self.certificates) if place not in needed)

    @property
    def is_ordered(self) -> bool:
        return list(self.path) == sorted(self.path)


def read_chain(sent: Sequence[bytes]) -> Chain | None:
    """None where nothing was sent."""
    if not sent:
        return None
    certificates = tuple(read_certificate(der) for der in sent[:MAX_CERTIFICATES])
    finder = _PathFinder(certificates)
    path = finder.path()
    leaf = certificates[0]
    itself = leaf.is_self_issued and finder.link(leaf, leaf) in (Link.PROVEN, Link.UNPROVEN)
    return Chain(certificates, path, finder.broken, itself)


def read_certificate(der: bytes) -> Certificate:
    """Never raises."""
    if len(der) > MAX_OCTETS:
        return Certificate(der, f"it is longer than {MAX_OCTETS} octets")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # strangers must not write our log
        try:
            parsed = x509.load_der_x509_certificate(der)
            return _read(der, parsed)
        except BROKEN:
            return Certificate(der, "it breaks the rules of its encoding")


def link(below: Certificate, above: Certificate) -> Link:
    """Whether ``above`` signed ``below``."""
    if below.parsed is None or above.parsed is None or below.issuer.der != above.subject.der:
        return Link.NONE
    try:
        below.parsed.verify_directly_issued_by(above.parsed)
    except InvalidSignature:
        return Link.BROKEN
    except BROKEN:
        return Link.UNPROVEN
    return Link.PROVEN


class _PathFinder:
    """Follows issuers from the leaf up, within ``MAX_SIGNATURES``."""

    def __init__(self, certificates: Sequence[Certificate]) -> None:
        self._certificates = certificates
        self._left = MAX_SIGNATURES
        self.broken: int | None = None

    def path(self) -> tuple[int, ...]:
        path = [0]
        while not self._certificates[path[-1]].is_self_issued:
            above = self._issuer(path)
            if above is None:
                break
            path.append(above)
        return tuple(path)

    def _issuer(self, path: list[int]) -> int | None:
        """The place of the next one, those behind first: so a chain in order stays in order."""
        here = path[-1]
        places: list[int] = [*range(here + 1, len(self._certificates)), *range(1, here)]
        broken = False
        for place in places:
            found = self.link(self._certificates[here], self._certificates[place])
            if found in (Link.PROVEN, Link.UNPROVEN) and place not in path:
                return place
            broken = broken or found is Link.BROKEN
        if broken:
            self.broken = here
        return None

    def link(self, below: Certificate, above: Certificate) -> Link:
        if below.issuer.der != above.subject.der or self._left <= 0:
            return Link.NONE
        self._left -= 1
        return link(below, above)


def _read(der: bytes, parsed: x509.Certificate) -> Certificate:
    extensions = parsed.extensions
    names = _value(extensions, x509.SubjectAlternativeName)
    basic = _value(extensions, x509.BasicConstraints)
    purposes = _value(extensions, x509.ExtendedKeyUsage)
    usages = _value(extensions, x509.KeyUsage)
    own = _value(extensions, x509.SubjectKeyIdentifier)
    above = _value(extensions, x509.AuthorityKeyIdentifier)
    timestamps = _value(extensions, x509.PrecertificateSignedCertificateTimestamps)
    identities = read_identities(der)
    key_type, key_bits = _key(parsed)
    return Certificate(
        der=der,
        parsed=parsed,
        subject=_name(lambda: parsed.subject),
        issuer=_name(lambda: parsed.issuer),
        begins=parsed.not_valid_before_utc,
        ends=parsed.not_valid_after_utc,
        key_type=key_type,
        key_bits=key_bits,
        weak_signature=_WEAK_SIGNATURES.get(parsed.signature_algorithm_oid.dotted_string, ""),
        names=Identities(identities.dns[:MAX_NAMES], identities.addresses[:MAX_NAMES]),
        names_critical=bool(names) and _is_critical(extensions, x509.SubjectAlternativeName),
        authority=basic.ca if basic else None,
        purposes=tuple(one.dotted_string for one in purposes) if purposes else None,
        usages=frozenset(_usages(usages)) if usages else None,
        key_id=own.digest if own else None,
        issuer_key_id=above.key_identifier if above else None,
        timestamps=len(timestamps) if timestamps else 0,
        issuer_urls=tuple(_issuer_urls(extensions))[:MAX_URLS],
        revocation_urls=tuple(_revocation_urls(extensions))[:MAX_URLS],
    )


def _value(extensions: x509.Extensions, kind: type[E]) -> E | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_critical(extensions: x509.Extensions, kind: type[x509.ExtensionType]) -> bool:
    return extensions.get_extension_for_class(kind).critical


def _name(read: Callable[[], x509.Name]) -> Name:
    """A name that breaks its rules is nobody's; the rest of the certificate still counts."""
    try:
        name = read()
        der = name.public_bytes()
    except BROKEN:
        return Name()
    common = _attribute(name, NameOID.COMMON_NAME)
    organization = _attribute(name, NameOID.ORGANIZATION_NAME)
    return Name(der, common, organization, common or organization or name.rfc4514_string())


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    value = found[0].value if found else ""
    return value if isinstance(value, str) else ""


def _key(parsed: x509.Certificate) -> tuple[str, int]:
    try:
        key = parsed.public_key()
    except BROKEN:
        return "", 0
    match key:
        case rsa.RSAPublicKey():
            return "RSA", key.key_size
        case ec.EllipticCurvePublicKey():
            return "elliptic-curve", key.key_size
        case _:
            pass
    return type(key).__name__.removesuffix("PublicKey").lstrip("_"), 0


def _usages(usages: x509.KeyUsage) -> Iterator[str]:
    for name in (
        "digital_signature",
        "key_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
    ):
        if getattr(usages, name):
            yield name


def _issuer_urls(extensions: x509.Extensions) -> Iterator[str]:
    access = _value(extensions, x509.AuthorityInformationAccess) or ()
    for one in access:
        place = one.access_location
        is_issuer = one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        if is_issuer and isinstance(place, x509.UniformResourceIdentifier):
            yield from _http(place.value)


def _revocation_urls(extensions: x509.Extensions) -> Iterator[str]:
    """Of lists that the certificate's own issuer signs, with all reasons in one."""
    for point in _value(extensions, x509.CRLDistributionPoints) or ():
        if point.crl_issuer or point.reasons:
            continue
        for place in point.full_name or ():
            if isinstance(place, x509.UniformResourceIdentifier):
                yield from _http(place.value)


def _http(url: str) -> Iterator[str]:
    if url.startswith("http://") and len(url) < 1000 and url.isprintable():
        yield url


def is_meant_for_servers(certificate: Certificate) -> bool:
    """RFC 5280 §4.2.1.12: one that says its purposes must say this one."""
    return certificate.purposes is None or not _SERVERS.isdisjoint(certificate.purposes)


_SERVERS = frozenset(
    {
        ExtendedKeyUsageOID.SERVER_AUTH.dotted_string,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string,
    }
)


def only_signs_certificates(certificate: Certificate) -> bool:
    """RFC 5280 §4.2.1.3"""
    usages = certificate.usages
    return usages is not None and frozenset() < usages <= {"key_cert_sign", "crl_sign"}


def pem(certificate: Certificate) -> str:
    parsed = certificate.parsed
    return parsed.public_bytes(Encoding.PEM).decode("ascii") if parsed else ""
