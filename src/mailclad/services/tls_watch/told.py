"""Handshakes that failed, as one sentence for each program and person, with its remedy.

Comes in: rows of the store, strangers' texts among them.  Goes out: groups, the gravest first,
and how much was noise.  Whoever prints them makes their texts safe to show.  Pure.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mailclad.base.tls_offer import VERSION_NAMES, Offer
from mailclad.base.tls_policy import Service
from mailclad.services.tls_watch.known import Known, Program
from mailclad.store.tls_use import FailureKind, TlsFailure, TlsNoise

ADDRESSES_NAMED = 3

_ALERTS: Mapping[int, str] = {
    42: "it says: bad certificate",
    43: "it says: unsupported certificate",
    44: "it says: certificate revoked",
    45: "it says: certificate expired",
    46: "it says: certificate unknown",
    48: "it says: unknown authority",
    49: "it says: access denied",
    113: "it says: bad certificate status",
}
_DISTRUST_FINDINGS: Mapping[int, str] = {
    44: "CERT-320",
    45: "CERT-301",
    46: "CERT-305",
    48: "CERT-305",
}
"""The rest is most often the wrong name: OpenSSL says 42 then, and so does NSS."""

_MODERN_RSA = frozenset({0xC02F, 0xC030, 0xCCA8})
_MODERN_EC = frozenset({0xC02B, 0xC02C, 0xCCA9})
_TLS_1_3_SUITES = frozenset({0x1301, 0x1302, 0x1303})

_TOO_OLD = frozenset({FailureKind.OLD_VERSIONS, FailureKind.NOTHING_SHARED})
"""Where it helps to know what that program can be brought to."""

_HOST = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}", re.ASCII | re.IGNORECASE)

_ENCRYPTED_PORTS = "On 993, 995 and 465 the setting is SSL/TLS, on 143, 110 and 587 STARTTLS."


@dataclass(slots=True)
class Group:
    """All that one program of one person has met with, in one way."""

    kind: FailureKind
    program: Program
    who: tuple[str, ...]
    sentence: str
    remedy: str
    finding: str
    number: int = 0
    last_at: int = 0
    places: Counter[tuple[str, int]] = field(default_factory=Counter)
    addresses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Account:
    """``groups`` the gravest first; ``noise`` by kind, scanners that spoke TLS among it."""

    groups: tuple[Group, ...]
    noise: Counter[str]


@dataclass(frozen=True, slots=True)
class _Telling:
    """``cause`` goes on after the program's name; "" as a finding: none of the catalogue."""

    finding: Callable[[TlsFailure], str]
    cause: Callable[[TlsFailure], str]
    remedy: Callable[[TlsFailure], str]


def tell(failures: Iterable[TlsFailure], noise: Iterable[TlsNoise], known: Known) -> Account:
    """Group them by kind, program, person, and what is said of them."""
    groups: dict[tuple[object, ...], Group] = {}
    counted: Counter[str] = Counter()
    for one in noise:
        counted[one.kind] += one.number
    for failure in failures:
        program = known.program(failure)
        if program.scanner:
            counted[program.name] += failure.number
            continue
        group = _group_of(failure, program, known.who(failure))
        key = (group.kind, group.program, group.who, group.sentence)
        _add(groups.setdefault(key, group), failure)
    return Account(tuple(sorted(groups.values(), key=_gravity)), counted)


