"""Certificates made to order, right or wrong in any single way.

A new P-256 key takes microseconds, RSA some milliseconds.  SHA-1 and broken signatures are put in
by hand, because no library makes them any more.  For tests only: keys are not protected.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True)
class Made:
    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class Order:
    """What a certificate shall say.  Days are counted from now.

    ``common_name`` None: an empty subject.  ``purposes`` None: no extendedKeyUsage; ``usages``
    None: no keyUsage.  ``key_id`` overrides the issuer's in authorityKeyIdentifier.
    """

    common_name: str | None = "mail.test"
    organization: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    begins: float = -1
    ends: float = 59
    authority: bool | None = False
    path_length: int | None = None
    purposes: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.SERVER_AUTH,)
    usages: tuple[str, ...] | None = ("digital_signature",)
    authority_key_id: bool = True
    subject_key_id: bool = True
    key_id: bytes | None = None
    issuer_url: str = ""
    crl_url: str = ""
    sha1: bool = False
    broken: bool = False
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = field(default=())


def authority(common_name: str, organization: str = "", **changes: object) -> Order:
    """An order for a certificate that signs others; ``changes`` are fields of Order."""
    plain = Order(
        common_name=common_name,
        organization=organization,
        ends=3650,
        authority=True,
        purposes=None,
        usages=("key_cert_sign", "crl_sign"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def new_key(rsa_bits: int = 0) -> Key:
    if rsa_bits:
        return rsa.generate_private_key(65537, rsa_bits)
    return ec.generate_private_key(ec.SECP256R1())


def make(order: Order, now: datetime, issuer: Made | None = None, key: Key | None = None) -> Made:
    """Without an issuer it signs itself."""
    own = key or new_key()
    subject = _name(order)
    signer = issuer.key if issuer else own
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=order.begins))
        .not_valid_after(now + timedelta(days=order.ends))
    )
    for extension, critical in _extensions(order, own, signer, itself=issuer is None):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(signer, SHA256())
    if order.sha1:
        certificate = _sign_with_sha1(certificate, signer)
    if order.broken:
        certificate = _break(certificate)
    return Made(certificate, own)


def revocation_list(
    issuer: Made, now: datetime, serials: Iterable[int], days: float = 7, key: Key | None = None
) -> bytes:
    """A CRL, DER, that ends after so many days and revokes these."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - timedelta(days=30))
        .next_update(now + timedelta(days=days))
    )
    for serial in serials:
        revoked = (
            x509.RevokedCertificateBuilder()
            .serial_number(serial)
            .revocation_date(now - timedelta(hours=1))
            .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        )
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(key or issuer.key, SHA256()).public_bytes(Encoding.DER)


def _name(order: Order) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, order.organization)]
    if order.common_name is None:
        return x509.Name([])
    common = x509.NameAttribute(NameOID.COMMON_NAME, order.common_name)
    return x509.Name([*(parts if order.organization else []), common])


def _extensions(
    order: Order, own: Key, signer: Key, *, itself: bool
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    if order.authority is not None:
        yield x509.BasicConstraints(ca=order.authority, path_length=order.path_length), True
    if order.usages is not None:
        yield x509.KeyUsage(**{usage: usage in order.usages for usage in USAGES}), True
    if order.purposes is not None:
        yield x509.ExtendedKeyUsage(order.purposes), False
    if order.subject_key_id:
        yield x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False
    if order.key_id is not None:
        yield x509.AuthorityKeyIdentifier(order.key_id, None, None), False
    elif order.authority_key_id and not itself:
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
    names = _alternative_names(order)
    if names:
        yield x509.SubjectAlternativeName(names), False
    yield from _pointers(order)
    yield from order.extensions


def _alternative_names(order: Order) -> Sequence[x509.GeneralName]:
    return [
        *map(x509.DNSName, order.names),
        *(x509.IPAddress(ip_address(one)) for one in order.addresses),
        *map(x509.RFC822Name, order.mailboxes),
    ]


def _pointers(order: Order) -> Iterator[tuple[x509.ExtensionType, bool]]:
    if order.issuer_url:
        place = x509.UniformResourceIdentifier(order.issuer_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        yield x509.AuthorityInformationAccess([access]), False
    if order.crl_url:
        point = x509.DistributionPoint(
            [x509.UniformResourceIdentifier(order.crl_url)], None, None, None
        )
        yield x509.CRLDistributionPoints([point]), False


# --- what no library does any more ---

_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")
_HEADER_OCTETS = 4  # of a DER sequence with 256 to 65535 octets


def _sequence(*parts: bytes) -> bytes:
    content = b"".join(parts)
    octets = len(content)
    size = bytes([octets]) if octets < 0x80 else b"\x82" + octets.to_bytes(2, "big")
    return b"\x30" + size + content


def _sign_with_sha1(certificate: x509.Certificate, signer: Key) -> x509.Certificate:
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    inner = certificate.tbs_certificate_bytes[_HEADER_OCTETS:]
    told = _sequence(inner.replace(_ECDSA_SHA256, _ECDSA_SHA1, 1))
    signature = b"\x00" + signer.sign(told, ec.ECDSA(SHA1()))  # noqa: S303 - on purpose
    bits = b"\x03" + bytes([len(signature)]) + signature
    return x509.load_der_x509_certificate(_sequence(told, _ECDSA_SHA1, bits))


def _break(certificate: x509.Certificate) -> x509.Certificate:
    """The last octet of the signature is another."""
    der = bytearray(certificate.public_bytes(Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_certificate(bytes(der))
