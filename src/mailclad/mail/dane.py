"""DANE for SMTP: does a certificate match what its domain says in DNS?  (RFC 6698, 7671, 7672)

In come the chain that a server has presented (DER, untrusted), TLSA records, which the caller
knows to be validated by DNSSEC, and the names that count; out comes a ``TlsVerdict``.  Usages
PKIX-TA(0) and PKIX-EE(1) are unusable for SMTP (RFC 7672 §3.1.3), as is whatever this module
cannot read.  DANE-EE(3) binds the key alone: names and dates do not matter (RFC 7671 §5.1).
DANE-TA(2) names an authority, whose certificate must be among those presented or whole in the
record (§5.2); the path to it is verified by a function that is given, and the leaf must have one
of the names.  The keys' bytes are taken as they stand in the certificate, never encoded anew.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailclad.base.resolver import Tlsa
from mailclad.mail.server_identity import UNREADABLE, read_extensions
from mailclad.mail.tls_verdict import (
    Authentication,
    ChainFault,
    Failure,
    TlsVerdict,
    failed,
    faulty,
    misnamed,
)

RECORDS = 64
"""That are looked at; a rollover of two keys and two digests has eight."""
CERTIFICATES = 32
"""Of a chain that are looked at; real ones have at most six."""
PATHS = 8
"""That are verified, because signatures cost; real records lead to one or two."""

_TA, _EE = 2, 3
_CERTIFICATE, _KEY = 0, 1
_FULL, _SHA256, _SHA512 = 0, 1, 2
_DIGEST_OCTETS = {_SHA256: 32, _SHA512: 64}
_CHAIN_CODE = 26  # OpenSSL: the certificate is not meant for servers

LeadsTo = Callable[[Sequence[bytes], bytes], ChainFault | None]
"""Verifies a path from the first certificate of a chain to an anchor, which is trusted as it is;
returns what is wrong with it, or None."""


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """Those that count for SMTP, of several digests of the same thing the strongest (§9)."""
    known = [one for one in records if _is_usable(one)][:RECORDS]
    strong = {(one.usage, one.selector) for one in known if one.matching == _SHA512}
    return tuple(
        one
        for one in known
        if not (one.matching == _SHA256 and (one.usage, one.selector) in strong)
    )


def _is_usable(record: Tlsa) -> bool:
    octets = _DIGEST_OCTETS.get(record.matching)
    return (
        record.usage in (_TA, _EE)
        and record.selector in (_CERTIFICATE, _KEY)
        and (record.matching == _FULL or octets is not None)
        and (len(record.data) == octets if octets is not None else bool(record.data))
    )


def judge_dane(
    chain: Sequence[bytes], records: Iterable[Tlsa], names: Sequence[str], leads_to: LeadsTo
) -> TlsVerdict:
    """Judge a chain by TLSA records, whatever the authorities of this system say."""
    found = usable(records)
    if not chain:
        return failed(Failure.VALIDATION, "the server showed no certificate")
    if not found:
        return failed(Failure.TLSA_INVALID, "none of the TLSA records can be used", chain)
    for record in found:
        if record.usage == _EE and is_associated(record, chain[0]):
            reason = f"the certificate matches TLSA {_kind(record)}"
            return TlsVerdict(Authentication.DANE_EE, None, reason, tuple(chain), record)
    worst: TlsVerdict | None = None
    for record, anchor in _anchors(chain, found):
        verdict = _judge_path(chain, record, anchor, names, leads_to)
        if verdict.failure is None:
            return verdict
        worst = worst or verdict
    return worst or failed(
        Failure.TLSA_INVALID, "no certificate of the server matches a TLSA record", chain
    )


def is_associated(record: Tlsa, certificate: bytes) -> bool:
    """Whether a record, a usable one, means this certificate or its key (RFC 6698 §2.1)."""
    content = certificate if record.selector == _CERTIFICATE else public_key_info(certificate)
    if content is None:
        return False
    if record.matching == _SHA256:
        content = hashlib.sha256(content).digest()
    elif record.matching == _SHA512:
        content = hashlib.sha512(content).digest()
    return content == record.data


def _anchors(chain: Sequence[bytes], records: Sequence[Tlsa]) -> Iterable[tuple[Tlsa, bytes]]:
    """The certificates that DANE-TA records name: presented behind the leaf, or in the record."""
    seen: dict[bytes, Tlsa] = {}
    for record in records:
        if record.usage != _TA:
            continue
        for certificate in chain[1:CERTIFICATES]:
            if is_associated(record, certificate):
                seen.setdefault(certificate, record)
        if (record.selector, record.matching) == (_CERTIFICATE, _FULL):
            seen.setdefault(record.data, record)
    return [(record, anchor) for anchor, record in seen.items()][:PATHS]


def _judge_path(
    chain: Sequence[bytes],
    record: Tlsa,
    anchor: bytes,
    names: Sequence[str],
    leads_to: LeadsTo,
) -> TlsVerdict:
    fault = leads_to(chain[:CERTIFICATES], anchor)
    if fault is None and not _is_for_servers(chain[0]):
        fault = ChainFault(_CHAIN_CODE, 0)
    if fault is not None:
        return faulty((fault,), chain)
    reason = f"the chain leads to the authority of TLSA {_kind(record)}"
    passed = TlsVerdict(Authentication.DANE_TA, None, reason, tuple(chain), record)
    return misnamed(chain, names) or passed


def _kind(record: Tlsa) -> str:
    return f"{record.usage} {record.selector} {record.matching}"


def _is_for_servers(certificate: bytes) -> bool:
    """RFC 5280 §4.2.1.12: a certificate that says its purposes must say this one."""
    try:
        extensions = read_extensions(certificate)
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except UNREADABLE:
        return False
    return (
        ExtendedKeyUsageOID.SERVER_AUTH in purposes
        or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes
    )


# --- the key inside a certificate ---

_SEQUENCE, _VERSION = 0x30, 0xA0
_BEFORE_KEY = 5  # serialNumber, signature, issuer, validity, subject (RFC 5280 §4.1)


def public_key_info(certificate: bytes) -> bytes | None:
    """SubjectPublicKeyInfo octet for octet; None where there is no certificate to read."""
    outer = _element(certificate, 0)
    inner = _element(certificate, outer[1]) if outer is not None else None
    if outer is None or inner is None or certificate[outer[1]] != _SEQUENCE:
        return None
    _, at, end = inner
    skip = _BEFORE_KEY + (at < end and certificate[at] == _VERSION)
    for _ in range(skip):
        element = _element(certificate, at)
        if element is None or element[2] > end:
            return None
        at = element[2]
    key = _element(certificate, at)
    if key is None or key[2] > end or certificate[at] != _SEQUENCE:
        return None
    return certificate[at : key[2]]


def _element(der: bytes, at: int) -> tuple[int, int, int] | None:
    """The element that begins here: its start, where its content begins and where it ends."""
    if at + 2 > len(der):
        return None
    octets, begin = der[at + 1], at + 2
    if octets >= 0x80:
        width = octets - 0x80
        if not 1 <= width <= 3:  # 16 MB, more than any handshake carries
            return None
        octets = int.from_bytes(der[begin : begin + width], "big")
        begin += width
    end = begin + octets
    return (at, begin, end) if end <= len(der) else None
