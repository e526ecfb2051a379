"""Whose domain it is: the DNS tree walk (RFC 9989 §4.10).

In comes a domain name in A-labels; out come the DMARC records at it and above it, the longest
name first, and from them the organizational domain (§4.10.2).  A name of a hundred labels
costs no more than ``MAX_QUERIES`` queries: the walk jumps to seven labels.
DNS is a resolver given as argument; its ``DnsProblem`` passes through.  The answers are what
strangers publish: nothing of them is trusted beyond their own names.
"""

from dataclasses import dataclass, field

from mailclad.base.resolver import Resolver
from mailclad.mail.address import LABEL_OCTETS
from mailclad.mail.dmarc.record import DmarcRecord, Suffix, choose_record

MAX_QUERIES = 8
"""RFC 9989 §4.10: names of up to seven labels were seen in use, and one to spare."""

MAX_NAME_OCTETS = 253 - len("_dmarc.")
"""RFC 1035 §2.3.4, without the octets of the root."""

_JUMP_LABELS = MAX_QUERIES - 1


@dataclass(frozen=True, slots=True)
class Published:
    """A record, and the domain below ``_dmarc.`` of which it stands."""

    domain: str
    record: DmarcRecord


@dataclass(slots=True)
class Walker:
    """Walks for one message: names that two walks share are asked once."""

    resolver: Resolver
    _known: dict[str, DmarcRecord | None] = field(default_factory=dict)

    async def walk(self, domain: str) -> tuple[Published, ...]:
        """All records on the way up, to the first that says ``psd=y`` or ``psd=n``."""
        found: list[Published] = []
        for name in walked_names(domain):
            record = await self._record(name)
            if record is None:
                continue
            found.append(Published(name, record))
            if record.suffix is not Suffix.UNKNOWN:
                break
        return tuple(found)

    async def organizational_domain(self, domain: str) -> str:
        return choose_organizational(domain, await self.walk(domain))

    async def _record(self, name: str) -> DmarcRecord | None:
        if not _could_exist(name):
            return None
        if name not in self._known:
            answer = await self.resolver.txt(f"_dmarc.{name}")
            self._known[name] = choose_record(answer.records)
        return self._known[name]


def _could_exist(name: str) -> bool:
    """Senders choose what stands in d= and From; what DNS cannot hold is not asked for."""
    labels = name.split(".")
    return (
        len(name) <= MAX_NAME_OCTETS
        and name.isascii()
        and all(0 < len(label) <= LABEL_OCTETS for label in labels)
    )


def walked_names(domain: str) -> list[str]:
    """The names that a walk asks for, at most ``MAX_QUERIES``."""
    labels = domain.split(".")
    first = 1 if len(labels) <= MAX_QUERIES else len(labels) - _JUMP_LABELS
    return [domain] + [".".join(labels[start:]) for start in range(first, len(labels))]


def choose_organizational(domain: str, found: tuple[Published, ...]) -> str:
    """Of the records of a walk that began at ``domain`` (RFC 9989 §4.10.2)."""
    for published in found:
        if published.record.suffix is Suffix.NO:
            return published.domain
        if published.record.suffix is Suffix.YES:  # of the domain itself: there is none below
            labels = domain.split(".")
            return ".".join(labels[-2 - published.domain.count(".") :])
    return found[-1].domain if found else domain
