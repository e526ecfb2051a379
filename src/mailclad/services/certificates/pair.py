"""A certificate and its key, wherever they come from: put in order, and judged.

RFC 5280, RFC 7468.  Comes in: PEM of a certificate with its chain and of a key, and what people
call them.  Goes out: ``Loaded``, or a CertificateProblem whose text names the thing, the cause and
the remedy.  What would make TLS fail is refused here, before it is served; what a client would
refuse later (:mod:`worth`) is told of in remarks.  Keys are never logged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from mailclad.base.secret import Secret
from mailclad.services.certificates.chain import CertificateChain, KeyKind
from mailclad.services.certificates.worth import (
    Refusals,
    Remark,
    date_remarks,
    purpose_remarks,
)

LEAST_RSA_BITS = 2048

CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
"""Those of RFC 8446 §4.2.3 and of every public authority."""

_Key = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey


class CertificateProblem(Exception):
    """A certificate and its key cannot be served; the text is for the administrator."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What can be served, and what the administrator should know of it whatever the day."""

    chain: CertificateChain
    lasting: tuple[Remark, ...] = ()

    def remarks(self, now: datetime) -> tuple[Remark, ...]:
        return (*date_remarks(self.chain, now), *self.lasting)


def make_pair(certificate_pem: bytes, key_pem: bytes, name: str, key_name: str) -> Loaded:
    """``name`` and ``key_name`` are what problems and remarks call the two."""
    given = _certificates(certificate_pem, name)
    key, kind = _key(key_pem, key_name)
    leaf = next((one for one in given if _is_for(one, key)), None)
    if leaf is None:
        raise CertificateProblem(
            f"{key_name} is not the key of {name}: name the key that was made with "
            "this certificate, or have the certificate issued again for this key"
        )
    names = _names(leaf, name)
    if not names:
        raise CertificateProblem(
            f"{name} names no host (no subject alternative name): programs refuse "
            "it; have it issued for the server's name"
        )
    chain = _chain(leaf, given)
    ready = CertificateChain(
        names=names,
        chain_pem=b"".join(one.public_bytes(Encoding.PEM) for one in chain),
        key_pem=Secret(key_pem),
        kind=kind,
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        source=name,
    )
    lasting = (*_chain_remarks(name, given, chain), *purpose_remarks(leaf, kind, name))
    return Loaded(ready, lasting)


def _certificates(content: bytes, name: str) -> list[x509.Certificate]:
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise CertificateProblem(
            f"{name} holds no certificate in PEM (“-----BEGIN CERTIFICATE-----”): name the file "
            "with the full chain, or convert it"
        )
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as problem:
        text = f"{name} holds a damaged certificate ({problem}): copy the file again"
        raise CertificateProblem(text) from problem


def _key(content: bytes, name: str) -> tuple[_Key, KeyKind]:
    try:
        key = load_pem_private_key(content, None)
    except TypeError as problem:
        text = f"{name} is locked by a password: store the key without one, readable by the server"
        raise CertificateProblem(text) from problem
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise CertificateProblem(
            f"{name} holds no private key in PEM, or one of an odd kind: name the key file"
        ) from problem
    if isinstance(key, EllipticCurvePrivateKey):
        if key.curve.name not in CURVES:
            text = f"{name} is a key on the curve {key.curve.name}, which programs do not know"
            raise CertificateProblem(f"{text}: use one on secp256r1 (P-256)")
        return key, KeyKind.EC
    if isinstance(key, Ed25519PrivateKey):
        return key, KeyKind.ED25519
    if isinstance(key, RSAPrivateKey):
        if key.key_size < LEAST_RSA_BITS:
            text = f"{name} is an RSA key of {key.key_size} bits: programs want 2048 or more"
            raise CertificateProblem(text)
        return key, KeyKind.RSA
    text = f"{name} is a key of a kind that mail programs do not know: use an EC or RSA key"
    raise CertificateProblem(text)


def _is_for(certificate: x509.Certificate, key: _Key) -> bool:
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):  # a kind of key that nobody here has
        return False


def _names(leaf: x509.Certificate, name: str) -> tuple[str, ...]:
    try:
        extensions = leaf.extensions
    except ValueError as problem:
        text = f"{name} is damaged ({problem}): have it issued again"
        raise CertificateProblem(text) from problem
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return tuple(dict.fromkeys(hosts + addresses))


def _chain(leaf: x509.Certificate, given: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Order by who signed whom, beginning with the leaf; a root at the end is left out."""
    chain, rest = [leaf], [one for one in given if one != leaf]
    while True:
        signer = next((one for one in rest if _signed(one, chain[-1])), None)
        if signer is None or signer.subject == signer.issuer:
            return chain
        chain.append(signer)
        rest.remove(signer)


def _signed(signer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(signer)
    except Exception:  # names, kinds of key and signatures each raise their own
        return False
    return True


def _chain_remarks(
    name: str, given: Sequence[x509.Certificate], chain: Sequence[x509.Certificate]
) -> tuple[Remark, ...]:
    if chain[-1].issuer == chain[-1].subject:
        if len(chain) == 1:
            text = f"{name} is signed by itself: programs warn of it; use a real one"
            return (Remark(text, Refusals.ALL),)
        return ()
    roots = [one for one in given if one.subject == one.issuer]
    if len(chain) == 1 and not roots:
        text = (
            f"{name} holds the certificate alone, without the authority's intermediate ones: "
            "some programs cannot verify it; use the file with the full chain"
        )
        return (Remark(text, Refusals.SOME),)
    if [one for one in given if one not in roots] != list(chain):
        text = f"{name} is not in order, or holds more than its chain: it is served in order"
        return (Remark(text),)
    return ()
