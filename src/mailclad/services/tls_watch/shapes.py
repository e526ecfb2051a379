"""Which program an offer looks like: ``shapes.toml``, read once.

It is a likeness, no proof: whoever builds a program may let it offer anything.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files

import msgspec

from mailclad.base.tls_offer import KNOWN_OFFERS, VERSION_NAMES, Offer

_VERSIONS = {name: number for number, name in VERSION_NAMES.items()}


class Sure(StrEnum):
    SURELY = "surely"
    PROBABLY = "probably"


@dataclass(frozen=True, slots=True)
class Likeness:
    name: str
    sure: Sure
    scanner: bool
    remedy: str


class _Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sure: Sure
    suites: tuple[int, ...]
    scanner: bool = False
    highest: str = ""
    has: tuple[int, ...] = ()
    lacks: tuple[int, ...] = ()
    group: int | None = None
    grease: bool | None = None
    remedy: str = ""

    def fits(self, offer: Offer) -> bool:
        return (
            offer.suites[: len(self.suites)] == self.suites
            and (not self.highest or offer.highest == _VERSIONS[self.highest])
            and set(self.has) <= set(offer.extensions)
            and not set(self.lacks) & set(offer.extensions)
            and (self.group is None or self.group in offer.groups)
            and self.grease in {None, offer.greases}
        )


class _File(msgspec.Struct, forbid_unknown_fields=True):
    shape: list[_Shape]


@lru_cache(KNOWN_OFFERS)
def likeness(offer: Offer) -> Likeness | None:
    """The first program that offers this."""
    found = next((shape for shape in _shapes() if shape.fits(offer)), None)
    if found is None:
        return None
    return Likeness(found.name, found.sure, found.scanner, found.remedy)


@cache
def _shapes() -> list[_Shape]:
    text = files(__package__).joinpath("shapes.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _File).shape
