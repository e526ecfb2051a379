"""The catalogue of findings: every problem with its cause, its remedies and its words.

Comes in: ``Found``, with values that strangers may have chosen.  Goes out: ``Told``.  The files
are read once, when first asked for; what is written in them a test holds to the rules of style.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib import resources

import msgspec

from mailclad.services.diagnose.entry import COMMON, Entry
from mailclad.services.diagnose.filling import Filling, readable
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.place import common_values
from mailclad.services.diagnose.told import Told


@cache
def entries() -> Mapping[str, Entry]:
    """All of them by id, in the order of their numbers."""
    files = resources.files("mailclad").joinpath("findings").iterdir()
    read = [
        msgspec.toml.decode(file.read_bytes(), type=Entry)
        for file in files
        if file.name.endswith(".toml")
    ]
    return {entry.id: entry for entry in sorted(read, key=lambda entry: entry.id[-3:])}


def tell(found: Iterable[Found], now: datetime) -> tuple[Told, ...]:
    """In words, in the same order."""
    return tuple(_told(one, now) for one in found)


def _told(found: Found, now: datetime) -> Told:
    entry, level = entries()[found.id], level_of(found)
    common = common_values(found, now)
    where = readable(common["where"])
    if level is Level.CANNOT_CHECK and not found.values:
        return _unchecked(entry, where, found)
    return _filled(entry, Filling({**common, **found.values}, now), level, where, found)


def shown_as_example(entry: Entry, now: datetime) -> Told:
    """The entry with the examples of its file."""
    values = {**COMMON, **entry.values}
    example = Found(entry.id, rule="", values=entry.values)
    return _filled(entry, Filling(values, now), entry.level, COMMON["where"], example)


def level_of(found: Found) -> Level:
    """The rule's own, else the entry's for this value, service, or in general."""
    entry = entries()[found.id]
    if found.level is not None:
        return found.level
    varied = entry.with_values(found.values).level
    if varied is not entry.level or found.endpoint is None:
        return varied
    return entry.level_by_service.get(found.endpoint.protocol, varied)


def misfits(found: Found) -> Iterator[str]:
    """What a rule gave that its entry does not name, or did not give; for tests of rules."""
    entry = entries()[found.id]
    who = f"{found.id} by {found.rule}"
    for name in entry.values.keys() - found.values.keys():
        yield f"{who}: {name} is missing"
    for name, value in found.values.items():
        if name not in entry.values:
            yield f"{who}: {name} is not among the entry's values"
        elif not value and name not in entry.optional:
            yield f"{who}: {name} is empty"


def _filled(entry: Entry, filling: Filling, level: Level, where: str, found: Found) -> Told:
    chosen = entry.with_values(filling.values)
    verify = filling.command(chosen.verify)
    return Told(
        id=chosen.id,
        slug=chosen.slug,
        level=level,
        title=chosen.title,
        where=where,
        saw=" ".join(filling.sentences(chosen.saw)),
        means=filling.sentence(chosen.means),
        risk=filling.sentence(chosen.risk),
        can_ignore=filling.sentence(chosen.can_ignore),
        do_user=filling.sentences(chosen.do_user),
        do_admin=filling.sentences(chosen.do_admin),
        paste=filling.pasted(chosen.paste),
        verify=verify,
        verify_good=filling.sentence(chosen.verify_good) if verify else "",
        fix_here=chosen.fix_here,
        found=found,
    )


def _unchecked(entry: Entry, where: str, found: Found) -> Told:
    """Names what has to work first."""
    first = ", ".join(f"{need} ({entries()[need].title})" for need in entry.needs)
    return Told(
        id=entry.id,
        slug=entry.slug,
        level=Level.CANNOT_CHECK,
        title=entry.title,
        where=where,
        saw=f"This can be looked at only where others are fine: {first}." if first else "",
        means="Nothing is known about this yet.",
        risk="Unknown.",
        can_ignore="Wait until the check is possible.",
        do_user=(),
        do_admin=("See to the other findings first, then check again.",),
        paste="",
        verify="",
        verify_good="",
        fix_here="",
        found=found,
    )