def _group_of(failure: TlsFailure, program: Program, who: tuple[str, ...]) -> Group:
    telling = _TELLINGS[failure.kind]
    of = f" of {' or '.join(who)}" if who else ""
    remedies = [telling.remedy(failure)]
    if failure.kind in _TOO_OLD:
        remedies.append(program.remedy)
    return Group(
        kind=failure.kind,
        program=program,
        who=who,
        sentence=_capital(f"{program.words}{of} {telling.cause(failure)}."),
        remedy=" ".join(filter(None, remedies)),
        finding=telling.finding(failure),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _add(group: Group, failure: TlsFailure) -> None:
    group.number += failure.number
    group.last_at = max(group.last_at, failure.last_at)
    group.places[failure.service, failure.port] += failure.number
    group.addresses[failure.address] += failure.number


def _gravity(group: Group) -> tuple[bool, int, int]:
    """People of ours before strangers; then what a warning on a screen stands for."""
    return (not group.who, list(_TELLINGS).index(group.kind), -group.number)


# What is said of each kind


def offers_words(offer: Offer | None) -> str:
    """ "offers only TLS 1.0": what its newest version is."""
    if offer is None:
        return "offers only SSL 2.0's greeting"
    return f"offers only {VERSION_NAMES.get(offer.highest, 'an unknown version')}"


def _distrust(failure: TlsFailure) -> str:
    said = _ALERTS.get(failure.received_alert or 0, "")
    shown = f", which was the one for {failure.certificate}" if failure.certificate else ""
    return f"does not take our certificate ({said}){shown}"


def _distrust_remedy(failure: TlsFailure) -> str:
    """Only a host name goes into a command: what a stranger says may be anything."""
    is_host = _HOST.fullmatch(failure.server_name) is not None
    host = failure.server_name if is_host else "NAME, as it stands in the program"
    return f"A person saw a warning about the certificate. Look at it by: mailclad check {host}"


def _left(failure: TlsFailure) -> str:
    return f"left without a word when it saw our certificate, for {failure.certificate}"


def _nothing_shared(failure: TlsFailure) -> str:
    offered = set(failure.offer.suites) if failure.offer is not None else set()
    if offered & _TLS_1_3_SUITES:
        return "shares no key exchange or signature with us"
    if offered & _MODERN_RSA and not offered & _MODERN_EC:
        return "takes only certificates with an RSA key"
    if offered & _MODERN_EC and not offered & _MODERN_RSA:
        return "takes only certificates with an ECDSA key"
    if offered & (_MODERN_RSA | _MODERN_EC):
        return "shares no curve or signature with us"
    return "offers TLS 1.2, but none of its modern kinds of encryption"


def _nothing_shared_remedy(failure: TlsFailure) -> str:
    offered = set(failure.offer.suites) if failure.offer is not None else set()
    if offered & _MODERN_RSA and not offered & _MODERN_EC:
        return "Have an RSA certificate beside: rsa = true in [acme]. Or update the program."
    if offered & _MODERN_EC and not offered & _MODERN_RSA:
        return "Have a certificate with an ECDSA key: ACME gets one by itself."
    return "Update the program or its system; until then webmail helps."


def _other_protocol(failure: TlsFailure) -> str:
    asked = f" ({failure.alpn})" if failure.alpn else ""
    return f"asks for another protocol{asked} on the port of {failure.service}"


def _because(failure: TlsFailure) -> str:
    return f"broke off: {failure.reason}"


def _always(text: str) -> Callable[[TlsFailure], str]:
    return lambda _failure: text


def _old_remedy(failure: TlsFailure) -> str:
    if failure.service == Service.SMTP:
        return "Its administrator has to update that mail server. It may go on without encryption."
    return "Update the program or its system. Old versions are not switched on: they are broken."


_TELLINGS: Mapping[FailureKind, _Telling] = {
    FailureKind.DISTRUST: _Telling(
        lambda failure: _DISTRUST_FINDINGS.get(failure.received_alert or 0, "CERT-302"),
        _distrust,
        _distrust_remedy,
    ),
    FailureKind.LEFT: _Telling(_always("CERT-302"), _left, _distrust_remedy),
    FailureKind.OLD_VERSIONS: _Telling(
        _always("CLIENT-701"), lambda failure: offers_words(failure.offer), _old_remedy
    ),
    FailureKind.NOTHING_SHARED: _Telling(
        _always("TLS-403"), _nothing_shared, _nothing_shared_remedy
    ),
    FailureKind.WAITED: _Telling(
        _always("MODE-201"),
        _always("waited in silence for a greeting on an encrypted port"),
        _always(f"Its setting is STARTTLS or None, and should be SSL/TLS. {_ENCRYPTED_PORTS}"),
    ),
    FailureKind.SPOKE_PLAIN: _Telling(
        _always("MODE-201"),
        _always("spoke without encryption on an encrypted port"),
        _always(f"Its setting is STARTTLS or None, and should be SSL/TLS. {_ENCRYPTED_PORTS}"),
    ),
    FailureKind.TLS_TOO_SOON: _Telling(
        _always("MODE-202"),
        _always("began encrypted on a port that begins in plain text"),
        _always(f"Its setting is SSL/TLS, and should be STARTTLS. {_ENCRYPTED_PORTS}"),
    ),
    FailureKind.OTHER_PROTOCOL: _Telling(
        _always("TLS-406"),
        _other_protocol,
        _always("A program that is set to the wrong port, or somebody who tries attacks."),
    ),
    FailureKind.SLOW: _Telling(
        _always("TLS-408"),
        _always("did not finish the handshake in time"),
        _always("A bad network, or a firewall that looks into mail."),
    ),
    FailureKind.BROKEN: _Telling(
        _always("TLS-408"),
        _because,
        _always("Once is nothing; if it stays, look at what is between: antivirus, firewall."),
    ),
}
"""The gravest first.  What is noise is only counted, and has no sentence."""
