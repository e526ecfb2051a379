"""Which names a server's certificates are to have, and which certificate has which.

RFC 8461 §3.3 (mta-sts), Mozilla's autoconfig, Microsoft's autodiscover,
draft-ietf-mailmaint-pacc (ua-auto-config).  Comes in: the configuration's names and our domains.
Goes out: names in the order of their importance, and series of at most 100.  Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailclad.mail.address import normalise_domain
from mailclad.mail.domain_hosts import PERSONAL_LABELS, SETTINGS_LABELS
from mailclad.mail.mta_sts import policy_host
from mailclad.protocols.acme.request import as_address

NAMES_A_CERTIFICATE = 100
"""Let's Encrypt's limit; others have the same one or a higher."""

NAMES_BY_PROFILE = 25
"""Its limit for profiles other than the usual one, and so for IP addresses."""

Series = Mapping[int, tuple[str, ...]]
"""The names of each certificate, by its number; 0 is the one of the server's own name."""


@dataclass(frozen=True, slots=True)
class NamesInUse:
    """``always`` are asked for whatever the DNS says, the server's own first; ``where_here`` only
    where they lead to this server, which they should; ``perhaps`` likewise, and they need not.
    """

    always: tuple[str, ...]
    where_here: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()


def names_in_use(
    host_name: str, more: Iterable[str], domains: Iterable[str], *, has_web: bool
) -> NamesInUse:
    """``has_web``: whether pages are served on port 443, where domains have names of their own."""
    always = tuple(dict.fromkeys(as_certified(name) for name in (host_name, *more)))
    if not has_web:
        return NamesInUse(always)
    where_here: list[str] = []
    perhaps: list[str] = []
    for domain in domains:
        where_here += policy_host(domain), *_below(domain, SETTINGS_LABELS)
        perhaps += domain, *_below(domain, PERSONAL_LABELS)
    return NamesInUse(
        always, _without(always, where_here), _without((*always, *where_here), perhaps)
    )


def _below(domain: str, labels: Iterable[str]) -> list[str]:
    return [f"{label}.{domain}" for label in labels]


def _without(known: tuple[str, ...], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name not in known)


def into_series(wanted: Iterable[str], present: Series, most: int = NAMES_A_CERTIFICATE) -> Series:
    """Each name stays where it is; new ones go where there is room first.

    The first one, the server's own, is the first of series 0.
    """
    left = dict.fromkeys(wanted)
    first = next(iter(left), None)
    if first is None:
        return {}
    series: dict[int, list[str]] = {0: [first]}
    placed = {first}
    for number, names in sorted(present.items()):
        here = series.setdefault(number, [])
        stay = [name for name in names if name in left and name not in placed]
        here += stay[: most - len(here)]
        placed.update(here)
    for name in left:
        if name not in placed:
            series.setdefault(_with_room(series, most), []).append(name)
    return {number: tuple(names) for number, names in series.items() if names}


def _with_room(series: Mapping[int, list[str]], most: int) -> int:
    full = (number for number, names in series.items() if len(names) < most)
    return next(full, max(series) + 1)


def as_certified(name: str) -> str:
    """A name in its one form: what differs would be missed, and ordered, for ever.

    Raises AddressProblem.
    """
    address = as_address(name)
    if address is not None:
        return str(address)
    star = "*." if name.startswith("*.") else ""
    return star + normalise_domain(name.removeprefix(star).removesuffix("."))
