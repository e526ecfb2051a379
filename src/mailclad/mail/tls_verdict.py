"""What TLS to a mail server was asked for, and what its certificate was worth: values.

RFC 8460 §4.3 (result types), RFC 8461, RFC 7672, RFC 9525.  Comes in: the chain that a server has
presented, and what the TLS library found wrong with it against a store of authorities.  Goes
out: a ``TlsVerdict`` with reasons for people.  Judged the same way whether or not the demand
depends on it, so that opportunistic connections leave facts too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailclad.base.resolver import Tlsa
from mailclad.mail.server_identity import matches, read_identities


class Failure(StrEnum):
    """The result types of RFC 8460 §4.3 that a connection can have."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    HOST_MISMATCH = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    NOT_TRUSTED = "certificate-not-trusted"
    TLSA_INVALID = "tlsa-invalid"
    VALIDATION = "validation-failure"


class TlsLevel(StrEnum):
    """How much TLS a delivery needs."""

    NONE = "none"
    """Not even tried: after a handshake that failed where nothing demanded it."""
    MAY = "may"
    """Tried where offered; any certificate will do."""
    ENCRYPT = "encrypt"
    """Demanded, with any certificate: DANE with unusable records only (RFC 7672 §2.2)."""
    VERIFY = "verify"
    """Demanded, and the certificate must be the server's."""


@dataclass(frozen=True, slots=True)
class TlsDemand:
    """``names`` are the names that a certificate may have: the first one goes out as SNI.

    Usable records of usage DANE-EE or DANE-TA decide alone where there are any; what is left of
    the records is not looked at.
    """

    level: TlsLevel
    names: tuple[str, ...]
    records: tuple[Tlsa, ...] = ()


class Authentication(StrEnum):
    """What proved that the server is the one we look for."""

    NONE = "none"
    PKIX = "pkix"
    DANE_EE = "dane-ee"
    DANE_TA = "dane-ta"


@dataclass(frozen=True, slots=True)
class TlsVerdict:
    """``failure`` is None exactly where somebody was authenticated; ``chain`` is DER, leaf first.

    ``record`` is the TLSA record that matched.
    """

    authentication: Authentication
    failure: Failure | None
    reason: str
    chain: tuple[bytes, ...] = ()
    record: Tlsa | None = None


@dataclass(frozen=True, slots=True)
class ChainFault:
    """OpenSSL's verify code and the certificate's place, 0 for the leaf."""

    code: int
    depth: int


_WORDS: Mapping[int, str] = {
    2: "the issuer's certificate is missing",
    9: "a certificate is not valid yet",
    10: "a certificate has expired",
    18: "the certificate is signed by itself",
    19: "the chain ends at an authority that is not trusted here",
    20: "the issuer's certificate is missing or not trusted here",
    21: "the first certificate cannot be verified",
    24: "a certificate of the chain may not sign others",
    26: "the certificate is not meant for servers",
    47: "an authority may not certify this name",
    66: "the key is too short",
    67: "an authority's key is too short",
    68: "a signature uses a broken hash",
    79: "a certificate of the chain may not sign others",
}
_EXPIRED = 10


def describe(fault: ChainFault) -> str:
    words = _WORDS.get(fault.code, "the chain cannot be verified")
    return f"{words} (verify code {fault.code}, certificate {fault.depth})"


def failed(failure: Failure, reason: str, chain: Sequence[bytes] = ()) -> TlsVerdict:
    return TlsVerdict(Authentication.NONE, failure, reason, tuple(chain))


def faulty(faults: Sequence[ChainFault], chain: Sequence[bytes]) -> TlsVerdict:
    """The verdict on a chain with faults: expired only if nothing worse is wrong with it."""
    worst = next((one for one in faults if one.code != _EXPIRED), faults[0])
    failure = Failure.EXPIRED if worst.code == _EXPIRED else Failure.NOT_TRUSTED
    return failed(failure, describe(worst), chain)


def misnamed(chain: Sequence[bytes], names: Sequence[str]) -> TlsVerdict | None:
    """The verdict on a leaf that has none of the names, or None."""
    found = read_identities(chain[0])
    if matches(found, names):
        return None
    wanted = " or ".join(names) or "a name that was not given"
    reason = f"the certificate is for {_some(str(found))}, not for {wanted}"
    return failed(Failure.HOST_MISMATCH, reason, chain)


def judge_pkix(
    chain: Sequence[bytes], faults: Sequence[ChainFault], names: Sequence[str]
) -> TlsVerdict:
    """By the authorities that this system trusts, and by name."""
    if not chain:
        return failed(Failure.VALIDATION, "the server showed no certificate")
    if faults:
        return faulty(faults, chain)
    reason = "verified by an authority that this system trusts"
    passed = TlsVerdict(Authentication.PKIX, None, reason, tuple(chain))
    return misnamed(chain, names) or passed


def _some(text: str) -> str:
    """A certificate may have thousands of names."""
    return text if len(text) <= 200 else f"{text[:200]}…"
