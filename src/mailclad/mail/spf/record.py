"""SPF records: ``v=spf1 mx include:example.net -all`` (RFC 7208 §4.5, §4.6, §5, §6).

In come the octets of a TXT record, from anybody; out comes a ``Record`` whose every term keeps
the grammar, or SpfProblem in words for whoever publishes it.  Nothing is evaluated.
Limits: RECORD_OCTETS and TERMS; the cost is linear in the octets.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from mailclad.mail.spf.macro import MacroString, parse_domain_spec, parse_macro_string
from mailclad.mail.spf.result import SpfOutcome, SpfProblem

RECORD_OCTETS = 8192
"""RFC 7208 §3.4 asks for less than 450; lists of networks written out reach some 4,000."""
TERMS = 500
"""As many of the shortest useful networks as RECORD_OCTETS holds; a record has ten or twenty."""
KEPT_RECORDS = 128
KEPT_OCTETS = 1024
"""Parsed records that are remembered: the same few are included everywhere.  Measured: 10 MB
of records made to be big, 2 MB of usual ones."""
SHOWN_OCTETS = 60
"""How much of a wrong term is repeated to people."""


@dataclass(frozen=True, slots=True)
class All:
    """RFC 7208 §5.1."""


@dataclass(frozen=True, slots=True)
class Include:
    """RFC 7208 §5.2."""

    target: MacroString


@dataclass(frozen=True, slots=True)
class Hosts:
    """``a`` (RFC 7208 §5.3), or ``mx`` (§5.4) if ``by_mx``; no target is the domain itself."""

    by_mx: bool
    target: MacroString | None
    prefix_4: int
    prefix_6: int


@dataclass(frozen=True, slots=True)
class Ptr:
    """RFC 7208 §5.5."""

    target: MacroString | None


@dataclass(frozen=True, slots=True)
class Network:
    """``ip4`` and ``ip6`` (RFC 7208 §5.6): addresses that, shifted right, are ``prefix``."""

    version: int
    prefix: int
    shift: int


@dataclass(frozen=True, slots=True)
class Exists:
    """RFC 7208 §5.7."""

    target: MacroString


Mechanism = All | Include | Hosts | Ptr | Network | Exists


@dataclass(frozen=True, slots=True)
class Directive:
    """``outcome`` is the qualifier's, ``text`` the term as published."""

    outcome: SpfOutcome
    mechanism: Mechanism
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """``redirect`` is None also where ``all`` makes it meaningless (RFC 7208 §5.1)."""

    directives: tuple[Directive, ...]
    redirect: MacroString | None
    explanation: MacroString | None


_QUALIFIERS = {
    "+": SpfOutcome.PASS,
    "-": SpfOutcome.FAIL,
    "~": SpfOutcome.SOFTFAIL,
    "?": SpfOutcome.NEUTRAL,
}
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(r"([+\-?~]?)([A-Za-z0-9]+)((?:[:/].*)?)", re.DOTALL)
_PREFIXES = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_UNPRINTABLE = re.compile(r"[^ -~]")


def is_spf(octets: bytes) -> bool:
    """Whether a TXT record is an SPF record (RFC 7208 §4.5)."""
    return octets[:6].lower() == b"v=spf1" and octets[6:7] in {b"", b" "}


def parse_record(octets: bytes) -> Record:
    """``octets`` begin with the version, see ``is_spf``; raises SpfProblem."""
    return _parse_and_keep(octets) if len(octets) <= KEPT_OCTETS else _parse(octets)


def _parse(octets: bytes) -> Record:
    if len(octets) > RECORD_OCTETS:
        raise SpfProblem(f"it is longer than {RECORD_OCTETS} octets")
    if not octets.isascii():
        raise SpfProblem("it has characters that are not ASCII")
    terms = [term for term in octets[6:].decode().split(" ") if term]
    if len(terms) > TERMS:
        raise SpfProblem(f"it has more than {TERMS} terms")
    directives: list[Directive] = []
    modifiers: dict[str, MacroString] = {}
    for term in terms:
        try:
            _parse_term(term, directives, modifiers)
        except SpfProblem as problem:
            shown = _UNPRINTABLE.sub("?", term[:SHOWN_OCTETS])
            raise SpfProblem(f"the term {shown} is wrong: {problem}") from None
    endless = not any(isinstance(directive.mechanism, All) for directive in directives)
    redirect = modifiers.get("redirect") if endless else None
    return Record(tuple(directives), redirect, modifiers.get("exp"))


