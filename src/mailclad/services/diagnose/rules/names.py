"""C07, C08: a certificate for another name (RFC 9525), and the name that is right.

A remedy is told only if it was verified: the name leads to the same machine, which shows under
it a certificate that is good.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import islice
from typing import NamedTuple

from mailclad.mail.server_identity import Identities, matches
from mailclad.services.diagnose.chain import Chain
from mailclad.services.diagnose.evidence import Candidate
from mailclad.services.diagnose.facts import Way
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules.case import Case, Shown, is_set_up_name, plain_host

CANDIDATES = 3
"""For each chain that is shown; every one costs connections."""
_GREETING_WORDS = 8


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_named(chain: Chain, host: str) -> bool:
    return matches(chain.leaf.names, (host,))


def common_name_only(shown: Shown, _case: Case) -> Iterator[Found]:
    """C08"""
    common = shown.chain.leaf.subject.common_name
    if _says_it_in_the_old_place(shown):
        yield shown.found("CERT-310", "C08", common_name=common)


def _says_it_in_the_old_place(shown: Shown) -> bool:
    leaf = shown.chain.leaf
    old = Identities(dns=(leaf.subject.common_name.lower(),))
    return not leaf.names.dns and not is_address(shown.host) and matches(old, (shown.host,))


def wrong_name(shown: Shown, case: Case) -> Iterator[Found]:
    """C07, C07a–c, C07e"""
    if not _is_wrong(shown):
        return
    remedy = next((name for name in _names(shown, case) if _is_verified(name, shown, case)), "")
    rule, kind = _kind(shown, remedy)
    leaf = shown.chain.leaf
    yield shown.found(
        "CERT-302",
        rule,
        names=leaf.names_shown or leaf.subject.common_name or "nobody",
        remedy_name=remedy,
        kind=kind,
    )


def _is_wrong(shown: Shown) -> bool:
    return not (
        is_named(shown.chain, shown.host)
        or _says_it_in_the_old_place(shown)
        or is_set_up_name(shown.host)
    )


def missing_names(case: Case) -> Iterator[Found]:
    """C07d"""
    lacking = [
        shown
        for shown in case.shown
        if is_set_up_name(shown.host) and not is_named(shown.chain, shown.host)
    ]
    if lacking:
        first = lacking[0]
        missing = ", ".join(dict.fromkeys(plain_host(shown.host) for shown in lacking))
        shown_names = first.chain.leaf.names_shown or "nobody"
        yield first.door.found("CERT-315", "C07d", missing_names=missing, names=shown_names)


class Kind(NamedTuple):
    rule: str
    word: str


def _kind(shown: Shown, remedy: str) -> Kind:
    host, names = plain_host(shown.host), shown.chain.leaf.names.dns
    if is_address(host):
        return Kind("C07e", "ip")
    if any(_is_near_wildcard(name, host) for name in names):
        return Kind("C07c", "wildcard")
    _, _, parent = host.partition(".")
    if {f"www.{host}", f"www.{parent}"}.intersection(names) or ("." in parent and parent in names):
        return Kind("C07b", "sibling")
    if any("." in parent and name.endswith(f".{parent}") for name in names):
        return Kind("C07", "sibling")
    return Kind("C07a", "provider") if remedy else Kind("C07", "none")


def _is_near_wildcard(name: str, host: str) -> bool:
    """A wildcard that would cover the host if more than one whole label were allowed."""
    before, star, behind = name.partition("*")
    if not star:
        return False
    near = host.startswith(before) and host.endswith(behind)
    return near or (not before and host == behind.removeprefix("."))


# --- the right name ---


def candidates(case: Case) -> Iterator[Candidate]:
    """Names that may be right, of which it is not known yet where they lead."""
    for shown in case.shown:
        if not _is_wrong(shown) or shown.chain.self_signed:
            continue
        endpoint, address = shown.door.port.endpoint, shown.door.port.address
        for name in _names(shown, case):
            if name not in case.answers.candidates:
                yield Candidate(name, address, endpoint)


def _names(shown: Shown, case: Case) -> Iterator[str]:
    """Of the certificate; for a wildcard, what the server calls itself, or records name."""
    names = shown.chain.leaf.names
    plain = [name for name in names.dns if "*" not in name]
    said = [*_self_named(shown), *map(plain_host, case.evidence.known_hosts)]
    behind_wildcards = [name for name in said if matches(names, (name,)) and name not in plain]
    host = plain_host(shown.host)
    # the most like it first: imap.example.org rather than www.example.org
    plain.sort(key=lambda name: -_common_labels(name, host))
    found = dict.fromkeys([*behind_wildcards, *plain])
    return islice((name for name in found if name != host), CANDIDATES)


def _self_named(shown: Shown) -> Iterator[str]:
    words = shown.door.port.greeting.decode("ascii", "replace").split()
    for word in words[:_GREETING_WORDS]:
        name = word.strip("[]<>(),;:").lower()
        if "." in name and not is_address(name):
            yield name.removesuffix(".")


def _common_labels(one: str, other: str) -> int:
    pairs = zip(reversed(one.split(".")), reversed(other.split(".")), strict=False)
    return sum(a == b for a, b in pairs)


def _is_verified(name: str, shown: Shown, case: Case) -> bool:
    """Whether the same port of the same machine shows, under this name, a certificate for it."""
    seen = case.answers.candidates.get(name)
    here = shown.door.port
    if seen is None or here.address not in seen.addresses:
        return False
    for port in seen.ports:
        modern = port.handshake(Way.MODERN)
        chain = case.read(modern.chain) if modern is not None and modern.done else None
        same = (port.address, port.endpoint.port) == (here.address, here.endpoint.port)
        if same and chain is not None and modern is not None and not modern.faults:
            return is_named(chain, name)
    return False
