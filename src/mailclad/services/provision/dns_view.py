"""What a name server says of a name, in the same words as the records that we want.

Comes in: a resolver and a question.  Goes out: values in presentation form, names in lower case
with their last dot, of TXT the bare text; so that wanted and seen compare as text.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from mailclad.base.resolver import Answer, Caa, Mx, Srv, Tlsa, ZoneResolver

_ASK: Mapping[str, Callable[[ZoneResolver, str], Awaitable[Answer[Any]]]] = {
    "A": lambda view, name: view.addresses(name, 4),
    "AAAA": lambda view, name: view.addresses(name, 6),
    "CAA": lambda view, name: view.caa(name),
    "CNAME": lambda view, name: view.cname(name),
    "MX": lambda view, name: view.mx(name),
    "SRV": lambda view, name: view.srv(name),
    "TLSA": lambda view, name: view.tlsa(name),
    "TXT": lambda view, name: view.txt(name),
}


async def look_up(view: ZoneResolver, name: str, kind: str) -> tuple[str, ...]:
    """Raises DnsProblem."""
    answer = await _ASK[kind](view, name)
    return tuple(sorted(_written(kind, answer.records)))


async def find_zone(view: ZoneResolver, domain: str) -> tuple[str, tuple[str, ...]]:
    """The nearest name, upwards, that has name servers, and these; "" where none has.

    Raises DnsProblem.
    """
    zone = domain
    while zone:
        names = (await view.ns(zone)).records
        if names:
            return zone, names
        zone = zone.partition(".")[2]
    return "", ()


def _written(kind: str, records: Iterable[Any]) -> Iterable[str]:
    for record in records:
        match record:
            case Mx():
                yield f"{record.preference} {record.host}."
            case Srv():
                yield f"{record.priority} {record.weight} {record.port} {record.target}."
            case Tlsa():
                yield f"{record.usage} {record.selector} {record.matching} {record.data.hex()}"
            case Caa():
                yield f"{record.flags} {record.tag} {record.value.decode('latin-1')}"
            case bytes():
                yield record.decode("utf-8", "backslashreplace")
            case _:
                yield f"{record}." if kind == "CNAME" else str(record)
