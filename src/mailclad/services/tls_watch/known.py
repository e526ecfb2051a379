"""Who it may be that failed: by its shape, and by who has signed in from the same place.

Comes in: what the store knows of visitors.  Goes out: names, said with how sure they are.  Pure.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailclad.base.tls_offer import Offer
from mailclad.services.tls_watch.shapes import Sure, likeness
from mailclad.store.tls_use import TlsFailure, Visitor

PEOPLE_NAMED = 3
"""Behind one address there may be an office: with more people than this it says nothing."""


@dataclass(frozen=True, slots=True)
class Program:
    """``name`` is "" where nobody knows; ``sure`` says how far it is to be believed."""

    name: str = ""
    sure: str = ""
    scanner: bool = False
    remedy: str = ""

    @property
    def words(self) -> str:
        if not self.name:
            return "an unknown program"
        if self.sure == Sure.SURELY:
            return self.name
        return f"what looks like {self.name}"


UNKNOWN = Program()


def program_of(offer: Offer | None, said: Iterable[str] = ()) -> Program:
    """By what it calls itself where the same offer has signed in, else by its shape."""
    like = likeness(offer) if offer is not None else None
    remedy = like.remedy if like is not None else ""
    named = sorted(set(said) - {""})
    if len(named) == 1:
        return Program(named[0], Sure.PROBABLY, remedy=remedy)
    if like is None:
        return UNKNOWN
    return Program(like.name, like.sure, like.scanner, remedy)


@dataclass(slots=True)
class Known:
    """Visitors, by where they come from and by what they offer."""

    people: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    said: dict[Offer | None, set[str]] = field(default_factory=lambda: defaultdict(set))

    def program(self, failure: TlsFailure) -> Program:
        said = self.said.get(failure.offer, ()) if failure.offer is not None else ()
        return program_of(failure.offer, said)

    def who(self, failure: TlsFailure) -> tuple[str, ...]:
        found = self.people.get(failure.network, set()) if failure.network else set()
        return tuple(sorted(found)) if len(found) <= PEOPLE_NAMED else ()


def know(visitors: Iterable[Visitor]) -> Known:
    known = Known()
    for visitor in visitors:
        if visitor.network:
            known.people[visitor.network].add(visitor.who)
        if visitor.offer is not None:
            known.said[visitor.offer].add(visitor.program)
    return known
