"""Certificates from an administrator's PEM files: read, judged, noticed when they change.

RFC 5280, RFC 7468.  Comes in: paths, the time.  Goes out: ``Loaded``, or a CertificateProblem
whose text names the file, the cause and the remedy.  What would make TLS fail is refused here,
before it is served; what a client would refuse later (dates, a chain that is cut) is served
all the same and told of in ``remarks``, because mail that is late beats mail that is refused.
The files are trusted; keys are never logged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from mailclad.base.secret import Secret
from mailclad.services.certificates.chain import CertificateChain, KeyKind

MAX_FILE_OCTETS = 1024 * 1024
"""A chain has 4 to 20 KB; a file of this size is something else, named by mistake."""

SOON = timedelta(days=7)
"""How early the end of a certificate is told of; what renews by itself has done so long ago."""

Stamp = tuple[int, int, int]
"""Time of change in nanoseconds, octets, inode: a renewal changes at least one of them."""

_Key = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey


class CertificateProblem(Exception):
    """A pair of files cannot be served; the text is for the administrator."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pair of files that can be served, and what the administrator should know of it."""

    chain: CertificateChain
    remarks: tuple[str, ...]


def load_pair(certificate_file: Path, key_file: Path, now: datetime) -> Loaded:
    """Read a certificate with its chain, and its key."""
    given = _certificates(certificate_file)
    key_pem = _read(key_file)
    key, kind = _key(key_file, key_pem)
    leaf = next((one for one in given if one.public_key() == key.public_key()), None)
    if leaf is None:
        raise CertificateProblem(
            f"{key_file} is not the key of {certificate_file}: name the key that was made with "
            "this certificate, or have the certificate issued again for this key"
        )
    names = _names(leaf)
    if not names:
        raise CertificateProblem(
            f"{certificate_file} names no host (no subject alternative name): programs refuse "
            "it; have it issued for the server's name"
        )
    chain = _chain(leaf, given)
    remarks = (
        *_date_remarks(certificate_file, leaf, now),
        *_chain_remarks(certificate_file, given, chain),
        *_mode_remarks(key_file),
    )
    ready = CertificateChain(
        names=names,
        chain_pem=b"".join(one.public_bytes(Encoding.PEM) for one in chain),
        key_pem=Secret(key_pem),
        kind=kind,
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        source=str(certificate_file),
    )
    return Loaded(ready, remarks)


def stamps(paths: Iterable[Path]) -> dict[Path, Stamp | None]:
    """Note the state of these files, to ask ``changed()`` later; None: not there."""
    return {path: _stamp(path) for path in paths}


def changed(noted: dict[Path, Stamp | None]) -> bool:
    """Say whether any file is another than when it was noted; cheap enough for every minute."""
    return any(_stamp(path) != stamp for path, stamp in noted.items())


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_OCTETS:
            raise CertificateProblem(f"{path} is too large to be a certificate or key in PEM")
        return path.read_bytes()
    except FileNotFoundError as problem:
        raise CertificateProblem(f"{path} is not there: check the path") from problem
    except OSError as problem:
        reason = problem.strerror or str(problem)
        text = f"{path} cannot be read ({reason}): let the server's user read it"
        raise CertificateProblem(text) from problem


def _certificates(path: Path) -> list[x509.Certificate]:
    content = _read(path)
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise CertificateProblem(
            f"{path} holds no certificate in PEM (“-----BEGIN CERTIFICATE-----”): name the file "
            "with the full chain, or convert it"
        )
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as problem:
        text = f"{path} holds a damaged certificate ({problem}): copy the file again"
        raise CertificateProblem(text) from problem


def _key(path: Path, content: bytes) -> tuple[_Key, KeyKind]:
    try:
        key = load_pem_private_key(content, None)
    except TypeError as problem:
        text = f"{path} is locked by a password: store the key without one, readable by the server"
        raise CertificateProblem(text) from problem
    except ValueError as problem:
        raise CertificateProblem(
            f"{path} holds no private key in PEM: name the key file"
        ) from problem
    if isinstance(key, EllipticCurvePrivateKey):
        return key, KeyKind.EC
    if isinstance(key, Ed25519PrivateKey):
        return key, KeyKind.ED25519
    if isinstance(key, RSAPrivateKey):
        if key.key_size < 2048:
            text = f"{path} is an RSA key of {key.key_size} bits: programs want 2048 or more"
            raise CertificateProblem(text)
        return key, KeyKind.RSA
    text = f"{path} is a key of a kind that mail programs do not know: use an EC or RSA key"
    raise CertificateProblem(text)


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
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


def _date_remarks(path: Path, leaf: x509.Certificate, now: datetime) -> tuple[str, ...]:
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now < begins:
        return (f"{path} is valid only from {begins:%Y-%m-%d %H:%M} UTC: check the clock",)
    if ends <= now:
        text = f"{path} ended on {ends:%Y-%m-%d %H:%M} UTC: programs refuse it; renew it"
        return (text,)
    if ends <= now + SOON:
        return (f"{path} ends on {ends:%Y-%m-%d %H:%M} UTC: renew it",)
    return ()


def _chain_remarks(
    path: Path, given: Sequence[x509.Certificate], chain: Sequence[x509.Certificate]
) -> tuple[str, ...]:
    if chain[-1].issuer == chain[-1].subject:
        if len(chain) == 1:
            return (f"{path} is signed by itself: programs warn of it; use a real one",)
        return ()
    roots = [one for one in given if one.subject == one.issuer]
    if len(chain) == 1 and not roots:
        text = (
            f"{path} holds the certificate alone, without the authority's intermediate ones: "
            "some programs cannot verify it; use the file with the full chain"
        )
        return (text,)
    if [one for one in given if one not in roots] != list(chain):
        return (f"{path} is not in order, or holds more than its chain: it is served in order",)
    return ()


def _mode_remarks(path: Path) -> tuple[str, ...]:
    if path.stat().st_mode & 0o007:
        return (f"{path} can be read by everyone on this machine: chmod 640 {path}",)
    return ()