_parse_and_keep = lru_cache(KEPT_RECORDS)(_parse)


def _parse_term(term: str, directives: list[Directive], modifiers: dict[str, MacroString]) -> None:
    modifier = _MODIFIER.fullmatch(term) if "=" in term else None
    if modifier is None:
        directives.append(_parse_directive(term))
        return
    name = modifier[1].lower()
    if name not in {"redirect", "exp"}:
        parse_macro_string(modifier[2])  # for its grammar only: RFC 7208 §6
    elif name in modifiers:
        raise SpfProblem("there is a second one")
    else:
        modifiers[name] = parse_domain_spec(modifier[2])


def _parse_directive(term: str) -> Directive:
    found = _MECHANISM.fullmatch(term)
    parse = None if found is None else _MECHANISMS.get(found[2].lower())
    if found is None or parse is None:
        raise SpfProblem("there is no such mechanism")
    return Directive(_QUALIFIERS[found[1] or "+"], parse(found[3]), term)


def _parse_all(rest: str) -> All:
    if rest:
        raise SpfProblem("nothing may follow")
    return All()


def _parse_include(rest: str) -> Include:
    return Include(_required(rest))


def _parse_exists(rest: str) -> Exists:
    return Exists(_required(rest))


def _parse_ptr(rest: str) -> Ptr:
    return Ptr(_required(rest) if rest else None)


def _parse_a(rest: str) -> Hosts:
    return _parse_hosts(rest, by_mx=False)


def _parse_mx(rest: str) -> Hosts:
    return _parse_hosts(rest, by_mx=True)


def _parse_hosts(rest: str, *, by_mx: bool) -> Hosts:
    found = _PREFIXES.search(rest)
    assert found is not None  # it matches nothing at the end, too
    prefix_4, prefix_6 = int(found[1] or 32), int(found[2] or 128)
    if prefix_4 > 32 or prefix_6 > 128:
        raise SpfProblem("the prefix is longer than the address")
    name = rest[: found.start()]
    return Hosts(by_mx, _required(name) if name else None, prefix_4, prefix_6)


def _parse_ip4(rest: str) -> Network:
    address, shift = _address_and_shift(rest, 32)
    try:
        return Network(4, int(IPv4Address(address)) >> shift, shift)
    except AddressValueError:
        raise SpfProblem("that is not an IPv4 address") from None


def _parse_ip6(rest: str) -> Network:
    address, shift = _address_and_shift(rest, 128)
    if "%" in address:
        raise SpfProblem("an IPv6 address has no zone here")
    try:
        return Network(6, int(IPv6Address(address)) >> shift, shift)
    except AddressValueError:
        raise SpfProblem("that is not an IPv6 address") from None


def _address_and_shift(rest: str, bits: int) -> tuple[str, int]:
    address, slash, prefix = rest[1:].partition("/")
    if not rest.startswith(":"):
        raise SpfProblem("an address must follow the colon")
    if not slash:
        return address, 0
    well_formed = prefix.isdigit() and len(prefix) <= 3 and (prefix == "0" or prefix[0] != "0")
    if not well_formed or int(prefix) > bits:
        raise SpfProblem(f"the prefix must be a number from 0 to {bits}")
    return address, bits - int(prefix)


def _required(rest: str) -> MacroString:
    if not rest.startswith(":") or len(rest) == 1:
        raise SpfProblem("a domain must follow the colon")
    return parse_domain_spec(rest[1:])


_MECHANISMS: Mapping[str, Callable[[str], Mechanism]] = {
    "all": _parse_all,
    "include": _parse_include,
    "a": _parse_a,
    "mx": _parse_mx,
    "ptr": _parse_ptr,
    "ip4": _parse_ip4,
    "ip6": _parse_ip6,
    "exists": _parse_exists,
}
