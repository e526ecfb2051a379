"""A private certificate authority: for demos, tests and houses without a public name.

RFC 5280 §4.2 (extensions), §4.1.2.2 (serials); RFC 9525 §2 (names in SAN only).

Comes in: a directory, the names and networks it may ever certify, the time.  Goes out: the
authority's certificate as a PEM file to be trusted, and leaves for servers.  The names are a
critical constraint inside the certificate: who trusts this authority trusts it for nothing
else, even if its key is stolen.  The key never leaves ``key.pem`` (mode 0600) and memory.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailclad.base.secret import Secret
from mailclad.services.certificates.chain import CertificateChain, KeyKind
from mailclad.services.certificates.writing import write_whole

CA_DAYS = 365
"""For demos; short, because nobody takes a forgotten authority out of a program again."""

LEAF_DAYS = 30
"""Renewed at two thirds, so every 20 days: the path of renewal is walked often."""

COMMON_NAME_OCTETS = 64
"""RFC 5280 appendix A.1, ub-common-name; a longer name stands in subjectAltName alone."""

BACKDATED = timedelta(hours=1)
"""A client's clock may be behind ours."""

CERTIFICATE_FILE = "ca.pem"
KEY_FILE = "ca.key"

SOURCE = "the private authority"
"""Where its leaves came from, in words for people."""

_NAME = "Mailclad private authority"


class AuthorityProblem(Exception):
    """The private authority cannot be used; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class PrivateCa:
    """An authority; ``certificate_file`` is what programs are told to trust."""

    certificate: x509.Certificate
    key_pem: Secret
    certificate_file: Path

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def permitted(self) -> frozenset[str]:
        """The DNS subtrees and networks that its certificate allows."""
        constraints = self.certificate.extensions.get_extension_for_class(x509.NameConstraints)
        return frozenset(
            str(subtree.value) for subtree in constraints.value.permitted_subtrees or ()
        )


def ensure_private_ca(
    directory: Path, permitted: Iterable[str], now: datetime, *, days: int = CA_DAYS
) -> PrivateCa:
    """Return the authority in this directory, made anew where it is absent, ended or too narrow.

    ``permitted`` are DNS names, each with everything below it, and IP addresses or networks.
    """
    wanted = frozenset(_subtree_text(name) for name in permitted)
    if not wanted:
        raise AuthorityProblem("a private authority needs at least one name that it may certify")
    found = _load(directory)
    if found is not None:
        ends = found.certificate.not_valid_after_utc
        if wanted <= found.permitted and now + timedelta(days=1) < ends:
            return found
    return _make(directory, sorted(wanted | (found.permitted if found else wanted)), now, days)


def issue_leaf(
    ca: PrivateCa, names: Iterable[str], now: datetime, *, days: int = LEAF_DAYS
) -> CertificateChain:
    """Issue a server's certificate for these host names and IP addresses, with a new key."""
    wanted = tuple(dict.fromkeys(name.lower().removesuffix(".") for name in names))
    if not wanted:
        raise AuthorityProblem("a certificate needs at least one name")
    for name in wanted:
        if not any(_is_within(name, subtree) for subtree in ca.permitted):
            allowed = ", ".join(sorted(ca.permitted))
            text = (
                f"{name} is outside of what this authority may certify ({allowed}): make it anew"
            )
            raise AuthorityProblem(text)
    key = ec.generate_private_key(ec.SECP256R1())
    ends = min(now + timedelta(days=days), ca.certificate.not_valid_after_utc)
    subject = _subject(wanted[0])
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in wanted])
    certificate = (
        _builder(key, now, ends)
        .subject_name(subject)
        .issuer_name(ca.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternatives, critical=not subject.rdns)  # RFC 5280 §4.2.1.6
        .add_extension(_issuer_key(ca), critical=False)
        .sign(_signing_key(ca.key_pem), SHA256())
    )
    return CertificateChain(
        names=wanted,
        chain_pem=certificate.public_bytes(Encoding.PEM),
        key_pem=Secret(_key_pem(key)),
        kind=KeyKind.EC,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        source=SOURCE,
    )


def _make(directory: Path, permitted: list[str], now: datetime, days: int) -> PrivateCa:
    key = ec.generate_private_key(ec.SECP256R1())
    made = now.astimezone(UTC).strftime("%Y-%m-%d")
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Mailclad"),
            x509.NameAttribute(
                NameOID.COMMON_NAME, f"{_NAME}, made {made} {secrets.token_hex(4)}"
            ),
        ]
    )
    certificate = (
        _builder(key, now, now + timedelta(days=days))
        .subject_name(subject)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_constraints(permitted), critical=True)
        .sign(key, SHA256())
    )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_pem = _key_pem(key)
    write_whole(directory / KEY_FILE, key_pem, 0o600)
    write_whole(directory / CERTIFICATE_FILE, certificate.public_bytes(Encoding.PEM), 0o644)
    return PrivateCa(certificate, Secret(key_pem), directory / CERTIFICATE_FILE)


def _load(directory: Path) -> PrivateCa | None:
    certificate_file, key_file = directory / CERTIFICATE_FILE, directory / KEY_FILE
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key_pem = Secret(key_file.read_bytes())
        key = _signing_key(key_pem)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as problem:
        text = (
            f"{directory}: {problem}; remove {CERTIFICATE_FILE} and {KEY_FILE} to make a new one"
        )
        raise AuthorityProblem(text) from problem
    if key.public_key() != certificate.public_key():
        return None  # the writer was stopped between the two files: make both anew
    return PrivateCa(certificate, key_pem, certificate_file)


def _builder(
    key: ec.EllipticCurvePrivateKey, now: datetime, ends: datetime
) -> x509.CertificateBuilder:
    """Start a certificate: key, random serial of 159 bits, validity, subject key identifier."""
    return (
        x509.CertificateBuilder()
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key(ca: PrivateCa) -> x509.AuthorityKeyIdentifier:
    own = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def _signing_key(key_pem: Secret) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(key_pem.reveal(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an elliptic curve key")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _as_network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _as_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _subtree_text(name: str) -> str:
    network = _as_network(name)
    text = str(network) if network is not None else name.lower()
    return text.removesuffix(".").removeprefix("*.")


def _subject(name: str) -> x509.Name:
    """A common name: no check may use it (RFC 9525 §2), but fetchmail 6.4 insists on one."""
    if len(name) > COMMON_NAME_OCTETS:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _constraints(permitted: Iterable[str]) -> x509.NameConstraints:
    """Permit these; a kind of name of which none is permitted is excluded as a whole.

    RFC 5280 §4.2.1.10: a kind that is not mentioned would be free.
    """
    networks = [_as_network(text) for text in permitted]
    allowed: list[x509.GeneralName] = [
        x509.DNSName(text) if network is None else x509.IPAddress(network)
        for text, network in zip(permitted, networks, strict=True)
    ]
    excluded: list[x509.GeneralName] = []
    if None not in networks:
        excluded.append(x509.DNSName(""))
    excluded.extend(
        x509.IPAddress(every)
        for every in (ip_network("0.0.0.0/0"), ip_network("::/0"))
        if not any(network and network.version == every.version for network in networks)
    )
    return x509.NameConstraints(allowed, excluded or None)


def _general_name(name: str) -> x509.GeneralName:
    address = _as_address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _is_within(name: str, subtree: str) -> bool:
    address, network = _as_address(name), _as_network(subtree)
    if address is not None:
        return network is not None and address in network
    return network is None and (name == subtree or name.endswith(f".{subtree}"))
